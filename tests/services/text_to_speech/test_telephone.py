"""What is made for loudspeakers becomes what a telephone carries."""

from __future__ import annotations

import audioop

import numpy as np
import pytest
from numpy.typing import NDArray

from app.services.text_to_speech.telephone import LOUDNESS, PEAK, SAMPLE_RATE, to_telephone

RATE = 22050


def tone(hertz: float, amplitude: float) -> NDArray[np.float32]:
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(2 * RATE) / RATE)).astype(np.float32)


def heard(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    pcm = audioop.ulaw2lin(to_telephone(samples, RATE), 2)
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64) / 32768


def amplitude(samples: NDArray[np.float64], hertz: float) -> float:
    middle = samples[SAMPLE_RATE // 2 : -SAMPLE_RATE // 2]
    turning = np.exp(-2j * np.pi * hertz * np.arange(len(middle)) / SAMPLE_RATE)
    return float(2 * np.abs(np.mean(middle * turning)))


@pytest.mark.parametrize("hertz", [4100, 4700, 5500, 7300, 8900, 10700])
def test_what_a_telephone_cannot_carry_does_not_fold_back(hertz: int) -> None:
    folded = abs(hertz - SAMPLE_RATE) if hertz < 2 * SAMPLE_RATE else hertz
    # A tone in the band beside it, so that the gain is known.
    samples = heard(tone(997, 0.05) + tone(hertz, 0.5))
    gain = amplitude(samples, 997) / 0.05
    assert amplitude(samples, folded) / gain / 0.5 < 1e-3  # 60 dB


@pytest.mark.parametrize("hertz", [300, 1000, 2500, 3400])
def test_the_telephones_band_comes_through_evenly(hertz: int) -> None:
    samples = heard(tone(701, 0.1) + tone(hertz, 0.1))
    assert amplitude(samples, hertz) == pytest.approx(amplitude(samples, 701), rel=0.05)


@pytest.mark.parametrize("level", [0.02, 0.5])
def test_quiet_and_loud_speech_come_out_alike(level: float) -> None:
    assert np.sqrt(np.mean(heard(tone(440, level)) ** 2)) == pytest.approx(LOUDNESS, rel=0.05)


def test_peaks_are_not_clipped() -> None:
    samples = tone(440, 0.01)
    samples[RATE : RATE + 200] *= 90
    assert np.abs(heard(samples)).max() == pytest.approx(PEAK, rel=0.05)


def test_silence_stays_silent_and_nothing_stays_nothing() -> None:
    assert set(to_telephone(np.zeros(RATE, dtype=np.float32), RATE)) <= {0xFF, 0x7F}
    assert to_telephone(np.zeros(0, dtype=np.float32), RATE) == b""


def test_it_lasts_as_long_as_before() -> None:
    assert len(to_telephone(tone(440, 0.1), RATE)) == 2 * SAMPLE_RATE
