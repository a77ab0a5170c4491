"""A worker answers, dies and comes back, and leaves nothing behind. With real processes throughout."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from app.services.worker_process import WorkerClosedError, WorkerDiedError, WorkerError, WorkerProcess

TOY = "tests.services.toy_worker"
PARROT = "tests.services.parrot_worker"


@asynccontextmanager
async def running(module: str = TOY, patience: float = 60.0) -> AsyncIterator[WorkerProcess]:
    worker = WorkerProcess("toy", module, patience=patience)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.aclose()


def restarts() -> float:
    return REGISTRY.get_sample_value("offhook_worker_restarts_total", {"worker": "toy"}) or 0.0


async def test_a_request_gets_its_own_answer() -> None:
    async with running() as worker:
        answers = await asyncio.gather(*(worker.ask(("echo", n), int) for n in range(100)))
    assert answers == list(range(100))


async def test_an_answer_comes_in_pieces() -> None:
    async with running() as worker, aclosing(worker.stream(("count", 5), int)) as pieces:
        assert [piece async for piece in pieces] == [0, 1, 2, 3, 4]


async def test_what_libraries_print_does_not_get_into_the_pipe() -> None:
    async with running() as worker:
        assert await worker.ask(("print", 1), int) == 1
        assert await worker.ask(("echo", 2), int) == 2


async def test_a_request_that_fails_says_why_and_harms_no_other() -> None:
    async with running() as worker:
        with pytest.raises(WorkerError, match="toy: ValueError: no such luck"):
            await worker.ask(("fail", 0), int)
        assert await worker.ask(("echo", 1), int) == 1


@pytest.mark.parametrize("question", [("nothing", 0), ("count", 2)])
async def test_whoever_asks_for_one_piece_is_told_when_it_is_another_number(question: object) -> None:
    async with running() as worker:
        with pytest.raises(WorkerError, match="pieces"):
            await worker.ask(question, int)


async def test_an_answer_of_another_type_is_an_error_of_that_request() -> None:
    async with running() as worker:
        with pytest.raises(WorkerError, match="Expected `str`, got `int`"):
            await worker.ask(("echo", 1), str)
        assert await worker.ask(("echo", 1), int) == 1


@pytest.mark.parametrize(
    "bytes_", [b"a library has printed this", b"\x00\x00\x00\x04oops", b"\x00\x00\x00\x01\xc1"]
)
async def test_a_worker_that_cannot_be_understood_is_replaced(bytes_: bytes) -> None:
    async with running(PARROT) as worker:
        first = worker.pid
        with pytest.raises(WorkerDiedError):
            await worker.ask(bytes_, int)
        async with asyncio.timeout(10):
            await worker.wait_ready()
        assert worker.pid != first


async def test_closing_a_stream_stops_the_work() -> None:
    async with running() as worker:
        async with aclosing(worker.stream(("count", 10_000_000), int)) as pieces:
            assert await anext(pieces) == 0
        [last, _] = await worker.ask(("done", 0), list[int | str])
    assert isinstance(last, int)
    assert last < 9_999_999


async def test_a_request_given_up_while_it_waits_is_never_begun() -> None:
    async with running() as worker:
        count = worker.stream(("count", 10_000_000), int)
        await anext(count)
        waiting = asyncio.create_task(worker.ask(("sleep", 60), int))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        await count.aclose()
        assert "sleep" not in await worker.ask(("done", 0), list[int | str])


async def test_a_killed_worker_is_restarted_and_its_request_told() -> None:
    async with running() as worker:
        first, before = worker.pid, restarts()
        assert first is not None
        asking = asyncio.create_task(worker.ask(("sleep", 60), int))
        await asyncio.sleep(0)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(WorkerDiedError):
            await asking
        readiness = [worker.ready]
        assert await worker.ask(("echo", 7), int) == 7
        readiness.append(worker.ready)
        assert readiness == [False, True]
        assert worker.pid != first
        assert restarts() == before + 1


async def test_a_worker_that_does_not_answer_in_time_is_replaced() -> None:
    async with running(patience=0.2) as worker:
        first = worker.pid
        with pytest.raises(WorkerDiedError):
            await worker.ask(("sleep", 60), int)
        await worker.wait_ready()
        assert worker.pid != first


async def test_a_worker_with_a_long_queue_is_not_stuck() -> None:
    async with running(patience=2.0) as worker:
        first = worker.pid
        # The last one waits for longer than the worker is ever silent.
        await asyncio.gather(*(worker.ask(("sleep", 1), int) for _ in range(3)))
        assert worker.pid == first


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_to_the_process_group_do_not_end_it(number: signal.Signals) -> None:
    async with running() as worker:
        assert worker.pid is not None
        first = worker.pid
        os.kill(first, number)
        assert await worker.ask(("echo", 1), int) == 1
        assert worker.pid == first


async def test_closing_leaves_no_process_and_ends_those_who_wait() -> None:
    async with running() as worker:
        pid = worker.pid
        assert pid is not None
        asking = asyncio.create_task(worker.ask(("sleep", 60), int))
        await asyncio.sleep(0)
    with pytest.raises(WorkerClosedError):
        await asking
    with pytest.raises(WorkerClosedError):
        await worker.ask(("echo", 1), int)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_closing_ends_a_start_under_way() -> None:
    worker = WorkerProcess("toy", TOY)
    starting = asyncio.create_task(worker.start())
    await asyncio.sleep(0.01)
    await worker.aclose()
    with pytest.raises(WorkerDiedError, match="closed"):
        await starting
    assert worker.pid is None


async def test_a_worker_that_cannot_load_says_why_and_is_not_tried_again() -> None:
    before = restarts()
    worker = WorkerProcess("toy", "tests.services.no_such_worker")
    with pytest.raises(WorkerError, match=r"toy did not start .*No module named"):
        await worker.start()
    assert worker.pid is None
    assert restarts() == before


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux can wait for a grandchild")
async def test_a_worker_ends_when_its_server_is_killed_even_in_the_middle_of_its_work() -> None:
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, stdout=PIPE)
    assert server.stdout is not None
    worker = os.pidfd_open(int(await server.stdout.readline()))
    try:
        server.kill()
        await server.wait()
        poll = select.poll()
        poll.register(worker, select.POLLIN)
        assert await asyncio.to_thread(poll.poll, 5000)
    finally:
        os.close(worker)


SERVER = f"""
import asyncio
from app.services.worker_process import WorkerProcess
async def main():
    worker = WorkerProcess("toy", "{TOY}")
    await worker.start()
    asking = asyncio.create_task(worker.ask(("sleep", 60), int))
    await asyncio.sleep(0)
    print(worker.pid, flush=True)
    await asking
asyncio.run(main())
"""
