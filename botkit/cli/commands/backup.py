"""Write everything stored into one file, while botkit runs or not.

Secrets stay sealed in it, and the master key is not in it: keep that apart, without it no secret opens.

Examples:

    botkit backup /backups/botkit-today.tar
    botkit backup botkit.tar --json
"""

from __future__ import annotations

from pathlib import Path

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, resolve_path=True))
async def command(out: Output, file: Path) -> None:
    from botkit.app.environment import load_environment
    from botkit.core.errors import NotFound
    from botkit.store.backup import backup
    from botkit.store.open import DATABASE_NAME

    environment = load_environment()
    url = environment.database_url.get_secret_value() if environment.database_url else None
    if not url and not (environment.home / DATABASE_NAME).exists():
        raise NotFound(f"there is nothing to back up in {environment.home}: botkit never ran here")
    written = await backup(environment.home, file, url)
    keys = f" Keep master key {', '.join(written.key_ids)} apart from it." if written.key_ids else ""
    size = f"{written.size_bytes / 1024**2:.1f} MiB, {written.files} files"
    out.result(written, f"Written: {written.path} ({size}).{keys}")
