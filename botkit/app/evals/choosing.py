"""Which cases are meant."""

from __future__ import annotations

__all__ = ["Chosen", "choose", "with_model"]

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from botkit.core.config import Config
from botkit.core.errors import NotFound
from botkit.core.evals import EVALS_FOLDER, Case, EvalSuite, Routing, eval_files, read_evals


@dataclass(frozen=True, slots=True)
class Chosen:
    """Cases by file, and files that measure routing."""

    cases: Sequence[tuple[EvalSuite, Sequence[Case]]]
    routing: Sequence[Routing]


def choose(
    config: Config, root: Path, files: Sequence[Path], *, bot: str = "", tags: Sequence[str] = (), case: str = ""
) -> Chosen:
    """The cases of these files, or of all of the project, that fit.

    Raises:
        ConfigError: a file is wrong.
        NotFound: nothing fits.
    """
    root = root.resolve()
    read = [read_evals(path.resolve(), root) for path in files or eval_files(root)]
    chosen: list[tuple[EvalSuite, Sequence[Case]]] = []
    for suite in (one for one in read if isinstance(one, EvalSuite)):
        fitting = [one for one in suite.file.cases if _fits(config, suite, one, bot, tags, case)]
        if fitting:
            chosen.append((suite, fitting))
    all_of_it = not tags and not case
    routing = [one for one in read if isinstance(one, Routing) and all_of_it and bot in ("", one.team)]
    if not chosen and not routing:
        where = ", ".join(path.name for path in files) or f"{EVALS_FOLDER}/"
        raise NotFound(f"no case of {where} fits; see docs/guides/evals.md for how to write one")
    return Chosen(chosen, routing)


def with_model(config: Config, model: str) -> Config:
    """The configuration with another model behind every bot. Raises `NotFound` for an unknown one."""
    config.resolve_model(model)
    bots = {name: bot.model_copy(update={"model": model}) for name, bot in config.bots.items()}
    return config.model_copy(update={"bots": bots})


def _fits(config: Config, suite: EvalSuite, case: Case, bot: str, tags: Sequence[str], name: str) -> bool:
    of = case.bot or suite.file.bot or next(iter(config.bots), "")
    mine = {*suite.file.tags, *case.tags}
    return bot in ("", of) and (not tags or bool(mine & set(tags))) and name.casefold() in case.name.casefold()
