"""Files on the wire: through LiteLLM's real HTTP path, to servers that judge them as the providers do."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from botkit.agents.litellm_model import LiteLLMProvider
from botkit.agents.models import Models, RetryPolicy
from botkit.core.config.models.llm import ModelSpec
from botkit.core.events import Attachment
from botkit.testing.clock import ManualClock
from botkit.testing.llm import FakeLLM
from tests.agents.pictures import JPEG, MP3, OGG, PDF, PNG, keeper
from tests.agents.support import Bench, a_task, row

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    # LiteLLM's own: pydantic's remarks on its types, and its use of deprecated attributes of pydantic
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

FILES = {"file_a": PNG, "file_b": JPEG, "file_v": OGG, "file_m": MP3, "file_s": PDF}
PHOTOS = (
    Attachment(kind="image", name="a.png", mime="image/png", size_bytes=70, file_id="file_a"),
    Attachment(kind="image", name="b.jpg", mime="image/jpeg", size_bytes=60, file_id="file_b"),
)
SCAN = Attachment(kind="file", name="scan.pdf", mime="application/pdf", size_bytes=50, file_id="file_s")
VOICE = Attachment(kind="voice", name="v.ogg", mime="audio/ogg", file_id="file_v", duration_s=3)
SONG = Attachment(kind="audio", name="m.mp3", mime="audio/mpeg", file_id="file_m", duration_s=3)


def bench_of(llm: FakeLLM, provider: LiteLLMProvider, **models: str | dict[str, Any]) -> Bench:
    async def key(secret: str, *_: Any) -> str:
        return "sk-test"

    bases = {"openai": llm.openai_url, "anthropic": llm.anthropic_url, "gemini": llm.gemini_url}
    specs: dict[str, ModelSpec] = {}
    for name, given in models.items():
        fields = {"model": given} if isinstance(given, str) else given
        where = bases[str(fields["model"]).partition("/")[0]]
        specs[name] = ModelSpec.model_validate({"api_base": where, "api_key": {"secret": "KEY"}, **fields})
    retry = RetryPolicy(attempts=1)
    return Bench(Models(lambda: specs, key, ManualClock(), retry=retry, provider=provider, read_file=keeper(FILES)))


def sent(llm: FakeLLM) -> str:
    assert [one.refusal for one in llm.requests if one.refusal] == []
    return json.dumps(llm.requests[-1].body)


@pytest.mark.parametrize("name", ["openai/gpt-4o", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"])
async def test_pictures_and_scans_reach_every_provider_in_its_shape(llm: FakeLLM, provider: LiteLLMProvider, name: str):
    llm.say("Two pictures and a scan.")
    bench = bench_of(llm, provider, main=name)

    outcome = await bench.run(a_task("What is this?", model="main", attachments=(*PHOTOS, SCAN), says_unread=True))

    assert outcome.text == "Two pictures and a scan."
    body = sent(llm)
    assert all(head in body for head in ("iVBORw0KGgo", "/9j/4AAQ", "JVBERi0xLjQ"))
    assert "iVBORw0KGgo" not in repr(bench.journal.writes), "the journal holds no bytes"


async def test_a_provider_that_hears_gets_the_sound(llm: FakeLLM, provider: LiteLLMProvider):
    llm.say("You said hello.")
    outcome = await bench_of(llm, provider, main="gemini/gemini-2.5-flash").run(
        a_task("", model="main", attachments=(VOICE,), says_unread=True)
    )
    assert outcome.text == "You said hello."
    assert "audio/ogg" in sent(llm)

    llm.say("A song.")
    hearing = {"model": "openai/gpt-audio", "reads": ["audio"]}
    await bench_of(llm, provider, main=hearing).run(a_task("", model="main", attachments=(SONG,)))
    assert '"format": "mp3"' in sent(llm)


async def test_a_model_that_cannot_see_is_told_in_words_and_so_is_the_person(llm: FakeLLM, provider: LiteLLMProvider):
    llm.say("I cannot tell.")
    blind: dict[str, Any] = {"model": "openai/gpt-4o", "reads": []}

    outcome = await bench_of(llm, provider, main=blind).run(
        a_task("What is this?", model="main", attachments=PHOTOS, says_unread=True)
    )

    assert outcome.text == "I cannot tell.\n\n*(I could not look into: a.png, b.jpg.)*"
    assert "attached image: a.png" in sent(llm)
    assert "iVBORw0KGgo" not in sent(llm)


async def test_what_was_seen_is_told_by_the_model_that_answered(llm: FakeLLM, provider: LiteLLMProvider):
    llm.fail(500).say("I only read.")
    sighted = {"model": "openai/gpt-4o", "fallbacks": ["other"]}
    bench = bench_of(llm, provider, main=sighted, other={"model": "openai/gpt-4o", "reads": []})

    outcome = await bench.run(a_task("Look", model="main", attachments=PHOTOS[:1], says_unread=True))

    assert outcome.text == "I only read.\n\n*(I could not look into: a.png.)*"
    assert "iVBORw0KGgo" in json.dumps(llm.requests[0].body)
    replayed = await bench.run(a_task("Look", model="main", attachments=PHOTOS[:1], says_unread=True))
    assert replayed.text == outcome.text


async def test_a_picture_of_the_history_is_shown_again(llm: FakeLLM, provider: LiteLLMProvider):
    llm.say("It was a dot.")
    history = (
        row("user", "Look", 1, attachments=msgspec.to_builtins(PHOTOS[:1])),
        row("assistant", "Nice.", 2),
    )

    await bench_of(llm, provider, main="anthropic/claude-sonnet-4-5").run(
        a_task("What was it?", model="main", history=history)
    )

    assert "iVBORw0KGgo" in sent(llm)
