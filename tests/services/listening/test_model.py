"""The judge, on recordings of people whom it was not taught with."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.listening import HEARD_BYTES
from app.services.listening.level import levelled
from app.services.listening.model import TaughtListening, mean_of
from app.services.listening.spectrogram import BANDS, FRAMES, spectrogram
from tests.conversation.sounds import Sound, at_level, encoded, noise, recording, together

VOICE_SECONDS = 0.36


@pytest.fixture(scope="module")
def judge() -> TaughtListening:
    return TaughtListening()


def begins(words: Sound) -> bytes:
    """The line when the words have just begun, after a second of nothing."""
    line = encoded(together((1.0, at_level(words, -24))))
    return line[: 8000 + round(VOICE_SECONDS * 8000)][-HEARD_BYTES:]


YES = (2700, "an4_yes")
SENTENCES = (
    (2400, "an4_date1"),
    (2900, "an4_date3"),
    (2560, "jfk"),
    (1700, "ps_cards5"),
    (4000, "ps_goforward"),
)


def test_a_yes_only_listens(judge: TaughtListening) -> None:
    assert judge.only_listens(begins(recording(YES[1])[YES[0] :]), VOICE_SECONDS) > 0.9


@pytest.mark.parametrize(("at", "name"), SENTENCES)
def test_a_sentence_asks(judge: TaughtListening, at: int, name: str) -> None:
    assert judge.only_listens(begins(recording(name)[at:]), VOICE_SECONDS) < 0.3


def test_a_soft_voice_sounds_like_a_loud_one() -> None:
    words = np.concatenate([np.zeros(8000), recording(YES[1])[YES[0] :]])
    loud, soft = (spectrogram(levelled(encoded(at_level(words, db))[: 8000 + 2880])) for db in (-16, -40))
    voiced = loud > loud.max() - 3
    assert np.abs(loud - soft)[voiced].mean() < 0.15


def test_a_tone_is_seen_in_its_own_band_and_its_own_time() -> None:
    """Band 13: its middle, the 14th of 32 between 60 and 3800 Hz on Slaney's scale, is at 1008 Hz."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(800) / 8000)
    seen = spectrogram(levelled(encoded(at_level(np.concatenate([np.zeros(8000), tone]), -20))))
    assert seen.shape == (FRAMES, BANDS)
    assert {int(band) for band in seen[-6:].argmax(axis=1)} == {13}
    assert seen[-6:].max() - seen[:-13].max() > 3


def test_a_call_that_has_just_begun_can_be_judged(judge: TaughtListening) -> None:
    assert 0.0 <= judge.only_listens(encoded(noise(0.1, -60)), 0.1) <= 1.0


def test_nothing_at_all_can_be_judged(judge: TaughtListening) -> None:
    assert 0.0 <= judge.only_listens(b"", 0.0) <= 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_the_mean_of_answers_lies_between_them(answers: list[float]) -> None:
    assert min(answers) - 1e-6 <= mean_of(*answers) <= max(answers) + 1e-6


def test_the_surer_of_two_answers_counts_for_more() -> None:
    assert mean_of(0.99, 0.2) > 0.7
    assert mean_of(0.01, 0.8) < 0.3


def test_a_folder_without_networks_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=re.escape(f"There is no keywords.onnx in {tmp_path}.")):
        TaughtListening(tmp_path)
