from __future__ import annotations

import pytest

from app.conversation.hearing import Hearing
from app.conversation.transcript import Transcript, TranscriptLine
from app.media_stream.connection import MediaStreamConnection
from app.media_stream.line import TwilioLine
from app.media_stream.protocol import MediaStreamProtocol
from app.services.speech_to_text import Final, Interim

NOTED = "Okay, I'll note that. Milk. Anything else?"


def line() -> TwilioLine:
    return TwilioLine(MediaStreamConnection("CA1"), MediaStreamProtocol())


def heard_over_our_own_voice(transcript: Transcript, hearing: Hearing) -> list[str]:
    """The caller's lines, after "note that milk" while we were audible and nobody told of a voice."""
    hearing.spoke(0, 5000)
    hearing.final(Final("note that milk", 1000, 2000), others=False)
    return [line.text for line in transcript.lines if line.speaker == "user"]


async def test_what_we_have_just_said_is_an_echo() -> None:
    transcript = Transcript(lambda _line: None)
    hearing = Hearing(line(), transcript)
    transcript.write("assistant", NOTED, is_final=True, started_ms=0, ended_ms=1000)
    assert heard_over_our_own_voice(transcript, hearing) == []


@pytest.mark.parametrize("lines", [1, 4, 10])
async def test_what_we_said_on_an_earlier_stream_does_not_come_back(lines: int) -> None:
    history = tuple(TranscriptLine(seq, "assistant", NOTED, is_final=True) for seq in range(1, lines + 1))
    transcript = Transcript(lambda _line: None, history)
    assert heard_over_our_own_voice(transcript, Hearing(line(), transcript)) == ["note that milk"]


async def test_words_around_a_pressed_key_are_lines_before_and_after_it() -> None:
    transcript = Transcript(lambda _line: None)
    hearing = Hearing(line(), transcript)
    hearing.interim(Interim("my number is", 0), others=False)
    hearing.keyed("(keys: 47)")
    hearing.interim(Interim("my number is and thank", 0), others=False)
    hearing.final(Final("My number is and thank you.", 0, 2000), others=False)
    assert [line.text for line in transcript.lines] == ["my number is", "(keys: 47)", "and thank you."]
    assert all(line.is_final for line in transcript.lines)
    assert hearing.words == "my number is (keys: 47) and thank you."
