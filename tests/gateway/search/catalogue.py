"""A workspace of 200 tools as companies have them, and what people ask of it."""

from __future__ import annotations

__all__ = ["QUESTIONS", "tools"]

from typing import Any

from botkit.core.tools import Tool

_SERVERS: dict[str, tuple[str, ...]] = {
    "github": ("issue", "pull_request", "branch", "release", "workflow_run"),
    "jira": ("ticket", "sprint", "board", "epic", "worklog"),
    "shop": ("order", "refund", "customer", "product", "shipment"),
    "calendar": ("event", "attendee", "room", "reminder", "availability"),
    "mail": ("message", "draft", "label", "attachment", "filter"),
    "crm": ("contact", "deal", "company", "note", "pipeline"),
    "files": ("document", "folder", "permission", "comment", "version"),
    "billing": ("invoice", "payment", "subscription", "coupon", "tax_rate"),
}
_VERBS = {
    "list": "List {s} with filters and paging. Results come newest first and hold at most one hundred entries a page.",
    "get": "Get one {s} by its identifier, with all of its fields, links to related records and its history.",
    "create": "Create a new {s}. Required fields must be present; everything else gets the defaults of the account.",
    "update": "Change fields of an existing {s}. Only fields that are given are changed; null clears a field.",
    "delete": "Delete a {s} for good. This cannot be undone, and records that refer to it are detached from it.",
}

QUESTIONS: dict[str, str] = {
    "create an invoice": "billing__create_invoice",
    "give the money back for an order": "shop__create_refund",
    "which pull requests are open": "github__list_pull_request",
    "close the sprint": "jira__update_sprint",
    "delete that calendar event": "calendar__delete_event",
    "find free meeting rooms": "calendar__list_room",
    "add a label to the mail": "mail__create_label",
    "where is the shipment": "shop__get_shipment",
    "cancel the subscription": "billing__delete_subscription",
    "new contact in the crm": "crm__create_contact",
    "share the folder": "files__create_permission",
    "log work on a ticket": "jira__create_worklog",
}


def tools() -> list[Tool]:
    """200 of them, with schemas of an ordinary size."""
    found: list[Tool] = []
    for server, subjects in _SERVERS.items():
        for subject in subjects:
            for verb, about in _VERBS.items():
                spoken = subject.replace("_", " ")
                definition = {
                    "name": f"{server}__{verb}_{subject}",
                    "title": f"{verb} {spoken}",
                    "description": about.format(s=spoken) + _MORE.get(subject, ""),
                    "inputSchema": _schema(spoken),
                    "outputSchema": {"type": "object", "properties": {"id": {"type": "string"}}},
                }
                found.append(
                    Tool(
                        name=f"{server}__{verb}_{subject}",
                        server=server,
                        upstream_name=f"{verb}_{subject}",
                        definition=definition,
                        tool_class="read-only" if verb in ("list", "get") else "write",
                    )
                )
    return found


_MORE = {
    "refund": " A refund gives money back for an order.",
    "permission": " Permissions share a folder or a document with somebody.",
    "worklog": " Worklogs say how long somebody worked on a ticket.",
    "subscription": " Deleting one cancels it at the end of the period.",
    "room": " Meeting rooms that are free can be booked.",
    "sprint": " An update can start or close it.",
}


def _schema(subject: str) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Arguments",
        "type": "object",
        "properties": {
            "id": {"type": "string", "title": "Id", "description": f"Identifier of the {subject}, as in its address."},
            "fields": {
                "type": "object",
                "description": f"Fields of the {subject} to use. Names are those of the account's own schema.",
                "properties": {
                    "title": {
                        "type": "string",
                        "title": "Title",
                        "description": "Text shown in lists and mails.",
                    },
                    "owner": {
                        "type": "object",
                        "description": "Who is responsible for it from now on, by address or by identifier.",
                        "properties": {
                            "email": {"type": "string", "format": "email", "description": "Address of the person."},
                            "team": {
                                "type": "object",
                                "properties": {"id": {"type": "string"}, "name": {"type": "string"}},
                            },
                        },
                    },
                    "tags": {"type": "array", "items": {"type": "string", "description": "One tag, in lower case."}},
                },
            },
            "page": {"type": "integer", "minimum": 1, "default": 1, "description": "Page of the results, from one."},
            "expand": {
                "type": "array",
                "items": {"enum": ["owner", "history", "links"]},
                "description": "Added.",
            },
        },
        "required": ["id"],
    }
