"""The command line: `offhook …`, or `python -m app …`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import click
from rich.console import Console

from app import __version__
from app.check.command import check
from app.errors import OffhookError, SettingError
from app.jobs.housekeeping import Housekeeping
from app.jobs.worker import JobWorker
from app.logs import configure_logging
from app.operator_token import operator_token
from app.processes import EXIT_WRONG_SETTING, serve_processes
from app.server import bind, database, run
from app.server import serve as serve_one
from app.services import choice
from app.settings import Settings, load_settings
from app.simulator.command import call
from app.simulator.demo import run_demo
from app.simulator.evaluation.command import evaluate
from app.simulator.own_server import own_server
from app.simulator.sign import sign
from app.store.adoption import Adoption
from app.store.database import Database, reach
from app.store.migrate import migrate as run_migrations
from app.store.migrate import pending

console = Console(highlight=False, soft_wrap=True)


class Commands(click.Group):
    """Errors that speak to a person are printed as they are. The exit status is 2 where starting again is
    no use before a setting is changed, else 1.
    """

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except OffhookError as error:
            print(f"offhook: {error}", file=sys.stderr)  # noqa: T201
            sys.exit(EXIT_WRONG_SETTING if isinstance(error, SettingError) else 1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="offhook")
def main() -> None:
    """Offhook answers the phone."""


@main.command()
@click.option("--host", help="Address to listen on (HOST).")
@click.option("--port", type=int, help="Port to listen on (PORT).")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Server processes.")
def serve(host: str | None, port: int | None, workers: int) -> None:
    """Run the server."""
    overrides = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = load_settings(**overrides)
    configure_logging(settings)
    listener = bind(settings)
    hurry = asyncio.Event()
    if workers > 1:
        run(serve_processes(settings, listener, workers, lambda: greet(settings), hurry), hurry)
    else:
        run(serve_one(settings, listener, lambda: greet(settings), hurry), hurry)


def greet(settings: Settings) -> None:
    """What a person needs to know of a server that has just started."""
    console.print(f"[bold]Offhook {__version__}[/] answers on http://{settings.host}:{settings.port}")
    console.print(
        f"  webhook    [cyan]{settings.webhook_url}/voice/incoming[/]   (POST; enter it at your number)"
    )
    console.print(f"  WebSocket  [cyan]{settings.websocket_url}[/]")
    operator_token(settings)
    kept = (
        "OPERATOR_TOKEN"
        if settings.operator_token.get_secret_value()
        else settings.state_dir / "operator_token"
    )
    console.print(f"  API        [cyan]{settings.webhook_url}/api/calls[/]   (bearer token: {kept})")
    if not settings.auth_tokens:
        console.print(
            "  [yellow]TWILIO_AUTH_TOKEN is not set: requests are not checked for Twilio's signature.[/]"
        )
    console.print("  Ctrl-C stops it. Try it: [bold]offhook call[/]")


@main.command()
def worker() -> None:
    """Run the jobs that follow calls, by themselves (the server then runs with JOBS=external)."""
    settings = load_settings()
    configure_logging(settings)
    run(work(settings))


async def work(settings: Settings) -> None:
    async with (
        database(settings) as settled,
        Database(settled.database_url, settings.encryption) as connected,
        asyncio.TaskGroup() as tasks,
    ):
        console.print("[bold]Offhook[/] runs the jobs that follow calls. Ctrl-C stops it.")
        tasks.create_task(JobWorker(connected, choice.summarizer(settings), settings.zone).run())
        tasks.create_task(Housekeeping(connected, settings.retention).run())
        tasks.create_task(Adoption(connected, settings.spools).run())


@main.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    settings = load_settings()
    run(bring_up(settings))


async def bring_up(settings: Settings) -> None:
    if not settings.database_url:
        async with database(settings):
            console.print("The embedded database has the newest schema.")
        return
    await reach(settings.database_url)
    missing = await pending(settings.database_url)
    await run_migrations(settings.database_url)
    console.print(f"The database has the newest schema ({len(missing)} migrations run).")


@main.command()
def demo() -> None:
    """Place one simulated call, through a server of its own, and show what becomes of it."""
    configure_logging(load_settings(log_level="error"))
    sys.exit(0 if run(demonstrate()) else 1)


async def demonstrate() -> bool:
    """The whole way, on this machine: signed webhook, signed WebSocket, embedded database, local speech."""
    with console.status("Starting PostgreSQL and the speech engines …") as status:
        async with own_server() as own:
            status.stop()
            return own is not None and await run_demo(
                own.settings.webhook_url,
                own.operator_token,
                own.settings.state_dir / "recordings",
                console,
                voice=own.voice,
                auth_token=own.auth_token,
            )


main.add_command(call)
main.add_command(check)
main.add_command(evaluate)
main.add_command(sign)
