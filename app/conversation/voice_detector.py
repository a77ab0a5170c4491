"""The caller's voice, told from everything else a telephone line carries. No I/O: audio and a clock in.

A frame counts as voice when it is louder than what is expected (the noise, and the agent's own echo), repeats
with a pitch that follows from the frame's before, moves as tones do not, and sounds like an open mouth. A few
such frames make a voice. While the agent is silent a closed mouth will do.
"""

from __future__ import annotations

import audioop
import statistics
from collections import deque
from dataclasses import dataclass
from itertools import accumulate

from app.conversation.caller_level import CallerLevel
from app.conversation.echo import Echo
from app.conversation.heard_frames import FRAME, FRAME_SECONDS, FrameJudge, HeardFrame
from app.conversation.voice_thresholds import NUMBERS, Thresholds


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """The caller's voice is heard."""

    at: float
    """Where it began, earlier than now. Seconds of the clock."""


@dataclass(frozen=True, slots=True)
class VoiceEnded:
    """The caller's voice has stopped."""

    at: float
    """Where the silence began."""


class VoiceDetector:
    """One call's."""

    def __init__(self, over_the_agent: Thresholds = NUMBERS) -> None:
        """`over_the_agent`: the numbers for a voice that begins while the agent is audible."""
        self._numbers, self._over_numbers = NUMBERS, over_the_agent
        self.echo = Echo()
        self._judge = FrameJudge(NUMBERS, self.echo)
        self._level = CallerLevel()
        self._over_the_agent = False
        """Whether this voice began while the agent was audible."""
        self._somebody_else = False
        self._held = bytearray()
        self._position = 0
        self._origin: float | None = None
        self._frames: deque[HeardFrame] = deque(maxlen=45)
        self._ambient: deque[float] = deque(maxlen=50)
        """Power of each frame of the last second in which the caller did not speak."""
        self._speaking = False
        self._loudest = 0.0
        """The power of the loudest frame of this voice."""
        self._stirred = 0
        """How many of the latest frames have to be looked at, because one of them was active."""
        self._active_at = 0.0
        self._voiced_at = 0.0

    def sent(self, audio: bytes, audible_at: float) -> None:
        """Agent audio (8 kHz μ-law) that will be audible on the line from `audible_at` on."""
        self.echo.sent(audio, audible_at)

    def cleared(self, now: float) -> None:
        """What has not been played by now never will be (its echo of the last half second still returns)."""
        self.echo.cleared(now)

    @property
    def others(self) -> bool:
        """Whether the line has been found to carry more voices than the caller's: the agent's own, come back,
        or that of somebody beside the caller."""
        return self.echo.known or self._somebody_else

    def hears_only_others(self, now: float) -> bool:
        """Whether the agent may be heard now on such a line, and the caller is not."""
        return self.others and not self._speaking and self.echo.possible(now)

    def missed(self) -> None:
        """The caller has spoken, and no voice was heard: they may be softer than they were."""
        self._level.forget()

    @property
    def stirs(self) -> bool:
        """Whether the last frame may be the beginning of the caller's voice."""
        if self._speaking or not self._frames:
            return False
        latest = self._frames[-1]
        return latest.active and not self._level.is_anothers(latest.power)

    def hear(self, audio: bytes, now: float) -> list[VoiceStarted | VoiceEnded]:
        """A chunk of the caller's μ-law that ended `now`, of any length."""
        self._held += audio
        self._position += len(audio)
        origin = now - self._position / 8000
        # Chunks come late, never early: the line's clock is that of the timeliest.
        if self._origin is None or origin < self._origin or origin > self._origin + 0.3:
            self._origin = origin
        else:
            self._origin += 0.005 * len(audio) / 8000
        events: list[VoiceStarted | VoiceEnded] = []
        while len(self._held) >= FRAME:
            frame = audioop.ulaw2lin(self._held[:FRAME], 2)
            del self._held[:FRAME]
            event = self._frame(frame, self._origin + (self._position - len(self._held)) / 8000)
            if event:
                events.append(event)
        return events

    def _frame(self, frame: bytes, now: float) -> VoiceStarted | VoiceEnded | None:
        heard = self._judge.hear(frame, now, closely=not self._speaking)
        if heard.steady:
            # The first frames of a tone were in motion, and taken for a voice's.
            for earlier in list(self._frames)[-self._numbers.attack :]:
                earlier.voiced = earlier.open = False
        if len(self._frames) >= self._numbers.span and not self._speaking:
            self._ambient.append(self._frames[-self._numbers.span].power)
        self._frames.append(heard)
        self._stirred = self._numbers.span if heard.active else max(0, self._stirred - 1)
        if heard.voiced:
            self._loudest = max(heard.power, self._loudest)
        if heard.voiced and self._speaking:
            self._level.hear(heard.power)
        if heard.active and heard.power > self._numbers.trails * self._loudest:
            self._active_at = now
            if heard.periodic and heard.power > self._numbers.weakens * self._loudest:
                self._voiced_at = now
        if self._speaking:
            return self._ended(now)
        return self._started(now)

    def _started(self, now: float) -> VoiceStarted | None:
        if not self._stirred:
            return None
        over_the_agent = self.echo.possible(now)
        numbers = self._over_numbers if over_the_agent else self._numbers
        latest = list(self._frames)[-numbers.span :]
        voiced = [heard for heard in latest if heard.voiced]
        lasts = _lasts(latest, voiced, numbers)
        if len(voiced) < numbers.voiced and not lasts:
            return None
        voiced = voiced or [heard for heard in latest if heard.periodic]
        if over_the_agent:
            if not self._interrupts(latest, voiced, lasts, now):
                return None
        elif self._level.is_known and self._level.is_anothers(_power(voiced)):
            # Passing cars, a radio: the answer would wait for their end.
            return None
        first = next(i for i, heard in enumerate(latest) if heard.active)
        self._speaking, self._over_the_agent = True, over_the_agent
        return VoiceStarted(now - (len(latest) - first) * FRAME_SECONDS)

    def _interrupts(
        self, latest: list[HeardFrame], voiced: list[HeardFrame], lasts: bool, now: float
    ) -> bool:
        """Whether a voice, heard while the agent is, is the caller's and wants to be heard."""
        numbers = self._over_numbers
        if not any(heard.active for heard in latest[-numbers.voiced :]):
            # It is over. What has been heard since would not tell that it was an echo.
            return False
        steady = _steady(voiced, numbers)
        if not (steady or lasts):
            return False
        opened = _opened(voiced, numbers) or (steady and self._articulates())
        if not (opened or lasts or self._hums_on()):
            return False
        if self._rushes(latest, voiced) or self._coughs() or len(self._ambient) < numbers.span:
            return False
        power = _power(voiced)
        if power < numbers.contrast * self._quiet(recently=lasts and not (steady and opened)):
            return False
        if self.echo.explains(self._judge.recent, now) > numbers.echo:
            self._frames.clear()
            return False
        if self._level.is_anothers(power, len(voiced)):
            # A soft cough or "mm-hm" may be judged, but is nobody else; a polite caller has hardly begun.
            surely = self._level.is_anothers(power) and self._speaks_up(latest, voiced)
            self._somebody_else = self._somebody_else or surely
            return False
        return True

    def _speaks_up(self, latest: list[HeardFrame], voiced: list[HeardFrame]) -> bool:
        """Whether it would be a voice over the agent's where nobody judges it."""
        numbers = self._numbers
        return (_steady(voiced, numbers) and _opened(voiced, numbers)) or _lasts(latest, voiced, numbers)

    def _articulates(self) -> bool:
        """Whether it begins with a consonant: mouths that are nearly closed say "please", and "your". The "h"
        of "mm-hm" does not begin it."""
        least = self._over_numbers.breathes * max(heard.power for heard in self._frames)
        first = next(
            (heard for heard in self._frames if heard.voiced or (heard.airy and heard.power > least)), None
        )
        return first is not None and first.airy

    def _quiet(self, *, recently: bool) -> float:
        """The power of the second before, or of its loudest part: of noise that swells, the last fifth."""
        before = list(self._ambient)
        quiet = statistics.median(before)
        return max(quiet, statistics.median(before[-10:])) if recently else quiet

    def _rushes(self, latest: list[HeardFrame], voiced: list[HeardFrame]) -> bool:
        """Whether it is the noise of something that comes nearer: it hardly repeats, and never for a moment
        stays as it is."""
        numbers = self._over_numbers
        return (
            statistics.fmean(heard.repeats for heard in voiced) < numbers.rush
            and max(heard.alike for heard in latest if heard.periodic) < numbers.rush_alike
        )

    def _coughs(self) -> bool:
        """Whether the voice is that at the end of a cough: a burst of air came before it, and was louder."""
        latest = list(self._frames)[-self._over_numbers.cough :]
        air = max((heard.power for heard in latest if heard.active and not heard.periodic), default=0.0)
        return air > self._over_numbers.burst * max(heard.power for heard in latest if heard.periodic)

    def _hums_on(self) -> bool:
        """Whether a closed mouth has hummed for so long that it must mean something."""
        numbers = self._over_numbers
        if sum(heard.periodic for heard in self._frames) < numbers.hum:
            return False
        return sum(abs(heard.motion) for heard in self._frames if heard.voiced) > numbers.hum_motion

    def _ended(self, now: float) -> VoiceEnded | None:
        silent = now - self._active_at >= self._numbers.silence
        if not silent and now - self._voiced_at < self._numbers.unvoiced:
            return None
        self._speaking = False
        self._level.ended(over_the_agent=self._over_the_agent)
        self._loudest = 0.0
        self._frames.clear()
        return VoiceEnded(self._active_at if silent else self._voiced_at)


def _power(voiced: list[HeardFrame]) -> float:
    return statistics.fmean(heard.power for heard in voiced)


def _steady(voiced: list[HeardFrame], numbers: Thresholds) -> bool:
    return len(voiced) >= numbers.voiced and _travel(voiced) >= numbers.travel


def _opened(voiced: list[HeardFrame], numbers: Thresholds) -> bool:
    return sum(heard.open for heard in voiced) >= numbers.voiced_open


def _lasts(latest: list[HeardFrame], voiced: list[HeardFrame], numbers: Thresholds) -> bool:
    """Whether so much of it has a pitch that it is a voice, however unsteady."""
    pitched = [heard for heard in latest if heard.periodic]
    consonants = numbers.lasting_airy * sum(heard.airy and not heard.periodic for heard in latest)
    return (
        len(pitched) >= 2
        and len(pitched) + consonants >= numbers.lasting
        and sum(heard.open for heard in latest) >= numbers.lasting_open
        and (_travel(voiced) >= numbers.lasting_travel or consonants > 0)
        and min(heard.alike for heard in pitched) < numbers.lasting_moved
    )


def _travel(voiced: list[HeardFrame]) -> float:
    """How far apart the highest and the lowest pitch of these frames are, as a share."""
    steps = list(accumulate((heard.motion for heard in voiced), initial=0.0))
    return max(steps) - min(steps)
