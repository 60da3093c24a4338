"""Serve: channels, page, webhooks. For production.

Logs are JSON lines on standard error. An edit of bots.yaml is checked when it is saved and runs after
`botkit apply`, or at once with `settings.reload: auto`. A start runs the file as it is; where it is broken, the
revision that ran last. SIGTERM lets running turns end (settings.drain_s), a second one does not wait.

Examples:

    botkit run
    BOTKIT_HOST=0.0.0.0 BOTKIT_PUBLIC_URL=https://bots.example.com botkit run
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from botkit.cli.command import EXIT_FAILED, serving_verb
from botkit.cli.output import Output

if TYPE_CHECKING:
    from botkit.core.config import Config


@serving_verb
@click.option("--host", help="Address to listen on, instead of BOTKIT_HOST.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port, instead of BOTKIT_PORT.")
async def command(out: Output, host: str | None, port: int | None) -> int:
    from botkit.app.environment import load_environment
    from botkit.app.logs import set_up_logging
    from botkit.app.serve import serve, stop_on_signals
    from botkit.cli.news import log_news, log_start
    from botkit.cli.session import whoami
    from botkit.runs.process import settle_memory

    set_up_logging("json")
    environment = load_environment().listening_on(host, port)
    async with serve(environment, mode="run", actor=whoami(), tell=log_news) as serving:
        instance = serving.instance

        async def follow_log_level(config: Config) -> None:
            set_up_logging("json", level=config.settings.log_level, redact=instance.redactor.process)

        await follow_log_level(instance.configs.current)
        instance.configs.subscribe(follow_log_level)
        with stop_on_signals(instance):
            await log_start(out, serving)
            settle_memory()
            await instance.stopping.wait()
            await instance.wind_down()
        # Whoever supervises this process must start it again: its work was taken over while it slept.
        return EXIT_FAILED if instance.lost.is_set() else 0
