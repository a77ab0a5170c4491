"""`offhook serve --workers`: several server processes on one socket, sharing the database and nothing else.

The parent opens the socket, brings up the database and keeps the children running. A child is this module
run as a program: it serves on the inherited socket until its stdin ends, because the parent stops it or is
gone. So a killed parent leaves no child behind that would keep the port.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from typing import NamedTuple

from prometheus_client.multiprocess import mark_process_dead

from app.draining import HANDOVER_SECONDS
from app.errors import OffhookError, SettingError
from app.logs import configure_logging
from app.server import database, run, serving, steady
from app.settings import Settings, load_settings

log = logging.getLogger(__name__)

EXIT_WRONG_SETTING = 2
"""The exit status of a process that would fail again if it were started again."""

FIRST_BACKOFF = 0.1
LAST_BACKOFF = 30.0
STEADY_SECONDS = 60.0
"""A process that ran this long was well: when it dies, the backoff begins anew."""

STOP_SECONDS = 30.0
"""A process that has not ended this long after its calls is killed. Its parts give up before: calls that are
told to end after 5 s, requests after 5, a database that is gone after 10, speech workers after 2."""


async def serve_processes(
    settings: Settings,
    listener: socket.socket,
    processes: int,
    on_start: Callable[[], None],
    hurry: asyncio.Event,
) -> None:
    """Keep `processes` servers running on `listener` until cancelled. `on_start` is called once the
    database is there. Their calls are waited for until there is `hurry`.

    Raises:
        SettingError: the database cannot be used, or a server could not load a part.
    """
    refusals: tuple[BaseException, ...] = ()
    async with database(settings) as settled:
        on_start()
        with tempfile.TemporaryDirectory(prefix="offhook-metrics-") as metrics:
            environment = os.environ | {
                "DATABASE_URL": settled.database_url,
                "HOST": settings.host,
                "PORT": str(settings.port),
                "PROMETHEUS_MULTIPROC_DIR": metrics,
            }
            ending = Ending(settings.drain_seconds + HANDOVER_SECONDS + STOP_SECONDS, hurry)
            try:
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(processes):
                        tasks.create_task(_keep(listener, environment, ending))
            except* SettingError as errors:
                refusals = errors.exceptions
    if refusals:  # all servers have the same settings, so all refusals are the same
        raise refusals[0]


class Ending(NamedTuple):
    """How long a process may take to end that was told to, and whether it is to hurry."""

    seconds: float
    hurry: asyncio.Event


async def _keep(listener: socket.socket, environment: Mapping[str, str], ending: Ending) -> None:
    """Run one server after the other.

    Raises:
        SettingError: the first could not load a part.
    """
    backoff = FIRST_BACKOFF
    for life in itertools.count():
        begun = time.monotonic()
        try:
            reason = await _live(listener, environment, ending)
        except SettingError as error:
            if life == 0:
                raise
            # It could before. What has changed since then is no reason to end the calls of the others.
            reason = str(error)
        if time.monotonic() - begun > STEADY_SECONDS:
            backoff = FIRST_BACKOFF
        log.warning("a server process ended (%s); another one starts in %.1f s", reason, backoff)
        await asyncio.sleep(backoff)
        backoff = min(backoff * 2, LAST_BACKOFF)


async def _live(listener: socket.socket, environment: Mapping[str, str], ending: Ending) -> str:
    """One life of a server. Returns what ended it.

    Raises:
        SettingError: it could not load a part.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, str(listener.fileno())),
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=[listener.fileno()],
            env=environment,
        )
    except OSError as error:  # no memory or no file descriptor left, perhaps only now
        return str(error)
    try:
        status = await process.wait()
        if status == EXIT_WRONG_SETTING:
            assert process.stdout is not None
            raise SettingError(*json.loads(await process.stdout.read()))
        return f"exit status {status}"
    except asyncio.CancelledError:
        # Our servers stop listening as soon as they are told to end. The port is free when we do, too.
        listener.close()
        raise
    finally:
        await _end(process, ending)
        mark_process_dead(process.pid, environment["PROMETHEUS_MULTIPROC_DIR"])  # type: ignore[no-untyped-call]


async def _end(process: Process, ending: Ending) -> None:
    """Close stdin, at which a server stops in order; kill one that does not in time. Leaves no zombie."""
    assert process.stdin is not None
    process.stdin.close()
    over = asyncio.ensure_future(process.wait())
    hurried = asyncio.ensure_future(ending.hurry.wait())
    try:
        await asyncio.wait([over, hurried], timeout=ending.seconds, return_when=asyncio.FIRST_COMPLETED)
        if not over.done() and ending.hurry.is_set():
            process.send_signal(signal.SIGINT)
            await asyncio.wait([over], timeout=STOP_SECONDS)
    finally:
        over.cancel()
        hurried.cancel()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def main() -> None:
    """One of the servers. Its only argument is the socket's file descriptor.

    A wrong setting is the parent's to tell, once for all: it goes to stdout, as the arguments of the
    `SettingError` in JSON.
    """
    # Libraries print. What they print goes to stderr, and the pipe carries nothing but the refusal.
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    threading.Thread(target=_stop_when_stdin_ends, daemon=True).start()
    try:
        settings = load_settings()
        configure_logging(settings)
        hurry = asyncio.Event()
        listener = socket.socket(fileno=int(sys.argv[1]))
        # Speech workers would hold the port for as long as the last call lasts.
        listener.set_inheritable(False)
        # systemd tells every process of the service to stop, and our parent tells us once more.
        run(_serve(settings, listener, hurry), hurry, patient=True)
    except SettingError as error:
        json.dump((error.setting, error.problem, error.remedy), pipe)
        pipe.close()
        sys.exit(EXIT_WRONG_SETTING)
    except OffhookError as error:
        log.critical("%s", error)
        sys.exit(1)


async def _serve(settings: Settings, listener: socket.socket, hurry: asyncio.Event) -> None:
    # Not `server.serve`, which refuses to start while the database is gone: the parent has tried it.
    async with serving(settings, listener, hurry) as (app, task):
        await steady(app, task)


def _stop_when_stdin_ends() -> None:
    # Not by way of sys.stdin, whose lock a blocked thread would hold when the interpreter ends.
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
