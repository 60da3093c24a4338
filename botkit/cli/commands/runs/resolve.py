"""Say what became of a call whose answer was lost, so that its run goes on.

Look whether it happened, then choose one:

Examples:

    botkit runs resolve run_0192f3 turn/0/tool/0 --retry
    botkit runs resolve run_0192f3 turn/0/tool/0 --result '{"refund": "R-7"}'
    botkit runs resolve run_0192f3 turn/0/tool/0 --fail "the payment provider has no such refund"
"""

from __future__ import annotations

from typing import Any

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("run")
@click.argument("step")
@click.option("--retry", is_flag=True, help="It did not happen: do it now.")
@click.option("--result", metavar="JSON", help="It happened, with this result (JSON, or plain text).")
@click.option("--fail", metavar="MESSAGE", help="It did not happen and is not to be done.")
async def command(out: Output, run: str, step: str, retry: bool, result: str | None, fail: str | None) -> None:
    from botkit.cli.session import operations, whoami

    if sum((retry, result is not None, fail is not None)) != 1:
        raise click.UsageError("choose one of --retry, --result and --fail")
    action = "retry" if retry else "result" if result is not None else "fail"
    async with operations() as ops:
        wait = await ops.runs.resolve(
            run=run, step=step, action=action, result=_value(result), message=fail or "", by=whoami()
        )
    out.result(wait, f"Run {wait.run_id} goes on ({action}).")


def _value(text: str | None) -> Any:
    import msgspec

    if text is None:
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
