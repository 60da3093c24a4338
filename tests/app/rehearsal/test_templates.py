"""Every template is right, passes its own cases, and brings the tools it needs."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from botkit.app.rehearsal.cases import case_files, read_cases
from botkit.app.rehearsal.expecting import rehearse
from botkit.app.templates.write import TEMPLATES, write_workflow
from botkit.app.workflows import load_project
from botkit.core.errors import BotkitError, Conflict, NotFound

CONFIG = "version: 1\nmodels: {default: demo/offline}\nbots: {helper: {name: Helper}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "bots.yaml").write_text(CONFIG)
    return tmp_path


@pytest.mark.parametrize("template", TEMPLATES)
async def test_a_template_is_right_and_passes_its_cases(project: Path, template: str) -> None:
    written = write_workflow(project, "my-flow", template)
    assert all("NAME" not in (project / path).read_text() for path in written.files)
    config = load_project(project / "bots.yaml")
    assert "my-flow" in config.workflows
    reached: set[str] = set()
    for file in case_files(project, "my-flow"):
        for case in read_cases(file, project).cases:
            report = await rehearse(config, case)
            assert report.ok, (case.name, report.differences)
            reached.update(path.rpartition("/")[2] for path in report.performance.path)
    assert len(reached) > 3


@pytest.mark.parametrize("template", [name for name, one in TEMPLATES.items() if one.servers])
def test_its_sample_servers_load(project: Path, template: str) -> None:
    written = write_workflow(project, "one", template)
    servers = [path for path in written.files if path.startswith("workspace/servers/")]
    assert len(servers) == len(TEMPLATES[template].servers)
    for path in servers:
        assert "server" in runpy.run_path(str(project / path))


def test_what_is_there_already_stays(project: Path) -> None:
    orders = project / "workspace" / "servers" / "orders.py"
    orders.parent.mkdir(parents=True)
    orders.write_text("# mine\n")
    written = write_workflow(project, "status", "order-status")
    assert written.kept == ("workspace/servers/orders.py",)
    assert orders.read_text() == "# mine\n"
    with pytest.raises(Conflict):
        write_workflow(project, "status", "triage")


def test_a_name_has_to_fit_and_the_template_has_to_be_there(project: Path) -> None:
    with pytest.raises(NotFound, match="refund"):
        write_workflow(project, "x", "nothing")
    with pytest.raises(BotkitError, match="small letters"):
        write_workflow(project, "../x", "triage")
