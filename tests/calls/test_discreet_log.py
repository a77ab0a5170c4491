"""What a whole call leaves in the log, at its most talkative."""

from __future__ import annotations

import asyncio
import base64
import re
from pathlib import Path

from app.simulator import audio
from app.simulator.caller import SimulatedCall
from app.simulator.script import HangUp, Play, WaitForHangUp, WaitForSpeech, WaitForTurn
from tests.calls.servers import summarised
from tests.faults.server_process import ServerProcess

SPEECH = Path(__file__).parent.parent / "speech"
KEY = base64.urlsafe_b64encode(b"k" * 32).decode()


async def test_no_word_of_a_call_no_number_and_no_secret_is_in_the_log(
    postgres_url: str, tmp_path: Path
) -> None:
    process = ServerProcess(
        postgres_url, tmp_path, LOG_LEVEL="debug", TWILIO_AUTH_TOKEN="a-secret-token", ENCRYPTION_KEYS=KEY
    )
    call = SimulatedCall(
        process.settings.webhook_url,
        [
            WaitForSpeech(0.5),
            Play(audio.load(SPEECH / "lv_0880.wav"), "he was not an ill disposed young man"),
            WaitForTurn(),
            HangUp(),
        ],
        auth_token="a-secret-token",
    )
    with (tmp_path / "log").open("wb") as log:
        async with process.running(stderr=log):
            # One whose signature is wrong, which is logged with its URL.
            forged = SimulatedCall(process.settings.webhook_url, [WaitForHangUp()], auth_token="another")
            await asyncio.wait([asyncio.create_task(forged.run())])
            await call.run()
            stored = await process.seen.call(call.call_sid, summarised, 60)
            numbers = [stored["from_number"], stored["to_number"]]
    written = (tmp_path / "log").read_text()
    assert "ready for calls" in written
    assert "signature" in written
    words = re.sub(r"[^a-z ]", " ", written.lower()).split()
    said = [re.sub(r"[^a-z ]", " ", line["text"].lower()).split() for line in stored["transcript"]]
    assert len(said) >= 3
    threes = {tuple(words[start : start + 3]) for start in range(len(words))}
    for line in said:
        assert not [three for three in zip(line, line[1:], line[2:], strict=False) if three in threes]
    for secret in (*numbers, "a-secret-token", KEY, "operator ", "eyJ"):
        assert secret.lstrip("+") not in written, secret
