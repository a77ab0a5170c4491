"""The socket, the signals, and a server that has to stop. tests/calls and tests/faults have whole servers."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette

from app.errors import OffhookError, SettingError
from app.server import Server, bind, run, steady
from app.settings import load_settings


class RefusedSocket(socket.socket):
    """What an ordinary user gets for a port below 1024; tests may run as root."""

    opened: socket.socket

    def bind(self, _address: object) -> None:
        RefusedSocket.opened = self
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_a_reserved_port_is_named_and_leaves_no_socket_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", RefusedSocket)
    with pytest.raises(SettingError, match="PORT: 80 is reserved"):
        bind(load_settings(port=80))
    assert RefusedSocket.opened.fileno() == -1


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_machines_are_not_let_in_where_nothing_tells_twilio_from_a_stranger(host: str) -> None:
    with pytest.raises(SettingError, match="TWILIO_AUTH_TOKEN"):
        bind(load_settings(host=host, port=0))
    bind(load_settings(host=host, port=0, twilio_auth_token="secret")).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.5", "localhost", "::1"])
def test_this_machine_needs_no_auth_token(host: str) -> None:
    bind(load_settings(host=host, port=0)).close()


def test_a_second_signal_of_another_kind_does_not_break_off_the_cleaning_up() -> None:
    cleaned_up = []

    async def main() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.1)
            cleaned_up.append(True)

    assert run(main()) is None
    assert cleaned_up


@pytest.mark.parametrize(
    ("signals", "patient", "hurried"),
    [
        ([signal.SIGTERM], False, False),
        ([signal.SIGINT], False, True),
        ([signal.SIGTERM, signal.SIGTERM], False, True),
        ([signal.SIGTERM, signal.SIGINT], False, True),
        ([signal.SIGTERM, signal.SIGTERM], True, False),
        ([signal.SIGTERM, signal.SIGINT], True, True),
    ],
)
def test_a_deploy_waits_for_calls_and_a_person_or_a_second_signal_does_not(
    signals: list[int], patient: bool, hurried: bool
) -> None:
    hurry = asyncio.Event()

    async def main() -> None:
        for number in signals:
            os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)

    run(main(), hurry, patient=patient)
    assert hurry.is_set() is hurried


LOST = OffhookError("A part is lost.")
CONSEQUENCE = OffhookError("A part that needs it is lost as well.")


def failing_server(*, starting: bool, running: bool, stopping: bool) -> Server:
    """A server of which a part fails then."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if starting:
            server.fail(LOST)
        if running:
            asyncio.get_running_loop().call_later(0.05, server.fail, LOST)
        yield
        if stopping:
            server.fail(LOST)

    app = Starlette(lifespan=lifespan)

    async def drain(hurry: asyncio.Event) -> None:
        """There are no calls."""

    app.state.drain = drain
    server = Server(app, asyncio.Event())
    return server


@pytest.mark.parametrize("when", ["starting", "running", "stopping"])
async def test_a_lost_part_stops_the_server_at_any_time(when: str) -> None:
    server = failing_server(**{name: name == when for name in ("starting", "running", "stopping")})
    server.should_exit = when == "stopping"
    async with asyncio.timeout(5):
        await server.serve([bind(load_settings(port=0))])
    assert server.failure is LOST


async def test_the_first_failure_is_the_reason() -> None:
    server = failing_server(starting=True, running=False, stopping=False)
    await server.serve([bind(load_settings(port=0))])
    server.fail(CONSEQUENCE)
    assert server.failure is LOST


async def test_what_was_loaded_is_left_out_of_garbage_collection() -> None:
    app = Starlette()
    app.state.loaded = asyncio.Event()
    over = asyncio.Event()
    serving = asyncio.create_task(steady(app, asyncio.create_task(_until(over))))
    app.state.loaded.set()
    async with asyncio.timeout(5):
        while not gc.get_freeze_count():
            await asyncio.sleep(0)
        over.set()
        await serving
    gc.unfreeze()


async def _until(over: asyncio.Event) -> None:
    await over.wait()


async def test_a_server_that_waits_for_its_calls_has_let_go_of_its_port() -> None:
    app = Starlette()
    server = Server(app, asyncio.Event())
    listener = bind(load_settings(port=0))
    port = listener.getsockname()[1]

    async def drain(_hurry: asyncio.Event) -> None:
        bind(load_settings(port=port)).close()

    app.state.drain = drain
    server.should_exit = True
    async with asyncio.timeout(5):
        await server.serve([listener])
