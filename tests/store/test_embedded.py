"""app.store.embedded: a server of our own, shared, and safe from Ctrl-C and SIGKILL."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest

from app.errors import SettingError
from app.store.embedded import EmbeddedPostgres

HOLDER = """
import asyncio, sys
from pathlib import Path
from app.store.embedded import EmbeddedPostgres

async def main():
    async with EmbeddedPostgres(Path(sys.argv[1])) as url:
        print(url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def state_dir() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="offhook-test-"))
    yield directory
    shutil.rmtree(directory)


def running(state_dir: Path) -> int | None:
    """The server's process id."""
    file = state_dir / "postgres" / "data" / "postmaster.pid"
    return int(file.read_text().splitlines()[0]) if file.exists() else None


async def holder(state_dir: Path) -> asyncio.subprocess.Process:
    """Another process that uses the database, in a session of its own, until it is interrupted."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDER, str(state_dir)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"postgresql://")
    return process


async def count(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        await connection.execute("INSERT INTO kept VALUES (1)")
        return int(await connection.fetchval("SELECT count(*) FROM kept"))
    finally:
        await connection.close()


async def test_what_was_written_is_there_after_a_stop_and_a_start(state_dir: Path) -> None:
    for number in (1, 2):
        async with EmbeddedPostgres(state_dir) as url:
            assert await count(url) == number
        assert running(state_dir) is None


@pytest.mark.parametrize("name", ["d" * 150, "it's a list, with spaces", "übermäßig"])
async def test_any_directory_will_do(state_dir: Path, name: str) -> None:
    async with EmbeddedPostgres(state_dir / name) as url:
        assert await count(url) == 1


async def test_the_last_of_two_processes_stops_the_server(state_dir: Path) -> None:
    first = EmbeddedPostgres(state_dir)
    url = await first.start()
    other = await holder(state_dir)
    await first.stop()
    assert await count(url) == 1
    other.send_signal(signal.SIGINT)
    await other.wait()
    assert running(state_dir) is None


async def test_a_killed_process_leaves_nothing_that_the_next_one_stumbles_over(state_dir: Path) -> None:
    other = await holder(state_dir)
    server = running(state_dir)
    other.kill()
    await other.wait()
    async with EmbeddedPostgres(state_dir) as url:
        assert running(state_dir) == server
        assert await count(url) == 1
    assert running(state_dir) is None


async def test_a_killed_server_is_started_again(state_dir: Path) -> None:
    first = EmbeddedPostgres(state_dir)
    url = await first.start()
    assert await count(url) == 1
    server = running(state_dir)
    assert server is not None
    os.kill(server, signal.SIGKILL)
    # It takes a moment to die, and answers until then.
    psutil.Process(server).wait(10)
    second = EmbeddedPostgres(state_dir)
    assert await count(await second.start()) == 2
    await first.stop()
    await second.stop()
    assert running(state_dir) is None


async def test_ctrl_c_in_the_terminal_does_not_reach_the_server(state_dir: Path) -> None:
    other = await holder(state_dir)
    server = running(state_dir)
    assert server is not None
    assert os.getsid(server) != os.getsid(other.pid)
    os.killpg(other.pid, signal.SIGINT)
    await other.wait()
    assert running(state_dir) is None, "the interrupted process stopped it in an orderly way"
    log = (state_dir / "postgres" / "data" / "server.log").read_text()
    assert "database system is shut down" in log


async def test_a_place_that_cannot_be_written_is_named(state_dir: Path) -> None:
    (state_dir / "postgres").write_text("a file")
    with pytest.raises(SettingError, match="STATE_DIR"):
        await EmbeddedPostgres(state_dir).start()


async def test_a_damaged_database_is_an_error_that_says_where_to_look(state_dir: Path) -> None:
    async with EmbeddedPostgres(state_dir):
        pass
    (state_dir / "postgres" / "data" / "global" / "pg_control").unlink()
    with pytest.raises(SettingError, match=r"server\.log"):
        await EmbeddedPostgres(state_dir).start()


async def test_a_server_that_dies_while_it_is_used_is_started_again(state_dir: Path) -> None:
    async with EmbeddedPostgres(state_dir) as url:
        assert await count(url) == 1
        server = running(state_dir)
        assert server is not None
        os.kill(server, signal.SIGKILL)
        psutil.Process(server).wait(10)
        async with asyncio.timeout(30):
            while True:
                with suppress(OSError, asyncpg.PostgresError):
                    assert await count(url) == 2
                    return
                await asyncio.sleep(0.1)
