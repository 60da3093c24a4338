"""Print what every node type does, takes and leads to, or only some of them.

Examples:

    botkit workflows nodes
    botkit workflows nodes loop parallel
    botkit workflows nodes --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("types", nargs=-1)
def command(out: Output, types: tuple[str, ...]) -> None:
    from botkit.app.environment import load_environment
    from botkit.core.config import load_config
    from botkit.core.config.locate import nearest
    from botkit.core.errors import NotFound
    from botkit.workflows.own.describing import registry_of
    from botkit.workflows.reference import nodes_markdown
    from botkit.workflows.registry import builtin_registry

    environment = load_environment()
    registry = registry_of(load_config(environment.config)) if environment.config.is_file() else builtin_registry()
    for name in types:
        if name not in registry:
            raise NotFound(f"there is no node type {name} {nearest(name, registry)}".rstrip())
    chosen = {name: kind for name, kind in registry.items() if not types or name in types}
    out.result([kind.spec for kind in chosen.values()], nodes_markdown(chosen, intro=not types).rstrip())
