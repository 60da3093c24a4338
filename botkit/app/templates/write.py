"""Writing a workflow from a template into a project."""

from __future__ import annotations

__all__ = ["TEMPLATES", "Template", "Written", "write_workflow"]

from importlib.resources import files
from pathlib import Path

from botkit.core.config.models.base import is_slug
from botkit.core.config.sources import SERVERS_FOLDER, WORKFLOWS_FOLDER
from botkit.core.data import Data
from botkit.core.errors import BotkitError, Conflict, NotFound


class Template(Data, omit_defaults=False):
    name: str
    about: str
    """One line."""
    servers: tuple[str, ...] = ()
    """Sample servers its tools come from."""
    review: tuple[str, ...] = ()
    """Lines for `tools:` of the workspace: what its tools do, as a person states it."""
    say: str = ""
    """A message that shows what it does."""
    trigger: str = ""
    """Options of `workflows run` that begin it, when no message does."""
    hint: str = ""
    """What else has to be set up before it runs for others."""


_ORDERS = ("orders__get_*: {class: read-only}", "orders__refund_order: {class: destructive, idempotent: true}")
_TICKETS = (
    "tickets__get_ticket: {class: read-only}",
    "tickets__find_tickets: {class: read-only}",
    "tickets__create_ticket: {class: write, idempotent: true}",
    "tickets__add_comment: {class: write, idempotent: true}",
)
_EVENT = '{"id": "T-1", "title": "Blank page", "body": "The payment page stays white.", "customer": "ada@example.com"}'

TEMPLATES = {
    one.name: one
    for one in (
        Template(
            name="escalation",
            about="A ticket arrives by webhook; an agent looks into it, a person decides what it is not sure of.",
            servers=("tickets", "chats"),
            review=(*_TICKETS, "chats__recent: {class: read-only}"),
            trigger=f"--trigger webhook --event ticket.created --input '{_EVENT}'",
            hint="its file says how to add the webhook",
        ),
        Template(
            name="onboarding",
            about="Gets to know somebody new, and asks the next day how it goes.",
            say="hello",
        ),
        Template(
            name="order-status",
            about="Tells a customer where an order is.",
            servers=("orders",),
            review=_ORDERS[:1],
            say="Where is order A-1002?",
        ),
        Template(
            name="refund",
            about="Verifies the customer by mail, looks the order up, asks a manager above 500, and refunds.",
            servers=("orders",),
            review=_ORDERS,
            say="I want my money back for A-1001",
            hint="it sends codes by mail: set up `delivery` in bots.yaml",
        ),
        Template(
            name="research",
            about="Searches until there is enough to answer, then answers with its sources.",
            servers=("library",),
            review=("library__search: {class: read-only}",),
            say="How hot is green tea brewed?",
        ),
        Template(
            name="triage",
            about="Sorts requests by kind and urgency, and files or answers them.",
            servers=("tickets",),
            review=_TICKETS,
            say="I have a problem: the checkout is broken and nobody can pay",
        ),
    )
}


class Written(Data, omit_defaults=False):
    name: str
    """Of the workflow."""
    template: str
    files: tuple[str, ...]
    kept: tuple[str, ...] = ()
    """Sample servers that were there already."""


def write_workflow(root: Path, name: str, template: str) -> Written:
    """Write the graph, its cases, and the sample servers that are missing.

    Args:
        root: the project's folder.
        name: of the workflow: small letters, digits, hyphens.

    Raises:
        NotFound: no such template.
        Conflict: the workflow is there already.
        BotkitError: the name does not fit, or the folder cannot be written to.
    """
    found = TEMPLATES.get(template)
    if found is None:
        raise NotFound(f"there is no template {template}; there are: {', '.join(TEMPLATES)}")
    if not is_slug(name):
        raise BotkitError(f"no workflow can be called `{name}`: use small letters, digits and hyphens, such as my-desk")
    source, stem = files("botkit.app.templates"), name.replace("-", "_")
    texts: dict[str, str] = {}
    for file, suffix in (("workflow.yaml", ".yaml"), ("test.yaml", ".test.yaml")):
        text = source.joinpath(template).joinpath(file).read_text("utf-8")
        texts[f"{WORKFLOWS_FOLDER}/{stem}{suffix}"] = text.replace("NAME", name)
    if taken := [path for path in texts if (root / path).exists()]:
        raise Conflict(f"{taken[0]} is there already: choose another name")
    kept: list[str] = []
    for server in found.servers:
        path = f"{SERVERS_FOLDER}/{server}.py"
        if (root / path).exists():
            kept.append(path)
        else:
            texts[path] = source.joinpath("servers").joinpath(f"{server}.py").read_text("utf-8")
    try:
        for path, text in texts.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BotkitError(f"cannot write to {root}: {error.strerror or error}") from error
    return Written(name=name, template=template, files=tuple(texts), kept=tuple(kept))
