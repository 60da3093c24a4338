"""The decorator that makes a function a command: help from the file's docstring, `--json`, exit codes.

    \"\"\"List runs, newest first.

    Examples:

        botkit runs list --state waiting
        botkit runs list --bot support --json
    \"\"\"

    @verb
    @click.option("--bot", default="", help="Only runs of this bot.")
    async def command(out: Output, bot: str) -> None: ...

Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 130 interrupted.
"""

from __future__ import annotations

__all__ = ["EXIT_CONFIG", "EXIT_FAILED", "EXIT_INTERRUPTED", "serving_verb", "verb"]

import functools
import inspect
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import click

from botkit.cli.output import Output

if TYPE_CHECKING:
    from botkit.core.errors import BotkitError

EXIT_FAILED = 1
EXIT_CONFIG = 2
EXIT_INTERRUPTED = 130


class RawHelp(click.Command):
    """Prints its description as it was written, so that examples keep their lines."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write("\n")
        for line in (self.help or "").splitlines():
            formatter.write(f"  {line}\n" if line else "\n")


def verb(function: Callable[..., Any]) -> click.Command:
    """Make `function(out, **options)`, sync or async, the `command` of its file.

    It may return an exit code. What it raises becomes one message: a traceback is for `--debug`.
    """
    return _verb(function, _run)


def serving_verb(function: Callable[..., Any]) -> click.Command:
    """As `verb`, for commands that serve: on the faster event loop."""
    return _verb(function, _run_fast)


def _verb(function: Callable[..., Any], run_loop: Callable[[Any], Any]) -> click.Command:

    @functools.wraps(function)
    def run(*, as_json: bool, debug: bool, **options: Any) -> None:
        out = Output(json=as_json, debug=debug)
        sys.exit(_guarded(out, functools.partial(function, out, **options), run_loop))

    run = click.option("--debug", is_flag=True, help="Show a traceback when something fails.")(run)
    run = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(run)
    text = inspect.getdoc(sys.modules[function.__module__]) or ""
    return click.command(cls=RawHelp, help=text, short_help=text.partition("\n")[0])(run)


def _run(work: Any) -> Any:
    import asyncio

    return asyncio.run(work)


def _run_fast(work: Any) -> Any:
    from botkit.runs.process import run_serving

    return run_serving(work)


def _guarded(out: Output, work: Callable[[], Any], run_loop: Callable[[Any], Any]) -> int:
    from botkit.core.errors import BotkitError, ConfigError

    try:
        result = work()
        if inspect.iscoroutine(result):
            result = run_loop(result)
        return result or 0
    except (click.ClickException, click.Abort, click.exceptions.Exit):
        raise
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our pipe (`| head`) has seen enough. Python would complain while closing stdout.
        sys.stdout = None  # type: ignore[assignment]
        return 0
    except Exception as error:
        if out.debug:
            traceback.print_exc()
        cause = _botkit_error(error)
        if cause is None:
            cause = BotkitError(
                f"{type(error).__name__}: {error}. This is a bug in botkit: run again with --debug and report it."
            )
        out.failure(cause)
        return EXIT_CONFIG if isinstance(cause, ConfigError) else EXIT_FAILED


def _botkit_error(error: BaseException) -> BotkitError | None:
    """The error to show: a task group wraps what its tasks raise."""
    from botkit.core.errors import BotkitError

    if isinstance(error, BotkitError):
        return error
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        found = [_botkit_error(inner) for inner in group.exceptions]
        return next((inner for inner in found if inner is not None), None)
    return None
