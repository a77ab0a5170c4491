"""What another recogniser would have to hear again, and how much of it may be a voice."""

from __future__ import annotations

import audioop

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.speech_to_text.tail import BLOCK, LEAD, LONGEST, NOISE_BLOCKS, VOICE_RMS, Tail
from app.simulator import sounds
from tests.services.speech_to_text.recordings import REFERENCES, recording

LOUD, QUIET = b"\x10", b"\xff"


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3 * BLOCK)), max_size=60), st.data())
def test_a_tail_keeps_every_sound_that_is_not_final(
    sounds: list[tuple[bool, int]], data: st.DataObject
) -> None:
    tail, whole, final = Tail(), bytearray(), 0
    for is_loud, size in sounds:
        audio = (LOUD if is_loud else QUIET) * size
        whole += audio
        tail.append(audio)
        if data.draw(st.booleans()):
            final = data.draw(st.integers(final, len(whole)))
            tail.cut(final)
    assert tail.end == len(whole)
    assert tail.slice(tail.start, tail.end) == whole[tail.start :]
    unheard = whole.find(LOUD, final)
    # A block is quiet or not as a whole; one loud sample in it is not a sound.
    if unheard >= 0 and whole[unheard : unheard + 2 * BLOCK].count(LOUD) == 2 * BLOCK:
        assert tail.start <= unheard


def test_a_tail_is_bounded_and_forgets_a_quiet_beginning() -> None:
    tail = Tail()
    tail.append(QUIET * 100 * BLOCK)
    assert tail.end - tail.start <= LEAD + BLOCK
    tail.append(LOUD * (LONGEST + 10 * BLOCK))
    assert tail.end - tail.start <= LONGEST + BLOCK


def voiced_ms(tail: Tail, audio: bytes) -> int:
    """How much of `audio` the tail takes for a voice."""
    before = tail.voiced_ms
    for at in range(0, len(audio), 160):
        tail.append(audio[at : at + 160])
    return tail.voiced_ms - before


@pytest.mark.parametrize("kind", ["hum", "white"])
def test_a_steady_noise_is_no_voice_and_who_speaks_in_it_is_one(kind: str) -> None:
    tail, noise = Tail(), sounds.at_level(sounds.noise(kind), -12) * 4
    speech = recording("lv_0870.wav")
    both = audioop.add(
        audioop.ulaw2lin(noise[: len(speech)], 2), audioop.ulaw2lin(speech[: len(noise)], 2), 2
    )
    voiced_ms(tail, noise[: NOISE_BLOCKS * BLOCK])
    assert voiced_ms(tail, noise) == 0
    assert voiced_ms(tail, audioop.lin2ulaw(both, 2)) > 2000


@given(st.lists(st.sampled_from(sorted(REFERENCES)), min_size=1, max_size=4))
def test_nothing_of_a_voice_without_noise_is_taken_for_noise(names: list[str]) -> None:
    speech = b"".join(recording(name) for name in names)
    blocks = [audioop.ulaw2lin(speech[at : at + BLOCK], 2) for at in range(0, len(speech) - BLOCK + 1, BLOCK)]
    assert voiced_ms(Tail(), speech) == 100 * sum(audioop.rms(block, 2) >= VOICE_RMS for block in blocks)
