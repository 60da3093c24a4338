"""The reference page tells every key, and importing the shapes stays cheap."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

from pydantic import BaseModel

from botkit.core.config import models
from botkit.core.config.reference import reference_markdown
from botkit.core.config.unavailable import UNAVAILABLE


def all_models() -> Iterator[type[BaseModel]]:
    for name in models.__all__:
        one = getattr(models, name)
        if isinstance(one, type) and issubclass(one, BaseModel):
            yield one


def test_every_key_of_every_model_has_a_sentence() -> None:
    bare = [f"{m.__name__}.{name}" for m in all_models() for name, f in m.model_fields.items() if not f.description]
    assert bare == []


def test_every_key_is_on_the_page() -> None:
    page = reference_markdown()
    hidden = {("HostedServer", "discovered")}
    for model in all_models():
        if model.__name__ in ("Model", "Server", "Channel", "Overrides", "SecretRef"):
            continue  # told with the models that build on them
        for name, field in model.model_fields.items():
            row = f"| `{field.alias or name}` |"
            assert (row in page) or (model.__name__, name) in hidden, (model.__name__, name)


def test_links_lead_to_headings() -> None:
    page = reference_markdown()
    headings = {line[3:].lower().replace(" ", "-") for line in page.splitlines() if line.startswith("## ")}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= headings


def test_every_row_of_a_table_has_four_cells() -> None:
    rows = [line for line in reference_markdown().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def test_keys_to_come_are_marked_from_the_same_table_that_refuses_them() -> None:
    page = reference_markdown()
    spellings = {"serverUrl", "httpUrl"}  # other programs' names of `url`
    rows = {row.path for row in UNAVAILABLE if row.value is None and row.path[-1] not in spellings}
    assert page.count("*Not available yet.*") == len(rows) > 0
    assert re.search(r"\| `skills` .*\*Not available yet\.\*", page)


def test_importing_the_package_loads_no_yaml_library_and_no_platform() -> None:
    code = (
        "import sys, botkit.core.config\n"
        "heavy = {'ruamel.yaml', 'litellm', 'aiogram', 'sqlalchemy', 'mcp', 'httpx', 'dotenv'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
