"""The agent's own voice as it comes back on the line: found, learned, and expected. No I/O.

Telephone lines have no echo cancellation. What comes back is late by 20 to 500 ms, weaker by 12 to 35 dB,
and filtered. It cannot be told from a caller by its sound, for it is a voice; it can be told by having been
sent. So what is heard is compared with what was audible before, in full, when a voice seems to begin. Once
two sounds came back equally late, the way back (delay and loss by frequency) is known, and expected like
noise.
"""

from __future__ import annotations

import audioop
from collections import deque

import numpy as np
import numpy.typing as npt

from app.conversation.voicing import SIZE, WINDOW, Spectrum

REACH = 0.6
"""Seconds after which no echo returns."""
EARLY = 0.1
"""How much sooner than thought the agent may be audible, and how late a clear may take effect."""
_JOIN = 0.08
"""Pieces with a smaller gap between them are played without any: the gap is the clock's."""
COMPARED = 1600
"""Samples of what is heard that are compared, 200 ms."""
_SAME = 0.004
"""By so many seconds the delay of an echo may seem to change."""
_KEPT = 2.0
"""Seconds for which it is known what was audible."""
_SEGMENT, _STEP = 256, 128
_LIMIT = 10 ** (-6 / 10)
"""No echo is louder than 6 dB below what was sent."""

Samples = npt.NDArray[np.float64]


class Echo:
    """The echo of one call. Times are seconds of the line's clock."""

    def __init__(self) -> None:
        self._sent: deque[tuple[float, bytes]] = deque()
        self._delay: float | None = None
        self._seen = (-1.0, 0.0)
        """How late a sound came back that may have been an echo, and when it was heard."""
        self._way: Spectrum = np.zeros(SIZE // 2 + 1)

    @property
    def known(self) -> bool:
        """Whether there is one."""
        return self._delay is not None

    def sent(self, audio: bytes, audible_at: float) -> None:
        """μ-law that will be audible from `audible_at` on."""
        if self._sent:
            start, last = self._sent[-1]
            end = start + len(last) / 8000
            if abs(audible_at - end) < _JOIN:
                audible_at = end
        self._sent.append((audible_at, audio))

    def cleared(self, now: float) -> None:
        """What is not audible by now never will be."""
        until = now + EARLY
        while self._sent and self._sent[-1][0] >= until:
            self._sent.pop()
        if self._sent:
            start, audio = self._sent[-1]
            self._sent[-1] = (start, audio[: int((until - start) * 8000)])

    def possible(self, now: float) -> bool:
        """Whether anything the agent said can be heard now."""
        while self._sent and _end(self._sent[0]) < now - _KEPT:
            self._sent.popleft()
        return any(
            piece[0] < now + EARLY and _end(piece) >= now - REACH - COMPARED / 8000 for piece in self._sent
        )

    def expected(self, now: float) -> Spectrum | None:
        """The power spectrum of the echo in the WINDOW that ends now, as far as it is known."""
        if self._delay is None or not self.possible(now):
            return None
        end = now - self._delay
        # A longer window than what is heard: a clock that is off by a few milliseconds must not matter.
        audible = self.audible(end - 1.5 * WINDOW / 8000, 2 * WINDOW)
        transform = np.fft.rfft(audible * _WIDE, 2 * SIZE)[::2]
        return (transform.real**2 + transform.imag**2) * self._way

    def explains(self, heard: Samples, now: float) -> float:
        """How much (0 to 1) of COMPARED samples, the last of them heard now, is the agent's own voice.

        If it is most of it, and was before, its way is learned.
        """
        length = COMPARED + int((REACH + EARLY) * 8000)
        begin = now + EARLY - length / 8000
        audible = self.audible(begin, length)
        if not audible.any():
            return 0.0
        found_at = lag(heard, audible)
        found = audible[found_at : found_at + COMPARED]
        share, way = _coherent(heard, found)
        if share > 0.5:
            self._learn(now, now - COMPARED / 8000 - (begin + found_at / 8000), way)
        return share

    def _learn(self, now: float, delay: float, way: Spectrum) -> None:
        """A hum is like many a piece of a voice: only sounds that came back equally late are an echo."""
        if self._delay is not None and abs(delay - self._delay) <= _SAME:
            self._delay, self._way = delay, np.maximum(0.7 * self._way, way)
            return
        seen_delay, seen_at = self._seen
        if abs(delay - seen_delay) > _SAME:
            self._seen = delay, now
        elif now - seen_at >= COMPARED / 8000:
            self._delay, self._way = delay, way

    def audible(self, begin: float, length: int) -> Samples:
        """What was audible on the line from `begin` on."""
        result = np.zeros(length)
        for start, audio in self._sent:
            offset = round((start - begin) * 8000)
            if offset >= length:
                break
            first, last = max(0, -offset), min(len(audio), length - offset)
            if first < last:
                samples = np.frombuffer(audioop.ulaw2lin(audio[first:last], 2), np.int16)
                result[offset + first : offset + last] = samples
        return result


def _end(piece: tuple[float, bytes]) -> float:
    start, audio = piece
    return start + len(audio) / 8000


_WIDE = np.hanning(2 * WINDOW)
_FULL = 8192
_BAND = np.zeros(_FULL // 2 + 1)
_BAND[int(250 / 8000 * _FULL) : int(3000 / 8000 * _FULL)] = 1


def lag(heard: Samples, audible: Samples) -> int:
    """Where in what was audible lies what is heard: the peak of the whitened cross-correlation."""
    one, other = np.fft.rfft(heard, _FULL), np.fft.rfft(audible, _FULL)
    cross = one.conj() * other
    cross *= _BAND / (np.abs(cross) + 1e-3 * np.abs(cross).max() + 1e-9) ** 0.8
    curve = np.fft.irfft(cross)
    return int(curve[: len(audible) - len(heard)].argmax())


_HANN = np.hanning(_SEGMENT)


def _coherent(heard: Samples, sent: Samples) -> tuple[float, Spectrum]:
    """The share of power in `heard` that is linear in `sent`, and the gain between them by frequency."""
    view = np.lib.stride_tricks.sliding_window_view
    one = np.fft.rfft(view(heard, _SEGMENT)[::_STEP] * _HANN)
    other = np.fft.rfft(view(sent, _SEGMENT)[::_STEP] * _HANN)
    cross = np.abs((one * other.conj()).sum(axis=0)) ** 2
    own = (one.real**2 + one.imag**2).sum(axis=0)
    its = (other.real**2 + other.imag**2).sum(axis=0)
    # A caller's "ee" is like some piece of any voice, but seldom where that was loud.
    explained = np.minimum(cross / (its + 1e-9), _LIMIT * its)
    share = float(explained.sum() / (own.sum() + 1e-9))
    gain = np.minimum(own / (its + 1e-3 * its.max() + 1e-9), _LIMIT)
    return share, np.interp(np.arange(SIZE // 2 + 1) / 2, np.arange(len(gain)), gain)
