"""What waits for the database, on disk: a file for each process, that the next one reads if this one dies.

A record is one line of text: a checksum, and JSON that is sealed when there are keys. The last one may be
torn. The process holds the kernel's lock on its file, so whoever gets that lock knows that it is dead.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import threading
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from app import metrics
from app.encryption import Encryption
from app.store.backlog import PHASES
from app.store.operations import InterimHeard, Operation
from app.store.storable import storable

log = logging.getLogger(__name__)

LARGEST = 512 * 1024 * 1024
"""Bytes; hours of a thousand calls. The disk belongs to others too."""

KINDS = {kind.__name__: kind for kind in PHASES}

Numbered = tuple[int, Operation]
"""An operation, and its place among all of its process's."""


class TornError(Exception):
    """Not a whole record."""


class Record(msgspec.Struct, frozen=True):
    """Some operations in order. At `at` their process was alive."""

    at: datetime
    operations: list[tuple[int, str, dict[str, Any]]]

    @classmethod
    def of(cls, at: datetime, operations: Sequence[Numbered]) -> Record:
        """Interims, which nobody wants to hear later, are left out."""
        return cls(
            at,
            [
                (number, type(one).__name__, storable(msgspec.to_builtins(one)))
                for number, one in operations
                if not isinstance(one, InterimHeard)
            ],
        )

    def numbered(self) -> list[Numbered]:
        return [(number, msgspec.convert(fields, KINDS[kind])) for number, kind, fields in self.operations]

    def encode(self, encryption: Encryption, owner: str) -> bytes:
        """The line in `owner`'s spool."""
        payload = encryption.seal(msgspec.json.encode(self).decode(), "spool", owner).encode()
        return b"%08x %s\n" % (zlib.crc32(payload), payload)

    @classmethod
    def decode(cls, line: bytes, encryption: Encryption, owner: str) -> Record:
        """Raises:
        TornError: it is not as it was written.
        UnreadableError: it was sealed with a key that is not known.
        """
        checksum, _, payload = line.removesuffix(b"\n").partition(b" ")
        if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(payload):
            raise TornError
        return msgspec.json.decode(encryption.open(payload.decode(), "spool", owner), type=cls)


class Spool:
    """One process's file. There is none as long as the database takes everything in time."""

    def __init__(self, directory: Path, owner: str, encryption: Encryption) -> None:
        self._path = directory / f"{owner}.spool"
        self._owner = owner
        self._encryption = encryption
        self._file: int | None = None
        self._size = 0
        self._troubled = False
        # A cancelled `keep` still writes. What it keeps may come twice: numbers tell.
        self._one = threading.Lock()
        self.last = 0
        """The number of the last operation in it; 0 while there is no file."""

    async def keep(self, operations: Sequence[Numbered]) -> bool:
        """Append, and have it on the disk. False: there is no room, or the disk fails; that is said once."""
        try:
            await asyncio.to_thread(self._append, Record.of(datetime.now(UTC), operations))
        except OSError as error:
            metrics.SPOOL_ERRORS.inc()
            if not self._troubled:
                self._troubled = True
                log.critical("%s: %s. Writes wait in memory only", self._path, error.strerror or error)
            return False
        self._troubled = False
        self.last = operations[-1][0]
        metrics.SPOOL_BYTES.set(self._size)
        return True

    async def drop(self) -> None:
        """Everything in it is in the database."""
        self.last = 0
        await asyncio.to_thread(self._path.unlink, missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file. One that is left is for the next process."""
        if self._file is not None:
            os.close(self._file)
        self._file, self._size = None, 0
        metrics.SPOOL_BYTES.set(0)

    def _append(self, record: Record) -> None:
        line = record.encode(self._encryption, self._owner)
        with self._one:
            self._append_line(line)

    def _append_line(self, line: bytes) -> None:
        if self._size + len(line) > LARGEST:
            raise OSError(f"it has {self._size} bytes, more are not kept")
        if self._file is None:
            self._file = _create(self._path)
        try:
            _write_all(self._file, line)
            os.fsync(self._file)
        except OSError:
            # Half a record in the middle would be mistaken for damage.
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(line)


def _create(path: Path) -> int:
    """A new file, locked before anybody can find it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    unfinished.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return file


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
