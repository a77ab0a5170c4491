"""The judge, on recordings of people whom it was not taught with."""

from __future__ import annotations

import numpy as np
import pytest

from app.services.listening import HEARD_BYTES
from app.services.listening.model import Ear, TaughtListening
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
    ear, words = Ear(), np.concatenate([np.zeros(8000), recording(YES[1])[YES[0] :]])
    loud, soft = (ear.hear(encoded(at_level(words, db))[: 8000 + 2880][-HEARD_BYTES:]) for db in (-16, -40))
    assert np.linalg.norm(loud - soft) < 0.3 * np.linalg.norm(loud)


def test_a_call_that_has_just_begun_can_be_judged(judge: TaughtListening) -> None:
    assert 0.0 <= judge.only_listens(encoded(noise(0.1, -60)), 0.1) <= 1.0


def test_nothing_at_all_can_be_judged(judge: TaughtListening) -> None:
    assert 0.0 <= judge.only_listens(b"", 0.0) <= 1.0
