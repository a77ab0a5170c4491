"""Running the app: its socket, uvicorn, the embedded database, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

import uvicorn
from starlette.applications import Starlette
from uvloop import new_event_loop

from app.errors import OffhookError, SettingError
from app.limits import sockets
from app.limits.callers import is_loopback
from app.limits.quiet_log import QuietFilter
from app.limits.slices import Slices
from app.limits.sockets import Waiting, http_protocol
from app.limits.websocket import websocket_protocol
from app.main import create_app
from app.settings import Settings
from app.store.database import reach
from app.store.embedded import EmbeddedPostgres
from app.store.migrate import check, migrate

T = TypeVar("T")

MAX_FRAME_BYTES = 256 * 1024
"""A larger WebSocket message closes its socket (uvicorn's default is 16 MiB). Below it,
`messages.MAX_MESSAGE` refuses by name."""


REQUEST_SECONDS = 5
"""How long requests get to be answered when the server stops; event streams never end by themselves."""

UNREAD_SECONDS = 30
"""How long the kernel waits for a peer to take what was sent before it gives the connection up."""


class Server(uvicorn.Server):
    """A uvicorn that ends its calls before its sockets, and remembers why it had to stop."""

    def __init__(self, app: Starlette, hurry: asyncio.Event, trusted_proxies: tuple[str, ...] = ()) -> None:
        """Once there is `hurry`, calls are not waited for."""
        super().__init__(_config(app, trusted_proxies))
        self.app = app
        self.failure: OffhookError | None = None
        self.hurry = hurry

    def fail(self, error: OffhookError) -> None:
        """Stop, whatever it is doing: a part could not be loaded, or is lost. The first reason counts; what
        fails after it fails because of it."""
        self.failure = self.failure or error
        self.hurry.set()
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `run`: uvicorn gives them back to die by, before the database is stopped."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Who comes now is for another process, which may even want this very port.
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        # uvicorn closes every WebSocket at once: it is told when there is none left.
        await self.app.state.drain(self.hurry)
        await super().shutdown(sockets)


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Settings]:
    """The settings with a database that is there and has today's schema: their own, or the embedded one.

    Raises:
        SettingError: it cannot be used; the message says why.
    """
    if settings.database_url:
        await reach(settings.database_url)
        await check(settings.database_url)
        yield settings
        return
    async with EmbeddedPostgres(settings.state_dir) as url:
        await migrate(url)
        yield settings.model_copy(update={"database_url": url})


def bind(settings: Settings) -> socket.socket:
    """The listening socket.

    Raises:
        SettingError: HOST or PORT cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; its connections inherit it
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
    try:
        listener.bind((settings.host, settings.port))
        _refuse_strangers(settings, listener.getsockname()[0])
        listener.listen(2048)
    except SettingError:
        listener.close()
        raise
    except OSError as error:
        listener.close()
        if isinstance(error, PermissionError):
            raise SettingError("PORT", f"{settings.port} is reserved.", "Choose one above 1023.") from None
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise SettingError(
                "HOST", f"{settings.host} is no address of this machine.", "Use 127.0.0.1 or 0.0.0.0."
            ) from None
        raise SettingError(
            "PORT",
            f"{settings.port} is in use by another program ({error.strerror}).",
            "Stop that program, or set another PORT.",
        ) from None
    return listener


def _refuse_strangers(settings: Settings, address: str) -> None:
    if settings.signed or is_loopback(address):
        return
    raise SettingError(
        "HOST",
        f"{settings.host} can be reached from other machines, and without TWILIO_AUTH_TOKEN nothing tells "
        "Twilio from a stranger.",
        "Set TWILIO_AUTH_TOKEN (console.twilio.com, Account Info), or HOST=127.0.0.1 to try it here.",
    )


def _config(app: Starlette, trusted_proxies: tuple[str, ...]) -> uvicorn.Config:
    # What strangers make uvicorn say, they can make it say a thousand times a second.
    logger = logging.getLogger("uvicorn.error")
    if not any(isinstance(known, QuietFilter) for known in logger.filters):
        logger.addFilter(QuietFilter())
    return uvicorn.Config(
        app,
        ws=websocket_protocol(Slices()),
        ws_max_size=MAX_FRAME_BYTES,
        ws_per_message_deflate=False,  # Twilio does not ask for it, and it doubles the CPU
        http=http_protocol(Waiting(sockets.MAX_WAITING)),
        # Not uvicorn's default, which believes X-Forwarded-For from any program on this machine.
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=REQUEST_SECONDS,
    )


def run(
    main: Coroutine[None, None, T], hurry: asyncio.Event | None = None, *, patient: bool = False
) -> T | None:
    """Run a command until it is done, or until SIGINT or SIGTERM cancels it. What it opened is closed
    either way. Returns None when it was cancelled.

    SIGINT, and whatever comes after the first signal, means `hurry`; to the `patient` only SIGINT does. It
    never breaks off the cleaning up.
    """

    async def supervised() -> T | None:
        task = asyncio.create_task(main)
        loop = asyncio.get_running_loop()

        def stop(number: int) -> None:
            if hurry is not None and (number == signal.SIGINT or (task.cancelling() and not patient)):
                hurry.set()
            if not task.cancelling():
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, number)
        await asyncio.wait([task])
        return None if task.cancelled() else task.result()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(supervised())


async def serve(
    settings: Settings, listener: socket.socket, on_start: Callable[[], None], hurry: asyncio.Event
) -> None:
    """One server process, until it is cancelled. `on_start` is called once its database is there. Calls are
    waited for (`draining`) until there is `hurry`.

    Raises:
        OffhookError: a part could not be loaded, or is lost.
    """
    async with running(settings, listener, hurry) as (app, task):
        on_start()
        await steady(app, task)


async def steady(app: Starlette, task: asyncio.Task[None]) -> None:
    """Serve until `task` ends, with what was loaded left out of garbage collection.

    Modules and models are half a million objects that never become garbage. To look through them takes
    90 to 150 ms, in which every call stands still; without them at most 15 ms.
    """
    loaded = asyncio.create_task(app.state.loaded.wait())
    await asyncio.wait([loaded, task], return_when=asyncio.FIRST_COMPLETED)
    loaded.cancel()
    if not task.done():
        gc.collect()
        gc.freeze()
        await asyncio.wait([task])


@asynccontextmanager
async def running(
    settings: Settings, listener: socket.socket, hurry: asyncio.Event | None = None
) -> AsyncIterator[tuple[Starlette, asyncio.Task[None]]]:
    """A server and its database for as long as the context lasts: see `serving` and `database`.

    Raises:
        OffhookError: a part could not be loaded, or is lost; the task has ended then.
    """
    async with database(settings) as settled, serving(settled, listener, hurry) as served:
        yield served


@asynccontextmanager
async def serving(
    settings: Settings, listener: socket.socket, hurry: asyncio.Event | None = None
) -> AsyncIterator[tuple[Starlette, asyncio.Task[None]]]:
    """A server that runs on `listener` for as long as the context lasts: its app, and its task. With an event
    for `hurry`, its calls are waited for.

    Raises:
        OffhookError: a part could not be loaded, or is lost; the task has ended then.
    """
    app = create_app(settings, lambda error: server.fail(error))  # noqa: PLW0108 - there is no server yet
    if hurry is None:
        hurry = asyncio.Event()
        hurry.set()
    server = Server(app, hurry, settings.trusted_proxies)
    task = asyncio.create_task(server.serve([listener]), name="server")
    try:
        yield app, task
    finally:
        server.should_exit = True
        await task
        if server.failure:
            raise server.failure
