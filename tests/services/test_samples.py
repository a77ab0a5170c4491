from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.samples import SAMPLE_RATE, doubled, to_samples


def test_a_byte_is_what_mu_law_says() -> None:
    assert to_samples(b"\xff\x80\x00") == pytest.approx([0.0, 32124 / 32768, -32124 / 32768])


@given(st.integers(100, 3900), st.integers(400, 2000))
def test_a_tone_at_twice_the_rate_is_the_same_tone(hertz: int, length: int) -> None:
    # Fading in and out: a sound that begins in its midst is no tone at its edges.
    fading = np.hanning(2 * length)
    wanted = fading * np.sin(2 * np.pi * hertz * np.arange(2 * length) / (2 * SAMPLE_RATE))
    assert doubled(wanted[::2].astype(np.float32)) == pytest.approx(wanted, abs=0.01)


@given(st.integers(100, 3900))
def test_nothing_comes_above_half_the_old_rate(hertz: int) -> None:
    at = np.arange(800)
    heard = doubled((np.sin(2 * np.pi * hertz * at / SAMPLE_RATE) * np.hanning(800)).astype(np.float32))
    power = np.abs(np.fft.rfft(heard)) ** 2
    assert power[len(power) // 2 + 2 :].sum() < 1e-6 * power.sum()
