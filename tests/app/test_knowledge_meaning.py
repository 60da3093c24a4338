"""Searching by meaning: batched, paid for, kept, and never in the way of searching by words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from botkit.app.embedding import EmbeddingDesk
from botkit.app.knowledge import Library
from botkit.app.knowledge_watch import KnowledgeWatch, concerns_knowledge, folders_to_watch
from botkit.core.budgets import Charge, Payer
from botkit.core.config import load_config
from botkit.core.embeddings import EmbeddingReply, EmbeddingRequest
from botkit.core.errors import BudgetUsedUp, ConfigError, ModelRateLimited, ModelUnavailable, NotFound
from botkit.core.journal import AddUsage, SettleBudget, Write
from botkit.core.knowledge import Asker, KnowledgeSource, Passage
from botkit.core.models import Usage
from botkit.testing.clock import ManualClock
from botkit.testing.llm_servers.embedding_wire import toy_vector

YAML = """
models: {meaning: openai/text-embedding-3-small}
settings: {knowledge: {embedding: meaning}, roles: {staff: {}}}
knowledge:
  shop: {paths: docs}
  staff: {paths: ["staff/*.md"], roles: staff}
  board: {paths: ["board/*.md"], bots: expert}
workspaces:
  desk: {knowledge: [shop, staff, board]}
  other: {knowledge: shop}
bots: {helper: {workspace: desk}, expert: {workspace: desk}}
"""
CONCEPTS = {"refund": "money-back", "reimbursement": "money-back"}
ADA = Asker(
    bot="helper",
    roles=("guest",),
    payer=Payer(person="ada", bots=("helper",), workspaces=("desk",), channel="tg"),
    run_id="r1",
    step="turn/0/tool/0",
    trace_id="t1",
)


class Meanings:
    """An embedding model."""

    def __init__(self) -> None:
        self.asked: list[EmbeddingRequest] = []
        self.fails: Exception | None = None
        self.name = "toy"
        self._answered = asyncio.Condition()

    def identity(self, model: str) -> str:
        return f"{self.name}/{model}"

    async def embed(self, request: EmbeddingRequest) -> EmbeddingReply:
        self.asked.append(request)
        if self.fails is not None:
            raise self.fails
        vectors = tuple(toy_vector(text, CONCEPTS) for text in request.texts)
        async with self._answered:
            self._answered.notify_all()
        usage = Usage(input_tokens=10 * len(vectors), cost_micros=len(vectors))
        return EmbeddingReply(vectors=vectors, usage=usage, model="toy/64")

    async def until(self, happened: Callable[[], bool]) -> None:
        """Looked at after each answer."""
        async with self._answered:
            await self._answered.wait_for(happened)

    def texts(self, purpose: str) -> list[str]:
        return sorted(text for request in self.asked if request.purpose == purpose for text in request.texts)


class Purse:
    """Budgets that count what is reserved."""

    def __init__(self) -> None:
        self.active = True
        self.reserved: list[tuple[Payer, int]] = []
        self.empty = False

    async def reserve_model(self, payer: Payer, *, input_tokens: int, **rest: Any) -> Charge:
        if self.empty:
            raise BudgetUsedUp("nothing left")
        self.reserved.append((payer, input_tokens))
        return Charge(run_id=rest["run_id"], step=rest["step"], accounts=(("all", "", "ever"),))


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.model, self.purse = Meanings(), Purse()
        self.booked: list[Write] = []
        self.configs = SimpleNamespace(current=load_config(folder / "bots.yaml"))
        desk = EmbeddingDesk(self.model, cast("Any", self.purse), self.clock, self._book)
        self.library = Library(folder / "home", cast("Any", self.configs), self.clock, desk)

    async def _book(self, writes: Sequence[Write]) -> None:
        self.booked.extend(writes)

    async def look(self, query: str, asker: Asker = ADA, workspace: str = "desk", **more: Any) -> Sequence[Passage]:
        return (await self.library.search(workspace, query, asker=asker, **more)).passages

    async def read(self) -> Mapping[str, Any]:
        return await self.library.refresh()


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    for name, text in {
        "docs/pay.md": "# Pay\n\nReimbursements are paid on Fridays.",
        "docs/tea.md": "Tea is green.",
        "staff/pay.md": "Refunds over 500 need a manager.",
        "board/plans.md": "Refunds cost us 5 percent.",
        "bots.yaml": YAML,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    made = Shelf(tmp_path)
    yield made
    await made.library.aclose()


async def test_vectors_are_made_once_in_batches_and_booked_on_the_workspaces(shelf: Shelf) -> None:
    told = await shelf.read()
    assert {name: one.embedded for name, one in told.items()} == {"shop": 2, "staff": 1, "board": 1}
    assert shelf.model.texts("document") == [
        "Pay\nReimbursements are paid on Fridays.",
        "Refunds cost us 5 percent.",
        "Refunds over 500 need a manager.",
        "Tea is green.",
    ]
    assert len(shelf.model.asked) == 3
    assert {payer.workspaces for payer, _ in shelf.purse.reserved} == {
        ("desk", "other", "default"),
        ("desk", "default"),
    }
    calls = [write.call for write in shelf.booked if isinstance(write, AddUsage)]
    assert [(one.workspace, one.model, one.run_id) for one in calls] == [("desk", "toy/64", "")] * 3
    settled = [write.charge for write in shelf.booked if isinstance(write, SettleBudget)]
    assert sum(one.used.micros for one in settled) == 4
    assert {one.step for one in settled} == {one.id for one in calls}
    (shelf.folder / "docs/tea.md").write_text("Tea is green.\n\n# Also\n\nCoffee is black.")
    assert (await shelf.read())["shop"].embedded == 1
    assert shelf.model.asked[-1].texts == ("Also\nCoffee is black.",)


async def test_a_question_is_asked_once_and_booked_on_who_asks(shelf: Shelf) -> None:
    await shelf.read()
    shelf.booked.clear()
    for _ in range(3):
        assert [one.file for one in await shelf.look("refund")] == ["docs/pay.md"]
    assert shelf.model.texts("query") == ["refund"]
    (call,) = [write.call for write in shelf.booked if isinstance(write, AddUsage)]
    assert (call.person_id, call.bot, call.workspace, call.channel) == ("ada", "helper", "desk", "tg")
    assert (call.run_id, call.step, call.trace_id) == ("r1", "turn/0/tool/0", "t1")


@pytest.mark.parametrize("fault", [ModelUnavailable("down"), ModelRateLimited("slow"), BudgetUsedUp("none")])
async def test_without_the_model_words_answer_and_it_is_said(shelf: Shelf, fault: Exception) -> None:
    await shelf.read()
    if isinstance(fault, BudgetUsedUp):
        shelf.purse.empty = True
    else:
        shelf.model.fails = fault
    found = await shelf.library.search("desk", "reimbursements", asker=ADA)
    assert [one.file for one in found.passages] == ["docs/pay.md"]
    assert found.notice.startswith("searched by words alone: the model meaning does not answer")
    asked = len(shelf.model.asked)
    assert (await shelf.library.search("desk", "fridays", asker=ADA)).notice == found.notice
    assert len(shelf.model.asked) == asked  # it is not waited for again at once
    shelf.model.fails, shelf.purse.empty = None, False
    await shelf.clock.advance(16)
    assert (await shelf.library.search("desk", "reimbursements", asker=ADA)).notice == ""


async def test_what_was_made_before_a_failure_is_kept(shelf: Shelf) -> None:
    text = "\n\n".join(f"# Part {number}\n\n{'word ' * 240}{number}" for number in range(150))
    (shelf.folder / "docs/long.md").write_text(text)
    real, calls = shelf.model.embed, 0

    async def failing(request: EmbeddingRequest) -> EmbeddingReply:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ModelUnavailable("down")
        return await real(request)

    shelf.model.embed = failing
    told = await shelf.library.refresh(["shop"])
    assert told["shop"].notice == "down"
    shelf.model.embed = real
    shelf.model.asked.clear()
    made = (await shelf.library.refresh(["shop"]))["shop"].embedded
    assert 0 < made < 152
    assert (await shelf.library.sizes("shop")) == (152, 152)


async def test_sources_are_for_the_bots_and_roles_they_name(shelf: Shelf) -> None:
    await shelf.read()

    def asker(bot: str, *roles: str) -> Asker:
        return Asker(bot=bot, roles=roles)

    async def files(who: Asker) -> set[str]:
        return {one.file for one in await shelf.look("refunds", who)}

    assert await files(asker("helper", "guest")) == {"docs/pay.md"}
    assert await files(asker("helper", "staff")) == {"docs/pay.md", "staff/pay.md"}
    assert await files(asker("expert", "staff")) == {"docs/pay.md", "staff/pay.md", "board/plans.md"}
    with pytest.raises(NotFound, match="no knowledge `board`; there is: shop"):
        await shelf.look("refunds", asker("helper"), sources=["board"])
    with pytest.raises(NotFound):
        await shelf.look("refunds", asker("expert", "staff"), workspace="other", sources=["board"])


async def test_another_model_makes_all_vectors_anew(shelf: Shelf) -> None:
    await shelf.read()
    shelf.model.name = "other"
    assert (await shelf.read())["shop"].embedded == 2
    assert (await shelf.look("refund"))[0].file == "docs/pay.md"


@asynccontextmanager
async def watching(shelf: Shelf) -> AsyncGenerator[KnowledgeWatch]:
    watch = KnowledgeWatch(shelf.library, shelf.clock)
    task = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_saved_file_is_read_and_embedded_by_itself(shelf: Shelf) -> None:
    async with watching(shelf):
        await shelf.model.until(lambda: "Tea is green." in shelf.model.texts("document"))
        while not shelf.library.watched:
            await asyncio.sleep(0)
        (shelf.folder / "docs/new.md").write_text("Trains are late.")
        await shelf.model.until(lambda: "Trains are late." in shelf.model.texts("document"))
    assert [one.file for one in await shelf.look("trains")][:1] == ["docs/new.md"]


async def test_a_model_that_was_down_is_asked_again(shelf: Shelf) -> None:
    shelf.model.fails = ModelUnavailable("down", retry_after_s=30.0)
    async with watching(shelf):
        await shelf.clock.sleeping()
        assert (await shelf.library.sizes("shop"))[1] == 0
        shelf.model.fails = None
        asked = len(shelf.model.asked)
        await shelf.clock.advance(31)
        await shelf.model.until(lambda: len(shelf.model.asked) >= asked + 3)


def test_folders_are_watched_once(tmp_path: Path) -> None:
    (tmp_path / "docs/inner").mkdir(parents=True)
    (tmp_path / "docs/a.md").write_text("x")

    def source(*paths: str) -> KnowledgeSource:
        return KnowledgeSource(name="s", root=str(tmp_path), paths=paths)

    assert folders_to_watch([source("docs", "docs/inner/**/*.md")]) == [tmp_path / "docs"]
    assert folders_to_watch([source("docs/a.md")]) == [tmp_path / "docs"]
    assert folders_to_watch([source("missing/x")]) == [tmp_path]
    assert folders_to_watch([]) == []


def test_what_is_written_all_the_time_is_not_followed(tmp_path: Path) -> None:
    def told(path: str) -> bool:
        return concerns_knowledge(str(tmp_path / path), [tmp_path])

    assert told("docs/a.md")
    assert told("docs/A.PDF")
    assert told("docs")
    assert not told(".botkit/botkit.db-wal")
    assert not told(".botkit/knowledge")
    assert not told("docs/.a.md.swp")
    assert not told("log.out")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("knowledge: {a: {paths: docs, embedding: nope}}", "no model is called `nope`"),
        ("settings: {knowledge: {embedding: nope}}", "no model is called `nope`"),
        ("knowledge: {a: {paths: docs, bots: nope}}", "no bot is called `nope`"),
        ("knowledge: {a: {paths: docs, roles: nope}}", "no role is called `nope`"),
    ],
)
def test_mistakes_are_located(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bots.yaml").write_text(text)
    with pytest.raises(ConfigError) as failed:
        load_config(tmp_path / "bots.yaml")
    assert message in str(failed.value)
