"""24 kHz speech becomes a telephone's, whatever pieces it comes in."""

from __future__ import annotations

import audioop
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.services.text_to_speech.resample import RATE_IN, ToTelephone


def tone(hertz: float, amplitude: float, seconds: float = 1.0) -> bytes:
    times = np.arange(int(seconds * RATE_IN)) / RATE_IN
    return np.rint(amplitude * 32767 * np.sin(2 * np.pi * hertz * times)).astype("<i2").tobytes()


def convert(pcm: bytes) -> bytes:
    resampler = ToTelephone()
    return resampler.feed(pcm) + resampler.flush()


def heard(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(audioop.ulaw2lin(convert(pcm), 2), "<i2").astype(np.float64) / 32767


def middle_rms(samples: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(samples[400:-400]))))


@pytest.mark.parametrize("hertz", [4010, 4100, 4700, 5500, 7300, 8900, 10700, 11900])
def test_what_a_telephone_cannot_carry_does_not_fold_back(hertz: int) -> None:
    # Full scale, at which 60 dB down is 32 of 32767: above the smallest steps of μ-law.
    assert middle_rms(heard(tone(hertz, 0.9))) < middle_rms(heard(tone(1000, 0.9))) / 1000


@pytest.mark.parametrize("hertz", [300, 1000, 2500, 3400])
def test_the_telephones_band_comes_through_as_loud_as_it_was(hertz: int) -> None:
    assert middle_rms(heard(tone(hertz, 0.5))) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_it_comes_out_when_it_went_in() -> None:
    pcm = np.zeros(RATE_IN // 10, "<i2")
    pcm[1200] = 30000
    assert int(np.argmax(np.abs(heard(pcm.tobytes())))) == 400


def test_a_loud_click_is_clipped_and_does_not_wrap_around() -> None:
    square = np.where(np.arange(RATE_IN) % 48 < 24, 32767, -32768).astype("<i2")
    samples = heard(square.tobytes())
    assert np.all(samples[409:415] < -0.5)


def test_only_a_few_milliseconds_are_held_back() -> None:
    held_back = 8000 - len(ToTelephone().feed(tone(440, 0.5)))
    assert held_back <= 0.007 * 8000


def test_nothing_stays_nothing_and_silence_silent() -> None:
    assert convert(b"") == b""
    assert set(convert(bytes(4800))) <= {0xFF, 0x7F}


@given(data=st.binary(max_size=4000), seed=st.integers())
def test_where_the_input_is_cut_makes_no_difference(data: bytes, seed: int) -> None:
    chance = random.Random(seed)
    resampler = ToTelephone()
    pieces, rest = [], data
    while rest:
        cut = chance.choice([1, 2, 3, 95, 96, 97, 480, 1001])
        pieces.append(resampler.feed(rest[:cut]))
        rest = rest[cut:]
    pieces.append(resampler.flush())
    assert b"".join(pieces) == convert(data)


@given(st.integers(min_value=0, max_value=3000))
def test_it_lasts_as_long_as_before(samples: int) -> None:
    assert len(convert(bytes(2 * samples))) == -(-samples // 3)
