"""Check bots.yaml and report every mistake with its place.

Nothing is started and nothing is changed. Exit code 2 when there is a mistake.

Examples:

    botkit check
    botkit check other/bots.yaml --json
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from botkit.cli.command import verb
from botkit.cli.output import Output

if TYPE_CHECKING:
    from botkit.app.environment import Environment
    from botkit.app.model_report import ModelFacts
    from botkit.core.config import Config


@verb
@click.argument("file", required=False, type=click.Path(path_type=Path))
async def command(out: Output, file: Path | None) -> None:
    from botkit.app.environment import load_environment
    from botkit.app.publicity import public_url_problems
    from botkit.app.workflows import check_config
    from botkit.core.config import load_config
    from botkit.core.errors import ConfigError

    environment = load_environment(file)
    config = load_config(environment.config)
    known, models = await _known(environment, config)
    unsure = check_config(config, **known)
    wrong, doubtful = public_url_problems(config, environment.public_url)
    if wrong:
        raise ConfigError(f"{config.origin.main} needs an address of its own", tuple(wrong))
    counted = {name: len(getattr(config, name)) for name in _COUNTED}
    warnings = [*config.warnings, *doubtful, *unsure]
    recording = [name for name, workspace in config.workspaces.items() if workspace.record_payloads]
    out.result(
        {
            "ok": True,
            "file": str(environment.config),
            "revision": config.revision,
            **counted,
            "recording": recording,
            "model_keys": models,
            "warnings": warnings,
        },
        [
            f"{config.origin.main} is right: " + ", ".join(_number(name, count) for name, count in counted.items()),
            *(
                [f"Arguments and results of calls are kept for auditors in: {', '.join(recording)}"]
                if recording
                else []
            ),
            *(f"Model {facts.name}: {facts.sentence}" for facts in models),
            *(f"Note: {warning}" for warning in warnings),
        ],
    )


async def _known(environment: Environment, config: Config) -> tuple[dict[str, Any], list[ModelFacts]]:
    """What the instance knows of tools, secrets and keys of models; nothing where there is none yet."""
    from botkit.app.home import Home
    from botkit.app.model_report import keys_wanted, model_facts
    from botkit.cli.session import operations
    from botkit.core.errors import BotkitError

    names, workspaces = keys_wanted(config)
    if not Home(environment.home).exists or not (config.workflows or names):
        return {}, []
    try:
        async with operations(environment=environment) as ops:
            scopes = await ops.doctor.key_scopes(names=names, workspaces=workspaces)
            models = model_facts(config, scopes)
            if not config.workflows:
                return {}, models
            tools = await ops.config.tools()
            secrets = [row.name for row in await ops.secrets.list() if row.version or row.in_environment]
            return {"tools": tools, "secrets": secrets}, models
    except BotkitError:
        return {}, []


_COUNTED = ("bots", "channels", "workflows", "servers", "workspaces", "models", "people")


def _number(name: str, count: int) -> str:
    one = "person" if name == "people" else name.removesuffix("s")
    return f"{count} {one if count == 1 else name}"
