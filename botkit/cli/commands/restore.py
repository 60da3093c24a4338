"""Put a backup in place of the database. Botkit must not be running.

The file is checked byte for byte first. What was under way when the backup was made does not go on, because it may
have been finished since; with --resume it does, which is right when moving to another machine.

Examples:

    botkit restore /backups/botkit-today.tar
    botkit restore botkit.tar --force
    BOTKIT_HOME=/srv/botkit botkit restore botkit.tar --resume
"""

from __future__ import annotations

from pathlib import Path

import click

from botkit.cli.command import verb
from botkit.cli.output import Output, clock_time


@verb
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True))
@click.option("--force", is_flag=True, help="Replace a database that is there; SQLite's is kept beside the new one.")
@click.option("--resume", is_flag=True, help="Go on with what was under way.")
async def command(out: Output, file: Path, force: bool, resume: bool) -> None:
    from botkit.app.environment import load_environment
    from botkit.store.backup import restore

    environment = load_environment()
    url = environment.database_url.get_secret_value() if environment.database_url else None
    restored = await restore(file, environment.home, url, force=force, resume=resume)
    lines = [f"Restored what was stored until {clock_time(restored.created_at)}, with {restored.files} files."]
    if restored.kept:
        lines.append(f"The database that was there is kept as {restored.kept}.")
    if restored.key_ids:
        lines.append(f"Its secrets need master key {', '.join(restored.key_ids)}; check with: botkit doctor")
    out.result(restored, lines)
