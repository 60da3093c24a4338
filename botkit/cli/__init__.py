"""The `botkit` command: one file per command in `botkit/cli/commands/`, imported only when it is used.

`botkit --help` is answered from the first line of each of those files, before anything else is imported.
"""

from __future__ import annotations

__all__ = ["main"]

import os
import sys


def main() -> None:
    """Entry point of the `botkit` script."""
    completing = "_BOTKIT_COMPLETE" in os.environ  # a shell asks click what may come next
    if sys.argv[1:] in ([], ["--help"], ["-h"]) and not completing:
        from botkit.cli.overview import overview

        sys.stdout.write(overview("botkit"))
        return
    from botkit.cli.root import root

    root(prog_name="botkit")
