from __future__ import annotations

import asyncio

from app.media_stream.connection import MediaStreamConnection
from app.media_stream.line import TwilioLine
from app.media_stream.protocol import MediaStreamProtocol


async def test_what_is_played_a_second_late_is_waited_for() -> None:
    protocol = MediaStreamProtocol()
    protocol.receive('{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1"}}')
    line = TwilioLine(MediaStreamConnection("CA1"), protocol)
    line.begin_clause("Goodbye.", line.epoch)
    line.play(b"\x10" * 800, line.epoch)
    line.end_clause(line.epoch)
    heard_out = asyncio.create_task(line.heard_out())
    await asyncio.sleep(1.1)
    assert not heard_out.done()
    line.receive('{"event":"mark","streamSid":"MZ1","mark":{"name":"0.1"}}')
    async with asyncio.timeout(1):
        await heard_out
