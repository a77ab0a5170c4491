"""Takes the agent's echo out of what the recogniser gets of a caller who speaks into it. No I/O.

The gate keeps echoes from the recogniser until the caller's voice begins; what it lets through from then on
has the end of the echo in it, until the agent is silent. Just before, the echo was heard alone: how it comes
back (how late, through which filter) is worked out from that, once for each voice, and subtracted from the
rest. Nothing is adapted while both are heard, so the caller's voice cannot mislead it.
"""

from __future__ import annotations

import audioop

import numpy as np

from app.conversation.echo import REACH, Echo, Samples, lag

TAPS, BEFORE = 40, 12
"""Samples of the filter, and how many of them come before the main way: 5 ms of a hybrid or a loudspeaker."""
LEAST, MOST = 1200, 2400
"""Samples of the echo alone to work it out from: 150 to 300 ms."""
HELPS = 0.5
"""The share of the echo's power that may be left for it to be used: 3 dB less."""
_PIECE = 160


class EchoCanceller:
    """One call's. Audio is 8 kHz μ-law."""

    def __init__(self, echo: Echo) -> None:
        self._echo = echo
        self._filter: Samples | None = None
        self._delay = 0.0
        self._until = 0.0
        """The moment of the last sample that went through."""

    def begins(self, heard: bytes, caller: int, now: float) -> None:
        """The caller's voice began so many bytes before the end of what was `heard`, which ends `now`."""
        self._filter = None
        alone = heard[: len(heard) - caller][-MOST:]
        if len(alone) < LEAST:
            return
        end = now - caller / 8000
        reach = int(REACH * 8000)
        samples = _linear(alone)
        audible = self._echo.audible(end - (len(alone) + reach) / 8000, len(alone) + reach)
        if not audible.any():
            return
        late = reach - lag(samples, audible)
        self._delay = late / 8000
        rows = self._rows(end, len(alone))
        square = rows.T @ rows
        square[np.diag_indices(TAPS)] += 1e-3 * np.trace(square) / TAPS + 1.0
        found = np.linalg.solve(square, rows.T @ samples)
        left = samples - rows @ found
        if (left @ left) < HELPS * (samples @ samples):
            self._filter, self._until = found, now - len(heard) / 8000

    def cancel(self, audio: bytes, now: float) -> bytes:
        """What comes next, without the echo in it. The first call after `begins` has all that it heard."""
        if self._filter is None or not audio:
            return audio
        if not self._echo.possible(now):
            self._filter = None
            return audio
        self._until += len(audio) / 8000
        samples = _linear(audio)
        echo = self._rows(self._until, len(audio)) @ self._filter
        for begin in range(0, len(audio), _PIECE):
            part, its = samples[begin : begin + _PIECE], echo[begin : begin + _PIECE]
            # Where the agent was cut off there is none, whatever was sent.
            if part @ its > 0.5 * (its @ its):
                part -= its
        return audioop.lin2ulaw(np.clip(samples, -32768, 32767).astype(np.int16).tobytes(), 2)

    def _rows(self, end: float, length: int) -> Samples:
        """For each of `length` samples that ended at `end`, the TAPS of what was sent that it may come from."""
        begin = end - self._delay - (length + TAPS - 1 - BEFORE) / 8000
        sent = self._echo.audible(begin, length + TAPS - 1)
        return np.lib.stride_tricks.sliding_window_view(sent, TAPS)


def _linear(audio: bytes) -> Samples:
    return np.frombuffer(audioop.ulaw2lin(audio, 2), np.int16).astype(np.float64)
