"""What somebody with wscat sends, and what nobody should."""

from __future__ import annotations

import asyncio
import json
import os
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect

from app.simulator import audio
from tests.calls.servers import RunningServer, over, summarised

SPEECH = Path(__file__).parent.parent / "speech"


class Hand:
    """A socket and somebody who types."""

    def __init__(self, socket: ClientConnection, call_sid: str) -> None:
        self.socket = socket
        self.call_sid = call_sid
        self.messages: asyncio.Queue[Any] = asyncio.Queue()

    async def read(self) -> None:
        """Take what comes, so that the close is seen behind it."""
        async for data in self.socket:
            self.messages.put_nowait(json.loads(data))

    async def type(self, message: Any) -> None:
        await self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def start(self, **fields: Any) -> None:
        await self.type({"event": "start", "start": {"callSid": self.call_sid, **fields}})

    async def speak(self, name: str, silence: bytes = b"\xff" * 9600) -> None:
        """A recording and 1.2 s of silence, in real time."""
        sound = audio.load(SPEECH / name) + silence
        begun = asyncio.get_running_loop().time()
        for number, at in enumerate(range(0, len(sound), 160)):
            payload = b64encode(sound[at : at + 160]).decode()
            await self.type({"event": "media", "media": {"payload": payload}})
            await asyncio.sleep(begun + number * 0.02 - asyncio.get_running_loop().time())

    async def until(self, event: str) -> Any:
        async with asyncio.timeout(10):
            while (message := await self.messages.get())["event"] != event:
                pass
        return message

    async def closed(self) -> tuple[int | None, str | None]:
        """Code and reason of the server's close."""
        async with asyncio.timeout(15):
            await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason


@asynccontextmanager
async def a_hand(server: RunningServer) -> AsyncIterator[Hand]:
    async with connect(server.websocket_url) as socket:
        hand = Hand(socket, f"CA{uuid4().hex[:8]}")
        reading = asyncio.create_task(hand.read())
        yield hand
        reading.cancel()
        await asyncio.wait([reading])


async def test_the_start_message_of_the_readme_is_answered_with_a_greeting(
    open_server: RunningServer,
) -> None:
    async with a_hand(open_server) as hand:
        await hand.start(customParameters={"userId": "user1"})
        media = await hand.until("media")
        assert set(media) == {"event", "streamSid", "media"}
        mark = await hand.until("mark")
        assert mark["streamSid"] == media["streamSid"]
        await hand.type({"event": "stop"})
    stored = await open_server.call(hand.call_sid, over)
    assert (stored["user_id"], stored["end_reason"]) == ("user1", "caller_hung_up")


async def test_the_last_words_before_a_hang_up_are_kept(open_server: RunningServer) -> None:
    async with a_hand(open_server) as hand:
        await hand.start()
        await hand.speak("ps_goforward.wav", silence=b"")
        await hand.type({"event": "stop"})
    stored = await open_server.call(hand.call_sid, over)
    assert any("meters" in line["text"].lower() for line in stored["transcript"] if line["speaker"] == "user")


NUISANCES: dict[str, list[Any]] = {
    "binary_frame": [b"\x00\x01\x02"],
    "invalid_json": ["{", "", "hello"],
    "unknown_event": [{"event": "dance"}, {}],
    "invalid_message": [{"event": "media"}, {"event": "media", "media": {"payload": 7}}, []],
    "invalid_base64": [{"event": "media", "media": {"payload": "§§§"}}],
    "empty_payload": [{"event": "media", "media": {"payload": ""}}],
    "message_too_large": [{"event": "media", "media": {"payload": b64encode(bytes(65536)).decode()}}],
    "second_start": [{"event": "start", "start": {"callSid": "CAother"}}],
    "wrong_stream_sid": [{"event": "media", "streamSid": "MZother", "media": {"payload": "/w=="}}],
}


async def test_nuisances_are_counted_by_name_and_the_call_goes_on(open_server: RunningServer) -> None:
    async with a_hand(open_server) as hand:
        await hand.type({"event": "media", "media": {"payload": "/w=="}})  # before start
        await hand.start(streamSid="MZ1")
        await hand.until("media")
        for messages in NUISANCES.values():
            for message in messages:
                await hand.type(message)
        await hand.speak("an4_date1.wav")
        await hand.type({"event": "stop"})
    stored = await open_server.call(hand.call_sid, over)
    assert stored["stats"]["protocol_errors"] == {name: len(messages) for name, messages in NUISANCES.items()}
    said = " ".join(line["text"] for line in stored["transcript"] if line["speaker"] == "user").lower()
    assert "march" in said


@pytest.mark.parametrize(
    "media_format",
    [
        {"encoding": "audio/x-l16", "sampleRate": 8000, "channels": 1},
        {"encoding": "audio/x-mulaw", "sampleRate": 16000, "channels": 1},
        {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 2},
    ],
)
async def test_another_audio_format_is_refused_by_name(
    open_server: RunningServer, media_format: dict[str, Any]
) -> None:
    async with a_hand(open_server) as hand:
        await hand.start(mediaFormat=media_format)
        code, reason = await hand.closed()
    assert code == 1003
    assert "audio/x-mulaw" in (reason or "")


async def test_a_second_stream_of_an_open_call_is_refused_and_the_first_goes_on(
    open_server: RunningServer,
) -> None:
    async with a_hand(open_server) as hand, a_hand(open_server) as other:
        await hand.start()
        await hand.until("media")
        other.call_sid = hand.call_sid
        await other.start()
        assert (await other.closed())[0] == 1008
        await hand.until("mark")


async def test_a_socket_that_breaks_ends_the_call(open_server: RunningServer) -> None:
    async with a_hand(open_server) as hand:
        await hand.start()
        await hand.until("media")
        hand.socket.transport.abort()
    stored = await open_server.call(hand.call_sid, over)
    assert stored["end_reason"] == "connection_lost"


async def test_a_line_without_audio_is_closed_as_idle(open_server: RunningServer) -> None:
    async with a_hand(open_server) as hand:
        await hand.start()
        assert await hand.closed() == (1000, "idle")
    assert (await open_server.call(hand.call_sid, over))["end_reason"] == "idle"


async def test_the_status_callback_ends_a_call_whose_socket_stays(open_server: RunningServer) -> None:
    async with a_hand(open_server) as hand:
        await hand.start()
        await hand.until("media")
        await open_server.post("/voice/status", {"CallSid": hand.call_sid, "CallStatus": "completed"})
        await hand.closed()
    assert (await open_server.call(hand.call_sid, over))["end_reason"] == "status_callback"


async def test_a_call_cut_off_goes_on_with_its_history(open_server: RunningServer) -> None:
    async with a_hand(open_server) as hand:
        await hand.start()
        await hand.until("mark")
        await hand.type({"event": "mark", "mark": {"name": "0.1"}})
        await hand.speak("ps_goforward.wav")
        hand.socket.transport.abort()
    await open_server.call(hand.call_sid, over)
    response = await open_server.post("/voice/next", {"CallSid": hand.call_sid, "CallStatus": "in-progress"})
    assert "<Stream" in response.text
    async with a_hand(open_server) as again:
        again.call_sid = hand.call_sid
        await again.start()
        await again.until("mark")
        await asyncio.sleep(1.0)
        await again.type({"event": "stop"})
    stored = await open_server.call(hand.call_sid, lambda call: call["end_reason"] == "caller_hung_up")
    texts = [line["text"] for line in stored["transcript"]]
    assert any("forward" in text.lower() for text in texts)
    assert texts[-1].startswith("Sorry,")
    assert [line["seq"] for line in stored["transcript"]] == sorted(
        {line["seq"] for line in stored["transcript"]}
    )
    await open_server.call(hand.call_sid, summarised)


async def test_a_call_that_comes_back_at_once_keeps_the_words_before_the_cut(
    open_server: RunningServer,
) -> None:
    async with a_hand(open_server) as hand:
        await hand.start()
        await hand.until("mark")
        await hand.speak("ps_goforward.wav", silence=b"")
        hand.socket.transport.abort()
    response = await open_server.post("/voice/next", {"CallSid": hand.call_sid, "CallStatus": "in-progress"})
    assert "<Stream" in response.text
    async with a_hand(open_server) as again:
        again.call_sid = hand.call_sid
        await again.start()
        await again.until("mark")
        call = await open_server.call(hand.call_sid, lambda call: call["status"] == "in-progress")
        assert call["ended_at"] is None
        await again.type({"event": "stop"})
    stored = await open_server.call(hand.call_sid, lambda call: call["end_reason"] == "caller_hung_up")
    said = [line["text"] for line in stored["transcript"] if line["speaker"] == "user"]
    assert "forward" in " ".join(said).lower(), stored["transcript"]
    await open_server.call(hand.call_sid, summarised)


async def test_a_hundred_calls_in_a_row_leave_nothing_behind(open_server: RunningServer) -> None:
    async def short_call() -> None:
        async with a_hand(open_server) as hand:
            await hand.start()
            await hand.until("media")
            for _ in range(10):
                await hand.type({"event": "media", "media": {"payload": b64encode(bytes(160)).decode()}})
            await hand.type({"event": "stop"})
            await hand.closed()

    async def summaries() -> None:
        calls = (await open_server.get("/api/calls?limit=100")).json()["calls"]
        for call in calls:
            await open_server.call(call["call_sid"], summarised)

    process = psutil.Process(os.getpid())
    for _ in range(20):
        await short_call()
    await summaries()
    tasks, files, memory = len(asyncio.all_tasks()), process.num_fds(), process.memory_info().rss
    for _ in range(100):
        await short_call()
    await summaries()
    assert len(open_server.app.state.manager) == 0
    # Requests of the test itself may still be on their way out.
    assert len(asyncio.all_tasks()) <= tasks + 2
    assert process.num_fds() <= files + 2
    assert process.memory_info().rss < memory + 8_000_000
