from __future__ import annotations

from app.conversation.transcript import Transcript, TranscriptLine
from app.services.language_model import Message


def write(transcript: Transcript, speaker: str, text: str, *, is_final: bool = True) -> TranscriptLine:
    assert speaker in ("user", "assistant")
    return transcript.write(speaker, text, is_final=is_final, started_ms=0, ended_ms=0)  # type: ignore[arg-type]


def test_speakers_lines_grow_side_by_side() -> None:
    transcript = Transcript(lambda _line: None)
    write(transcript, "assistant", "I have", is_final=False)
    write(transcript, "user", "wait", is_final=False)
    assert write(transcript, "assistant", "I have noted").seq == 1
    assert write(transcript, "user", "Wait.").seq == 2


def test_revisions_count_final_lines_as_they_become_final() -> None:
    transcript = Transcript(lambda _line: None)
    assert write(transcript, "assistant", "I have", is_final=False).revision == 0
    assert write(transcript, "user", "Wait.").revision == 1
    assert write(transcript, "assistant", "I have noted").revision == 2


def test_messages_come_in_the_order_in_which_they_began_one_a_turn() -> None:
    transcript = Transcript(lambda _line: None)
    write(transcript, "assistant", "Hello", is_final=False)
    write(transcript, "user", "Remind me")
    write(transcript, "assistant", "Hello.")
    write(transcript, "user", "to call Anna.")
    assert transcript.messages() == (
        Message("assistant", "Hello."),
        Message("user", "Remind me to call Anna."),
    )


def test_a_line_goes_on_where_an_earlier_stream_left_off() -> None:
    history = (TranscriptLine(4, "assistant", "Hello.", True, revision=3),)
    transcript = Transcript(lambda _line: None, history)
    line = write(transcript, "user", "Hi.")
    assert (line.seq, line.revision) == (5, 4)
    assert transcript.messages()[0].text == "Hello."
