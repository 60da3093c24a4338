"""Reports of cases as JUnit XML, which build servers read.

Source: https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

__all__ = ["junit", "printable"]

import re
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from botkit.app.rehearsal.expecting import CaseReport

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(reports: Sequence[CaseReport]) -> str:
    """One suite for each workflow."""
    root = Xml.Element("testsuites", name="workflows")
    for workflow in dict.fromkeys(report.workflow for report in reports):
        mine = [report for report in reports if report.workflow == workflow]
        failures = sum(not report.ok for report in mine)
        seconds = f"{sum(report.seconds for report in mine):.4f}"
        suite = Xml.SubElement(
            root, "testsuite", name=workflow, tests=str(len(mine)), failures=str(failures), errors="0", time=seconds
        )
        for report in mine:
            case = Xml.SubElement(
                suite, "testcase", classname=workflow, name=printable(report.name), time=f"{report.seconds:.4f}"
            )
            if not report.ok:
                what = ", ".join(dict.fromkeys(one.what for one in report.differences))
                failure = Xml.SubElement(case, "failure", message=printable(f"not as expected: {what}"))
                text = "\n\n".join("\n".join([one.what, *one.lines]) for one in report.differences)
                failure.text = printable(text)
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def printable(text: str) -> str:
    """Without what XML does not take."""
    return _UNPRINTABLE.sub("�", text)
