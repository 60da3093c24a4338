"""Start everything on this machine and talk to a bot, here or on the page. No key, no network needed.

Messages may be typed here; lines piped in are messages too. A saved bots.yaml or tool server is taken up at once.
A busy port is passed over for the next free one.

Examples:

    botkit dev
    botkit dev --bot desk --port 9000
    echo hello | botkit dev
"""

from __future__ import annotations

import click

from botkit.cli.command import serving_verb
from botkit.cli.output import Output


@serving_verb
@click.option("--bot", default="", help="Whom to talk to here; the first bot of bots.yaml.")
@click.option("--as", "person", default="operator", show_default=True, metavar="PERSON", help="Who is speaking here.")
@click.option("--host", help="Address to listen on, instead of BOTKIT_HOST.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port, instead of BOTKIT_PORT.")
@click.option("-v", "--verbose", is_flag=True, help="Show the log.")
async def command(out: Output, bot: str, person: str, host: str | None, port: int | None, verbose: bool) -> None:
    from botkit.app.environment import load_environment
    from botkit.app.logs import set_up_logging
    from botkit.app.serve import serve, stop_on_signals
    from botkit.cli.chat.repl import Conversation
    from botkit.cli.news import print_news, print_start
    from botkit.cli.session import whoami

    level = "debug" if verbose else "warning"
    set_up_logging("pretty", level=level)
    environment = load_environment().listening_on(host, port)
    async with serve(environment, mode="dev", actor=whoami(), tell=print_news) as serving:
        instance = serving.instance
        set_up_logging("pretty", level=level, redact=instance.redactor.process)
        overview = await serving.operations.process.overview()
        bot = bot or next((found.name for found in overview.bots), "")
        with stop_on_signals(instance):
            print_start(out, serving, overview, bot=bot)
            talk = Conversation(out, serving.operations, bot=bot, person=person, room=f"terminal-{bot}-{person}")
            instance.tasks.spawn(talk.run())
            await instance.stopping.wait()
            await instance.wind_down()
