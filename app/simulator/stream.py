"""One media stream over a WebSocket, from `connected` to the end of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from app.simulator.clock import FrameClock
from app.simulator.handset import Handset
from app.simulator.listening import voiced_spans
from app.simulator.microphone import PERFECT, LineConditions
from app.simulator.twiml import HANDSHAKE
from app.simulator.uplink import Uplink
from app.simulator.violations import MAX_VIOLATIONS, Violation, ViolationError
from app.simulator.wire import Clear, Mark, Media, Wire

CONNECT_TIMEOUT = 31901
ABRUPT_CLOSE = 31903
TLS_FAILED = 31910
CLOSED_WITH_ERROR = 31921
PROTOCOL_ERROR = 31924

OPEN_SECONDS = 10
SEND_SECONDS = 5
"""How long the server may leave its socket unread."""
CLOSE_SECONDS = 3
NORMAL_CLOSE = (1000, 1001, 1012)
"""Done, going away, service restart."""
CUT_OFF_MS = 200
"""A syllable: speech of this length that was sent and never played was not meant to be lost."""

StreamEnd = Literal["caller_hung_up", "server_closed"]


@dataclass(frozen=True, slots=True)
class Clearing:
    """One `clear` of the server."""

    at_ms: float
    voiced_ms: int
    """How much speech it took away."""


@dataclass(slots=True)
class CallLog:
    """What happened on the streams of a call. Times are real milliseconds on the call's clock."""

    streams_ms: list[int] = field(default_factory=list)
    """When each stream's `start` was sent."""
    ends_ms: list[int] = field(default_factory=list)
    """When each of those streams was over."""
    clears: list[Clearing] = field(default_factory=list)
    marks_received: int = 0
    marks_returned: int = 0
    worst_lateness_ms: float = 0.0
    violations: list[Violation] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def violation(self, error: ViolationError) -> None:
        if len(self.violations) < MAX_VIOLATIONS:
            self.violations.append(error.violation)


class MediaStream:
    """Ties a handset to a socket for as long as both last."""

    def __init__(
        self,
        wire: Wire,
        handset: Handset,
        clock: FrameClock,
        log: CallLog,
        line: LineConditions = PERFECT,
    ) -> None:
        self._wire = wire
        self._handset = handset
        self._clock = clock
        self._log = log
        self._line = line

    async def run(self, url: str, headers: Mapping[str, str]) -> StreamEnd:
        """Open the socket, talk, close it.

        Raises:
            ViolationError: it could not be opened (31901, 31910, 31920), or was closed again at once.
        """
        socket = await _open(url, headers)
        async with socket:
            try:
                await socket.send(self._wire.connected())
                # The call went on while the socket was opened; a stream has only what follows.
                while self._clock.behind():
                    await self._clock.beat()
                    self._handset.tick()
                await socket.send(self._wire.start())
            except ConnectionClosed as closed:
                raise _why_closed(closed) or ViolationError(
                    CLOSED_WITH_ERROR, "the server closed the stream before its start"
                ) from None
            self._uplink = Uplink(socket.send, self._line.jitter_ms, self._line.seed)
            self._log.streams_ms.append(self._handset.phone.now_ms)
            self._handset.begin()
            async with asyncio.TaskGroup() as group:
                listener = group.create_task(self._listen(socket))
                try:
                    if await self._talk(socket, listener):
                        return "caller_hung_up"
                finally:
                    self._log.ends_ms.append(self._handset.phone.now_ms)
        self._drop_unheard()
        return "server_closed"

    async def _talk(self, socket: ClientConnection, listener: asyncio.Task[None]) -> bool:
        """Send a frame every 20 ms. True if the caller hung up, False once the server is gone."""
        while not listener.done():
            late = await self._clock.beat()
            self._log.worst_lateness_ms = max(self._log.worst_lateness_ms, late)
            beat = self._handset.tick()
            try:
                # What took all before takes this too: a deadline costs more than the frame.
                backed_up = socket.transport.get_write_buffer_size() > 0
                async with asyncio.timeout(SEND_SECONDS) if backed_up else nullcontext():
                    await self._uplink.beat(self._clock.now_ms())
                    await self._return_marks(beat.marks)
                    if beat.moment.digit:
                        await self._uplink.send(self._wire.dtmf(beat.moment.digit))
                    if beat.moment.hang_up:
                        await self._uplink.send(self._wire.stop())
                        await self._uplink.flush()
                        await socket.close()
                        return True
                    await self._uplink.send(self._wire.media(beat.frame))
            except ConnectionClosed:
                break
            except TimeoutError:
                self._log.violation(ViolationError(ABRUPT_CLOSE, "the server does not read its socket"))
                socket.transport.abort()
                break
        return False

    async def _listen(self, socket: ClientConnection) -> None:
        """Do what the server asks for until the socket is closed."""
        try:
            while True:
                message = await socket.recv()
                try:
                    await self._obey(message)
                except ViolationError as error:
                    self._log.violation(error)
        except ConnectionClosed as closed:
            if violation := _why_closed(closed):
                self._log.violation(violation)

    async def _obey(self, message: str | bytes) -> None:
        phone = self._handset.phone
        match self._wire.receive(message):
            case Media(media=media):
                phone.play(media.payload)
            case Mark(mark=mark):
                self._log.marks_received += 1
                await self._return_marks(phone.mark(mark.name))
            case Clear():
                lost_ms = _voiced_ms(phone.waiting)
                self._log.clears.append(Clearing(self._clock.now_ms(), lost_ms))
                await self._return_marks(phone.clear())

    async def _return_marks(self, names: list[str]) -> None:
        for name in names:
            self._log.marks_returned += 1
            await self._uplink.send(self._wire.mark(name))

    def _drop_unheard(self) -> None:
        """The stream is gone, and with it what was not played."""
        unheard = self._handset.phone.hang_up()
        voiced_ms = _voiced_ms(unheard)
        if voiced_ms >= CUT_OFF_MS:
            self._log.problems.append(
                f"The server closed the stream while {voiced_ms} ms of speech had not been played yet."
            )


def _voiced_ms(audio: bytes) -> int:
    return sum(span.end_ms - span.start_ms for span in voiced_spans(audio))


async def _open(url: str, headers: Mapping[str, str]) -> ClientConnection:
    try:
        return await connect(
            url,
            compression=None,
            additional_headers=headers,
            user_agent_header="TwilioMediaStreams",
            proxy=None,
            ping_interval=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
        )
    except InvalidHandshake as error:
        raise ViolationError(HANDSHAKE, f"{url}: {error}") from None
    except ssl.SSLError as error:
        raise ViolationError(TLS_FAILED, f"{url}: {error}") from None
    except (OSError, TimeoutError) as error:
        raise ViolationError(CONNECT_TIMEOUT, f"{url}: {error or 'no answer'}") from None


def _why_closed(closed: ConnectionClosed) -> ViolationError | None:
    """None if the socket was closed as it should be."""
    if closed.rcvd is None and closed.sent is None:
        return ViolationError(ABRUPT_CLOSE, "the connection was lost without a close frame")
    # A code of our own comes first only where the server broke the WebSocket protocol.
    if closed.sent is not None and not closed.rcvd_then_sent and closed.sent.code not in NORMAL_CLOSE:
        return ViolationError(PROTOCOL_ERROR, str(closed.sent))
    if closed.rcvd is not None and closed.rcvd.code not in NORMAL_CLOSE:
        return ViolationError(CLOSED_WITH_ERROR, f"the server closed with {closed.rcvd}")
    return None
