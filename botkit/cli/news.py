"""What a serving process tells whoever started it."""

from __future__ import annotations

__all__ = ["log_news", "log_start", "print_news", "print_start"]

from typing import TYPE_CHECKING

import click
import structlog

from botkit.cli.output import Output

if TYPE_CHECKING:
    from botkit.app.serve import Serving
    from botkit.app.watch import ConfigNews
    from botkit.core.console import Overview

_log = structlog.get_logger("botkit.app")


def print_start(out: Output, serving: Serving, overview: Overview, *, bot: str) -> None:
    """Where to look, in a few lines."""
    environment = serving.instance.environment
    if out.json:
        out.emit({"url": serving.url, "login_url": serving.login_url, "overview": overview})
        return
    if serving.moved_from:
        _row("Port", f"{serving.moved_from} is in use, so this one is on another", colour="yellow")
    _row("Page", serving.login_url or serving.url, colour="green")
    _row("Bots", ", ".join(f"{found.name} ({found.title})" for found in overview.bots) or "none: add one to bots.yaml")
    offline = [found.name for found in overview.bots if found.offline]
    if offline and len(offline) == len(overview.bots):
        _row("Model", "demo/offline, the built-in demo model: it needs no key. Real ones: `models:` in bots.yaml")
    else:
        _row("Models", ", ".join(sorted({found.model for found in overview.bots})))
    tools = sum(len(server.tools) for server in overview.servers)
    _row("Tools", f"{tools} of {', '.join(server.name for server in overview.servers) or 'no server'}")
    for server in overview.servers:
        if server.detail:
            _row("", f"{server.name}: {server.detail}", colour="yellow")
    for channel in overview.channels:
        if channel.platform != "sandbox":
            detail = f": {channel.detail}" if channel.detail else ""
            _row("Channel", f"{channel.name} ({channel.platform}) is {channel.state}{detail}")
    _row("Data", str(environment.home))
    for warning in overview.warnings:
        _row("Note", warning, colour="yellow")
    if overview.config_error:
        _row("Problem", overview.config_error, colour="red")
    if bot:
        click.echo(f"\nWrite to {bot} here, or open the page. Ctrl-C stops.\n")


def _row(name: str, text: str, *, colour: str = "") -> None:
    click.echo(f"  {click.style(f'{name:<9}', bold=True)}{click.style(text, fg=colour or None)}")


def print_news(news: ConfigNews) -> None:
    """What became of an edit, for people."""
    match news.kind:
        case "applied":
            click.echo(click.style(f"\nbots.yaml: revision {news.revision[:12]} runs", fg="green"), err=True)
        case "restored":
            click.echo(click.style("\nbots.yaml: right again, as it runs", fg="green"), err=True)
        case "waiting":
            click.echo(click.style("\nbots.yaml: right; `botkit apply` makes it run", fg="yellow"), err=True)
        case "broken":
            click.echo(click.style(f"\n{news.error}", fg="red"), err=True)
            click.echo("The revision that ran before goes on.", err=True)


def log_news(news: ConfigNews) -> None:
    """What became of an edit, as a log line."""
    match news.kind:
        case "broken":
            _log.error("config_broken", problems=news.error.splitlines(), advice="the revision that ran before goes on")
        case "waiting":
            _log.info("config_waiting", revision=news.revision, advice="run `botkit apply` to make it run")
        case "applied" | "restored":
            _log.info("config_runs", revision=news.revision)


async def log_start(out: Output, serving: Serving) -> None:
    """Log what runs; print the page's address with its token, once, where a person may be looking."""
    overview = await serving.operations.process.overview()
    for warning in overview.warnings:
        _log.warning("notice", text=warning)
    if overview.config_error:
        _log.error("config_broken", problems=overview.config_error.splitlines(), advice="the last good revision runs")
    _log.info(
        "ready",
        url=serving.url,
        address=serving.instance.url,
        bots=[bot.name for bot in overview.bots],
        channels={channel.name: channel.state for channel in overview.channels},
        servers={server.name: server.state for server in overview.servers},
    )
    if out.json:
        out.emit({"url": serving.url, "login_url": serving.login_url, "overview": overview})
    elif serving.login_url:
        # Not a log line: logs are kept and shipped, and this opens the page.
        click.echo(
            f"Page: {serving.login_url}\nShown once; the token is kept in {serving.instance.home.page_token_file}"
        )
