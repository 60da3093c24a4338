"""Evaluations as JUnit XML, which build servers read.

Source: https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

__all__ = ["junit"]

from xml.etree import ElementTree as Xml

from botkit.app.evals.reports import CaseReport, EvalReport
from botkit.app.rehearsal.junit import printable


def junit(report: EvalReport) -> str:
    """One suite for each file."""
    root = Xml.Element("testsuites", name="evals")
    for file in dict.fromkeys(case.file for case in report.cases):
        _suite(root, file, [case for case in report.cases if case.file == file])
    for one in report.routing:
        suite = Xml.SubElement(
            root, "testsuite", name=one.file, tests="1", failures=str(int(not one.ok)), errors="0", skipped="0"
        )
        case = Xml.SubElement(suite, "testcase", classname=one.file, name=f"routing of {one.report.team}")
        if not one.ok:
            told = f"{one.report.accuracy:.0%} of {one.report.total} messages, {one.at_least:.0%} are needed"
            Xml.SubElement(case, "failure", message=told)
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _suite(root: Xml.Element, file: str, cases: list[CaseReport]) -> None:
    states = [case.state for case in cases]
    suite = Xml.SubElement(
        root,
        "testsuite",
        name=file,
        tests=str(len(cases)),
        failures=str(states.count("failed")),
        errors=str(states.count("stale")),
        skipped=str(states.count("skipped")),
        time=f"{sum(case.seconds for case in cases):.4f}",
    )
    for case in cases:
        element = Xml.SubElement(
            suite, "testcase", classname=case.bot, name=printable(case.name), file=case.at, time=f"{case.seconds:.4f}"
        )
        failed = next((one for one in case.tries if not one.ok), None)
        if case.state == "skipped":
            Xml.SubElement(element, "skipped", message=printable(case.why))
        elif case.state == "stale" and failed is not None:
            Xml.SubElement(element, "error", message=printable("; ".join(failed.stale)))
        elif case.state == "failed" and failed is not None:
            told = f"{case.passed} of {len(case.tries)} tries passed"
            failure = Xml.SubElement(element, "failure", message=told)
            failure.text = printable(
                "\n\n".join(f"{one.at}: {one.what}\n- {one.wanted}\n+ {one.came}" for one in failed.differences)
            )
