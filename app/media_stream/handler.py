"""The endpoint that ties a socket to a call: three tasks, and one reason why they end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from starlette.responses import JSONResponse
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from app import metrics
from app.calls import Calls, OpenCall
from app.limits.quiet_log import QuietLog
from app.limits.websocket import direct
from app.media_stream.admission import Admission, RefusedError
from app.media_stream.line import TwilioLine
from app.media_stream.messages import ProtocolError, Start
from app.media_stream.protocol import MediaStreamProtocol
from app.settings import Settings

log = logging.getLogger(__name__)

START_SECONDS = 5
"""How long a socket may stay silent before `start`. (By hand: IDLE_SECONDS; people type.)"""

MAX_EARLY_ERRORS = 50
"""Messages before `start` that cannot be used. It is not Twilio who sends more."""

CLOSE_CODES = {"error": 1011, "server_stopped": 1012, "flooded": 1008}
"""Why the socket is closed, where it is not simply over (RFC 6455, 7.4.1 and the IANA registry)."""


class MediaStreamEndpoint:
    """`/ws/media-stream`."""

    def __init__(self, settings: Settings, admission: Admission, calls: Calls) -> None:
        self._settings = settings
        self._admission = admission
        self._calls = calls
        self._log = QuietLog(log)

    async def handle(self, websocket: WebSocket) -> None:
        """Serve one socket from upgrade to close."""
        try:
            self._admission.check_upgrade(websocket)
        except RefusedError as error:
            metrics.REFUSED.labels(reason=error.reason).inc()
            with suppress(WebSocketDisconnect):
                await websocket.send_denial_response(
                    JSONResponse({"error": {"code": "refused", "message": str(error)}}, error.status)
                )
            return
        await websocket.accept()
        try:
            await self._serve(websocket)
        except RefusedError as error:
            metrics.REFUSED.labels(reason=error.reason).inc()
            self._log.warning("refused a stream: %s", error)
            # A close frame holds 123 bytes of reason (RFC 6455, 5.5).
            await _close(websocket, error.code, str(error)[:120])
        except WebSocketDisconnect:
            pass

    async def _serve(self, websocket: WebSocket) -> None:
        protocol = MediaStreamProtocol(self._settings.max_chunks_per_second)
        patience = self._settings.idle_seconds if self._admission.by_hand(websocket) else START_SECONDS
        with self._admission.waiting():
            try:
                async with asyncio.timeout(patience):
                    start = await self._receive_start(websocket, protocol)
            except TimeoutError:
                raise RefusedError(f"No start message came within {patience} s.", "no_start") from None
            user_id = await self._admission.check_start(websocket, protocol.call_sid, start.start)
        call = await self._calls.open(protocol.call_sid, user_id)
        connection = call.connection
        try:
            await self._run(websocket, call, TwilioLine(connection, protocol))
        except Exception:
            log.exception("call %s: ended by an error", connection.call_sid)
            connection.close("error")
        finally:
            connection.close("connection_lost")
            await self._calls.close(connection)
        reason = connection.ended.result()
        await _close(websocket, CLOSE_CODES.get(reason, 1000), reason)

    async def _receive_start(self, websocket: WebSocket, protocol: MediaStreamProtocol) -> Start:
        for _ in range(MAX_EARLY_ERRORS):
            try:
                message = protocol.receive(_data(await websocket.receive()))
            except ProtocolError as error:
                metrics.PROTOCOL_ERRORS.labels(error=error.name).inc()
                if error.name == "unsupported_media_format":
                    raise RefusedError(str(error), error.name, code=1003) from None
                self._log.warning("before start: skipped a message: %s", error)
                continue
            if isinstance(message, Start):
                return message
        raise RefusedError("Too many messages before start.", "no_start")

    async def _run(self, websocket: WebSocket, call: OpenCall, line: TwilioLine) -> None:
        async with asyncio.TaskGroup() as tasks:
            on_the_wire = [
                tasks.create_task(_read(websocket, line)),
                tasks.create_task(_write(websocket, line)),
            ]
            tasks.create_task(self._calls.converse(call, line))
            await asyncio.shield(call.connection.ended)
            for task in on_the_wire:
                task.cancel()


async def _read(websocket: WebSocket, line: TwilioLine) -> None:
    try:
        with direct(websocket.scope, line.receive):
            while True:
                line.receive(_data(await websocket.receive()))
    except WebSocketDisconnect:
        line.connection.close("connection_lost")


async def _write(websocket: WebSocket, line: TwilioLine) -> None:
    try:
        await line.send_all(websocket.send_text)
    except WebSocketDisconnect:
        line.connection.close("connection_lost")


def _data(message: Message) -> str | bytes:
    """A received ASGI message's text or bytes.

    Raises:
        WebSocketDisconnect: the socket is gone.
    """
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect
    data = message.get("text")
    if data is None:
        data = message.get("bytes") or b""
    assert isinstance(data, str | bytes)
    return data


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    try:
        await websocket.close(code, reason)
    except (WebSocketDisconnect, RuntimeError):
        # The other side was faster.
        return
