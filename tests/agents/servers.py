"""Tools to try the demo model on: the sample workspace's, and servers it has never seen."""

from __future__ import annotations

__all__ = ["NEW", "SAMPLE", "specs"]

import json
from pathlib import Path
from typing import Any

from botkit.agents.schemas import function_spec
from botkit.core.tools import Tool

Definition = dict[str, Any]

SAMPLE: dict[str, list[Definition]] = json.loads((Path(__file__).parent / "sample_tools.json").read_text("utf-8"))
"""What `notes`, `orders` and `web` of the sample workspace answer to `tools/list`."""


def _define(name: str, description: str, required: str = "", /, **properties: Any) -> Definition:
    schemas = {key: {"type": value} if isinstance(value, str) else value for key, value in properties.items()}
    schema = {"type": "object", "properties": schemas, "required": required.split()}
    return {"name": name, "description": description, "inputSchema": schema}


def _text(description: str, **more: Any) -> Definition:
    return {"type": "string", "description": description, **more}


def _choice(*options: str) -> Definition:
    return {"type": "string", "enum": list(options)}


NEW: dict[str, list[Definition]] = {
    "weather": [
        _define("get_weather", "Get the current weather for a city.", "city", city="string"),
        _define("get_forecast", "Weather forecast for the next days.", "city", city="string", days="integer"),
    ],
    "calc": [
        _define("add", "Add two numbers", "a b", a="number", b="number"),
        _define("multiply", "Multiply two numbers", "a b", a="number", b="number"),
        _define("calculate", "Evaluate a mathematical expression", "expression", expression="string"),
    ],
    "github": [
        _define(
            "create_issue",
            "Create a new issue in a GitHub repository",
            "owner repo title",
            owner=_text("Repository owner"),
            repo=_text("Repository name"),
            title=_text("Issue title"),
            body=_text("Issue body"),
            labels={"type": "array", "items": {"type": "string"}},
        ),
        _define(
            "list_issues",
            "List issues of a GitHub repository",
            "owner repo",
            owner="string",
            repo="string",
            state={"type": "string", "enum": ["open", "closed", "all"]},
        ),
    ],
    "calendar": [
        _define(
            "create_event",
            "Create a calendar event",
            "title start",
            title="string",
            start=_text("Start time", format="date-time"),
            duration_minutes="integer",
            attendees={"type": "array", "items": {"type": "string", "format": "email"}},
        ),
        _define("list_events", "List calendar events of a day", "date", date=_text("Day", format="date")),
    ],
    "files": [
        _define("read_file", "Read a file from disk", "path", path="string"),
        _define("list_directory", "List the files of a directory", "path", path="string"),
        _define("write_file", "Write text to a file", "path content", path="string", content="string"),
    ],
    "money": [
        _define(
            "convert_currency",
            "Convert an amount between currencies",
            "amount from_currency to_currency",
            amount="number",
            from_currency=_text("ISO currency code"),
            to_currency=_text("ISO currency code"),
        ),
    ],
    "chat": [
        _define(
            "send_message",
            "Send a message to a channel",
            "channel text",
            channel=_text("Channel name, such as general"),
            text="string",
        ),
    ],
    "stock": [
        _define(
            "check_stock",
            "How many pieces of an article are left",
            "sku",
            sku=_text("Article", pattern=r"^[A-Z]{3}-\d{4}$"),
        ),
    ],
    "shop": [
        _define("lookup_order", "Look up an order by its id", "order_id", order_id="string"),
        _define("cancel_order", "Cancel an order", "order_id", order_id="string", notify="boolean"),
    ],
    "translate": [
        _define(
            "translate",
            "Translate text to another language",
            "text target_language",
            text="string",
            target_language="string",
        ),
    ],
    "crm": [
        _define(
            "create_contact",
            "Create a contact",
            "name email",
            name="string",
            email=_text("E-mail", format="email"),
            company="string",
            address={
                "type": "object",
                "properties": {"city": {"type": "string"}, "zip_code": {"type": "string", "pattern": r"^\d{5}$"}},
            },
        ),
    ],
    "home": [
        _define(
            "set_light",
            "Turn a light on or off",
            "room on",
            room={"type": "string", "enum": ["kitchen", "living_room", "bedroom"]},
            on="boolean",
            brightness="integer",
        ),
    ],
    "clock": [_define("get_current_time", "Get the current time in a timezone", "timezone", timezone="string")],
    "misc": [
        _define("echo", "Echo the text back", "text", text="string"),
        _define("roll_dice", "Roll dice", "", sides="integer", count="integer"),
        _define("random_joke", "Tell a random joke", ""),
    ],
    "plants": [
        _define("water_need", "How much water a plant needs per week.", "plant", plant="string", pot_size_cm="integer"),
        _define("list_plants", "List the plants of the office.", room="string"),
    ],
    "books": [_define("find_author", "Who wrote a book", "book", book="string")],
    "text": [
        _define("reverse_text", "Reverse a string", "text", text="string"),
        _define("count_words", "Count the words of a text", "text", text="string"),
        _define("uppercase", "Convert text to upper case", "text", text="string"),
    ],
    "math": [
        _define("fibonacci", "Return the n-th Fibonacci number", "n", n="integer"),
        _define("is_prime", "Check whether a number is prime", "number", number="integer"),
        _define("bmi", "Calculate the body mass index", "weight_kg height_m", weight_kg="number", height_m="number"),
    ],
    "units": [
        _define(
            "convert_units",
            "Convert a value between units",
            "value from_unit to_unit",
            value="number",
            from_unit="string",
            to_unit="string",
        )
    ],
    "stocks": [
        _define(
            "get_stock_price", "Get the latest price of a stock", "symbol", symbol=_text("Ticker symbol, such as AAPL")
        )
    ],
    "rooms": [
        _define(
            "book_room", "Book a meeting room", "room date", room="string", date=_text("YYYY-MM-DD"), people="integer"
        ),
        _define("list_rooms", "List free meeting rooms", "", date=_text("YYYY-MM-DD")),
    ],
    "hr": [
        _define("vacation_days", "Remaining vacation days of an employee", "employee", employee="string"),
        _define(
            "request_vacation",
            "Request vacation",
            "employee start_date end_date",
            employee="string",
            start_date=_text("YYYY-MM-DD"),
            end_date=_text("YYYY-MM-DD"),
        ),
    ],
    "inv": [
        _define(
            "get_stock",
            "How many pieces of a product are in stock",
            "product",
            product="string",
            warehouse=_choice("north", "south"),
        )
    ],
    "dict": [_define("define_word", "Look up the definition of a word", "word", word="string")],
    "movies": [_define("search_movies", "Search for movies", "query", query="string", year="integer")],
    "wx": [
        _define(
            "current_weather",
            "Current weather conditions",
            "location",
            location="string",
            units={"type": "string", "enum": ["metric", "imperial"], "default": "metric"},
        )
    ],
    "tickets": [
        _define(
            "create_ticket",
            "Create a support ticket",
            "subject",
            subject="string",
            description="string",
            priority=_choice("low", "normal", "high"),
        ),
        _define("get_ticket", "Show a support ticket", "ticket_id", ticket_id="integer"),
        _define("close_ticket", "Close a support ticket", "ticket_id", ticket_id="integer", resolution="string"),
    ],
    "mail": [
        _define(
            "send_email",
            "Send an e-mail",
            "to subject body",
            to=_text("address", format="email"),
            subject="string",
            body="string",
        )
    ],
    "coffee": [
        _define(
            "make_coffee",
            "Make a cup of coffee",
            "kind",
            kind=_choice("espresso", "latte", "flat_white"),
            sugar="integer",
        )
    ],
    "pw": [
        _define(
            "generate_password",
            "Generate a random password",
            "",
            length={"type": "integer", "default": 16},
            symbols="boolean",
        )
    ],
    "geo": [
        _define("distance", "Distance between two cities", "origin destination", origin="string", destination="string")
    ],
    "greet": [
        _define("greet", "Greet a person by name", "name", name="string"),
        _define("hello", "Say hello to someone", "name", name="string"),
    ],
    "faq": [_define("ask_faq", "Answer a frequently asked question", "question", question="string")],
    "customers": [
        _define("find_customer", "Find a customer by name or e-mail", "query", query="string"),
        _define(
            "update_phone",
            "Change the phone number of a customer",
            "customer_id phone",
            customer_id="string",
            phone="string",
        ),
    ],
    "wiki": [_define("search_articles", "Search encyclopedia articles", "query", query="string", limit="integer")],
}


def specs(*servers: str) -> tuple[dict[str, Any], ...]:
    """The tools of these servers as a model is told of them."""
    found: list[dict[str, Any]] = []
    for server in servers:
        for definition in (SAMPLE | NEW)[server]:
            name = f"{server}__{definition['name']}"
            tool = Tool(
                name=name,
                server=server,
                upstream_name=definition["name"],
                definition={**definition, "name": name},
            )
            found.append(function_spec(tool))
    return tuple(found)
