"""Which key each model is called with, by the scope it comes from, and whether anybody knows what it costs."""

from __future__ import annotations

__all__ = ["ModelFacts", "Scopes", "keys_wanted", "model_facts", "model_finding"]

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from botkit.app.finding import Finding
from botkit.core.data import Data

if TYPE_CHECKING:
    from botkit.core.config import Config
    from botkit.core.config.models import ModelSpec

Scopes = Mapping[str, Mapping[str, str]]
"""Name of a key → workspace → where it comes from; without a row where it is not set."""


class ModelFacts(Data, omit_defaults=False):
    """A model of bots.yaml."""

    name: str
    """Alias, or LiteLLM name."""
    model: str
    key: str = ""
    """Name of its key; empty: it has none of ours."""
    named: bool = False
    """bots.yaml names that key."""
    scopes: dict[str, str] = {}
    """Workspace → `workspace:{slug}`, `instance` or `environment`; without a row where the key is not set."""
    lacking: tuple[str, ...] = ()
    """Workspaces for whose calls there is no key."""
    priced: bool = True

    @property
    def sentence(self) -> str:
        """Such as `openai/gpt-5-mini with OPENAI_API_KEY of the instance, and of the workspace shop there`."""
        if not self.key:
            return f"{self.model} without a key of ours"
        own = sorted(workspace for workspace, scope in self.scopes.items() if scope.startswith("workspace:"))
        shared = sorted({scope for scope in self.scopes.values() if not scope.startswith("workspace:")})
        where = [f"of the {scope}" for scope in shared]
        where += [f"of the workspace {workspace} for its calls" for workspace in own]
        if self.lacking:
            where.append(f"not set for {', '.join(self.lacking)}" if self.scopes else "not set")
        return f"{self.model} with {self.key} {', '.join(where)}"


def keys_wanted(config: Config) -> tuple[list[str], list[str]]:
    """Names of the keys of all models, and the workspaces they are looked up for."""
    from botkit.agents.models import key_name

    workspaces = sorted({bot.workspace for bot in config.bots.values()} | set(config.workspaces)) or ["default"]
    names = dict.fromkeys(key for _, spec in _specs(config) if (key := key_name(spec)))
    return list(names), workspaces


def model_facts(config: Config, found: Scopes) -> list[ModelFacts]:
    """Every model that needs a provider, in the order of the file."""
    from botkit.agents.models import is_priced, key_name

    _, workspaces = keys_wanted(config)
    facts: list[ModelFacts] = []
    for name, spec in _specs(config):
        key = key_name(spec)
        scopes = dict(found.get(key, {}))
        one = ModelFacts(
            name=name,
            model=spec.model,
            key=key,
            named=spec.api_key is not None,
            scopes=scopes,
            lacking=tuple(workspace for workspace in workspaces if key and workspace not in scopes),
            priced=is_priced(spec),
        )
        facts.append(one)
    return facts


def model_finding(facts: ModelFacts) -> Finding:
    """The same as `botkit doctor` says it. A key that bots.yaml names and nobody set fails among the secrets."""
    state: Literal["ok", "warning"] = "ok"
    fix = ""
    detail = facts.sentence
    if facts.lacking:
        state, fix = "warning", f"botkit secrets set {facts.key}"
    elif not facts.priced:
        state, fix = "warning", f"set models.{facts.name}.price, else limits on money do not hold it"
        detail += "; nobody knows its price"
    return Finding(check=f"model {facts.name}", state=state, detail=detail, fix=fix)


def _specs(config: Config) -> Iterator[tuple[str, ModelSpec]]:
    asked = dict.fromkeys([*config.models, *(bot.model for bot in config.bots.values())])
    for name in asked:
        spec = config.resolve_model(name)
        if not spec.model.startswith("demo/"):
            yield name, spec
