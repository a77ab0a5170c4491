from __future__ import annotations

import audioop

import numpy as np

from app.conversation.echo import Echo
from app.conversation.heard_frames import FRAME, FRAME_SECONDS, FrameJudge, HeardFrame
from app.conversation.voice_thresholds import NUMBERS
from tests.conversation.sounds import Sound, encoded, noise, recording, silence, together


def heard(line: Sound, *, closely: bool) -> list[HeardFrame]:
    judge, audio = FrameJudge(NUMBERS, Echo()), encoded(line)
    return [
        judge.hear(audioop.ulaw2lin(audio[n : n + FRAME], 2), n / FRAME * FRAME_SECONDS, closely=closely)
        for n in range(0, len(audio) - FRAME + 1, FRAME)
    ]


def is_as(frame: HeardFrame, before: HeardFrame) -> bool:
    """But for its power."""
    return frame.active and (frame.motion, frame.alike) == (before.motion, before.alike)


def test_of_a_voice_that_is_known_every_second_frame_with_a_pitch_is_taken_to_be_as_that_before() -> None:
    frames = heard(together((0.5, recording("jfk"))), closely=False)
    pitched = [n for n in range(2, len(frames)) if frames[n - 1].periodic and frames[n].active]
    taken = [n for n in pitched if is_as(frames[n], frames[n - 1])]
    assert len(taken) > 0.4 * len(pitched)
    assert all(n + 1 not in taken for n in taken), "never two in a row"
    assert len({frames[n].power for n in taken}) == len(taken), "each has the power that it has"


def test_a_frame_without_a_pitch_says_nothing_of_the_next() -> None:
    line = together((0.5, noise(1.0, -20)))
    assert heard(line, closely=False) == heard(line, closely=True)


def test_a_known_voice_is_followed_as_well_by_half_of_its_frames() -> None:
    line = together((0.5, recording("jfk")), (0.0, noise(11.0, -45)))
    all_of_them, half = heard(line, closely=True), heard(line, closely=False)
    agree = [(a.active, a.periodic) == (b.active, b.periodic) for a, b in zip(all_of_them, half, strict=True)]
    assert np.mean(agree) > 0.95


def test_what_comes_after_a_pause_is_looked_at_whatever_was_before_it() -> None:
    voice, pause, breath = recording("jfk")[3000:7000], silence(0.06), noise(0.3, -30)
    line = np.concatenate([silence(0.5), voice, pause, breath])
    since = int((0.5 + len(voice) / 8000 + 0.06) / FRAME_SECONDS) + 1
    assert heard(line, closely=False)[since:] == heard(line, closely=True)[since:]
