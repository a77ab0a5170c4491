"""Takes the agent's echo out of what the recogniser gets of a caller who speaks into it. No I/O.

The gate keeps echoes from the recogniser until the caller's voice begins; what it lets through from then on
has an echo in it until the agent is silent. How that comes back (how late, through which filter) is worked
out while it is heard alone, and subtracted afterwards. Nothing is adapted while the caller speaks, so no
voice can mislead it.
"""

from __future__ import annotations

import audioop

import numpy as np

from app.conversation.echo import EARLY, REACH, Echo, Samples, lag

TAPS, BEFORE = 40, 12
"""Samples of the filter, and how many of them come before the main way: 5 ms of a hybrid or a loudspeaker."""
LEAST, MOST = 1600, 2400
"""Samples of an echo alone that it takes to work it out, 200 to 300 ms."""
SAME = 3
"""Samples by which the delay may seem to change while what was worked out before still counts."""
KEEPS = 0.8
"""How much of its weight an earlier stretch keeps when another is added: one alone has not all the sounds
that the agent will make, and a way that has changed must be forgotten."""
FLAT = 0.03
"""Of the mean power, added at all frequencies: where little was sent, nothing is known of the way."""
HELPS = 0.5
"""The share of the echo's power that may be left for a filter to be used."""
_PIECE = 160


class EchoCanceller:
    """One call's. Audio is 8 kHz μ-law; times are seconds on the line's own clock, which counts samples:
    others are too rough to subtract by."""

    def __init__(self, echo: Echo) -> None:
        self._echo = echo
        self._filter: Samples | None = None
        self._delay = 0.0
        self._square = np.zeros((TAPS, TAPS))
        """How the sent samples of the stretches go together, and with what was heard."""
        self._product = np.zeros(TAPS)

    def alone(self, audio: bytes, end: float) -> None:
        """The agent's echo and no caller, up to `end`."""
        if len(audio) < LEAST:
            return
        heard = _linear(audio[-MOST:])
        reach, early = int(REACH * 8000), int(EARLY * 8000)
        sent = self._echo.audible(end - (len(heard) + reach) / 8000, len(heard) + reach + early)
        if not sent.any():
            return
        delay = (reach - lag(heard, sent)) / 8000
        keeps = 0.0
        if abs(delay - self._delay) <= SAME / 8000:
            delay, keeps = self._delay, KEEPS
        rows = self._rows(end - delay, len(heard))
        square = keeps * self._square + rows.T @ rows
        product = keeps * self._product + rows.T @ heard
        flat = (FLAT * np.trace(square) / TAPS + 1.0) * np.eye(TAPS)
        found: Samples = np.linalg.solve(square + flat, product).astype(np.float64)
        left = heard - rows @ found
        if left @ left < HELPS * (heard @ heard):
            self._filter, self._delay = found, delay
            self._square, self._product = square, product

    def cancel(self, audio: bytes, end: float) -> bytes:
        """The same audio, up to `end`, without the echo in it."""
        if self._filter is None or not audio:
            return audio
        echo = self._rows(end - self._delay, len(audio)) @ self._filter
        if not echo.any():
            return audio
        heard = _linear(audio)
        for begin in range(0, len(audio), _PIECE):
            part, its = heard[begin : begin + _PIECE], echo[begin : begin + _PIECE]
            # Where the agent was cut off there is none, whatever was sent.
            if part @ its > 0.5 * (its @ its):
                part -= its
        return audioop.lin2ulaw(np.clip(heard, -32768, 32767).astype(np.int16).tobytes(), 2)

    def _rows(self, end: float, length: int) -> Samples:
        """For each of `length` samples, the TAPS that were sent which it may come from: for the last of them,
        those around `end`."""
        begin = end - (length + TAPS - 1 - BEFORE) / 8000
        sent = self._echo.audible(begin, length + TAPS - 1)
        return np.lib.stride_tricks.sliding_window_view(sent, TAPS)


def _linear(audio: bytes) -> Samples:
    return np.frombuffer(audioop.ulaw2lin(audio, 2), np.int16).astype(np.float64)
