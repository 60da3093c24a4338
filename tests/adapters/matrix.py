"""The cases every platform is tried on, and which tests try them: `python -m tests.adapters.matrix`.

C1 … C34 happen everywhere, T, D, S and W cases on Telegram, Discord, Slack and WhatsApp alone. A test says which case
it tries by its name: `test_c22_a_rate_limit_is_waited_out_in_order`.
"""

from __future__ import annotations

__all__ = ["CASES", "IMPOSSIBLE", "PLATFORMS", "cases_of", "trials_of"]

import importlib
import inspect
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from botkit.testing.adapters import AdapterContract, Emulator

_HERE = Path(__file__).parent
_NAMED = re.compile(r"test_((?:[ctdsw]\d+_)+)")

PLATFORMS = {"telegram": "T", "discord": "D", "slack": "S", "whatsapp": "W"}
"""Platform → the letter of its own cases."""

CASES = {
    "C1": "the same event twice: one turn",
    "C2": "twice, with a restart between: one turn",
    "C3": "a crash after it was acknowledged: it is answered after the restart",
    "C4": "nothing is acknowledged before it is stored",
    "C5": "events out of order: ordered in each conversation",
    "C6": "the bot's own message: ignored",
    "C7": "another bot: known as one",
    "C8": "a group without a mention: stored, no reply",
    "C9": "a mention or a reply in a group: answered there",
    "C10": "edited before the turn: the new text; after it: recorded",
    "C11": "deleted before the turn: not answered",
    "C12": "an unsupported kind: an event, no crash",
    "C13": "a malformed payload: kept, and the stream goes on",
    "C14": "emoji and right-to-left text: exact",
    "C15": "a file in: its limit, its login, its expiry",
    "C16": "a voice note in",
    "C17": "a bad signature or token: refused, nothing stored",
    "C18": "a body of 10 MB, or a packed one: refused",
    "C19": "a long answer with code: split, its code reopened",
    "C20": "unbalanced Markdown: accepted",
    "C21": "words that ring people: inert",
    "C22": "429: waited out, order kept",
    "C23": "a server error: no second message",
    "C24": "a connection that could not be made: tried again",
    "C25": "a lost answer: never doubled",
    "C26": "part 2 of 3 fails: goes on at 2",
    "C27": "a stream ends as one message",
    "C28": "two messages at once: one after the other",
    "C29": "a file out; one that is too large is named",
    "C30": "the token is revoked: red, no hot loop",
    "C31": "the network is gone: reconnects and drains",
    "C32": "stopped in the middle of it: kept",
    "C33": "a button pressed twice: acknowledged twice",
    "C34": "a button after a restart, or pressed by another",
    "T1": "secret wrong, absent or not ASCII: 401",
    "T2": "a webhook is set when polling starts: deleted first",
    "T3": "a second poller: red, with patience",
    "T4": "an undecodable update: passed",
    "T5": "privacy mode: said at the start",
    "T6": "a callback too old to answer: ignored",
    "T7": "not modified: done",
    "T8": "the group moved: sent to its new id",
    "T9": "a topic keeps its answers",
    "T10": "a draft outlives its 30 s",
    "T11": "a refused rich message: entities",
    "T12": "blocked: the conversation is gone",
    "T13": "an album is one message",
    "T14": "a surrogate pair at the limit",
    "D1": "a resume: nothing missed, nothing twice",
    "D2": "asked to reconnect",
    "D3": "an invalid session",
    "D4": "no answer to a heartbeat",
    "D5": "the token was reset",
    "D6": "a refused intent is named",
    "D7": "acknowledged within 3 s",
    "D8": "the interaction's token expired",
    "D9": "acknowledged twice",
    "D10": "a form and its answers",
    "D11": "a missing permission is named",
    "D12": "the same nonce twice: one message",
    "D13": "an archived thread is opened again",
    "D14": "no part is longer than Discord takes",
    "S1": "message and app_mention: one turn",
    "S2": "repeated posts",
    "S3": "a stale or future timestamp",
    "S4": "a garbage timestamp: 401",
    "S5": "the address is verified",
    "S6": "a trigger after 3 s: a message instead",
    "S7": "a response_url that is used up",
    "S8": "asked to reconnect",
    "S9": "a half-open socket",
    "S10": "a stream that was lost or expired",
    "S11": "a stream without its recipient",
    "S12": "refused blocks: plain text",
    "S13": "subtypes of messages",
    "S14": "two workspaces with the same ids",
    "W1": "the window is closed: a template, or a clear error",
    "W2": "refused later, by a report alone",
    "W3": "a report before the answer",
    "W4": "a report twice, or backward",
    "W5": "who hides their number",
    "W6": "a changed number",
    "W7": "the signature behind a proxy",
    "W8": "repeated and blank fields",
    "W9": "a JSON webhook",
    "W10": "a button or a row: an action",
    "W11": "4 choices: a list; 11: numbered",
    "W12": "typing fails: no matter",
    "W13": "too fast for one person: spaced",
    "W14": "a file's address wants a login and expires",
}

IMPOSSIBLE = {
    ("telegram", "C11"): "the Bot API tells of no deletions",
    ("whatsapp", "C7"): "bots are not told from people",
    ("whatsapp", "C8"): "groups do not reach a business number",
    ("whatsapp", "C9"): "groups do not reach a business number",
    ("whatsapp", "C10"): "edits are not told",
    ("whatsapp", "C11"): "deletions are not told",
}
"""What cannot happen on a platform, and why."""


def cases_of(platform: str) -> list[str]:
    """The cases a platform must be tried on, in order."""
    letters = ("C", PLATFORMS[platform])
    return [case for case in CASES if case[0] in letters and (platform, case) not in IMPOSSIBLE]


def trials_of(platform: str) -> dict[str, set[str]]:
    """Case → names of the tests that try it on this platform."""
    found: dict[str, set[str]] = defaultdict(set)
    modules = list(_modules(platform))
    skipped = _skipped(modules)
    for module in modules:
        shared = module.__name__.endswith(".test_engine")
        for name, thing in vars(module).items():
            if inspect.isclass(thing) and name.startswith("Test") and (not shared or name.lower() == f"test{platform}"):
                for test in dir(thing):
                    left_out = (
                        skipped if hasattr(AdapterContract, test) and test not in vars(thing) else frozenset[str]()
                    )
                    _note(found, test, f"{module.__name__}.{name}.{test}", left_out)
            elif inspect.isfunction(thing) and not shared:
                _note(found, name, f"{module.__name__}.{name}", frozenset())
    return found


def _modules(platform: str) -> Iterator[ModuleType]:
    files = [*_HERE.glob(f"test_{platform}*.py"), *_HERE.glob(f"{platform}/test_*.py"), _HERE / "test_engine.py"]
    for file in sorted(files):
        yield importlib.import_module(".".join(("tests", "adapters", *file.relative_to(_HERE).with_suffix("").parts)))


def _skipped(modules: Iterable[ModuleType]) -> frozenset[str]:
    """Cases of the contract that every emulator of a platform skips."""
    emulators = {
        thing
        for module in modules
        for thing in vars(module).values()
        if inspect.isclass(thing) and issubclass(thing, Emulator) and thing is not Emulator
    }
    return frozenset[str].intersection(*(emulator.cannot for emulator in emulators))


def _note(found: dict[str, set[str]], test: str, where: str, left_out: frozenset[str]) -> None:
    named = _NAMED.match(test)
    for case in named[1].upper().strip("_").split("_") if named else ():
        if case not in left_out:
            found[case].add(where)


def table() -> str:
    """Every case with the tests that try it, as Markdown."""
    tests = {platform: trials_of(platform) for platform in PLATFORMS}
    lines = ["| case | what | platform | tests |", "|---|---|---|---|"]
    for case, what in CASES.items():
        for platform in PLATFORMS:
            if case in cases_of(platform):
                names = sorted({name.removeprefix("tests.adapters.") for name in tests[platform][case]})
                lines.append(f"| {case} | {what} | {platform} | {'<br>'.join(f'`{name}`' for name in names)} |")
            elif (platform, case) in IMPOSSIBLE:
                lines.append(f"| {case} | {what} | {platform} | {IMPOSSIBLE[platform, case]} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
