"""Several voices as one: where the first fails, the next one speaks.

A voice that breaks off cannot be continued by another: where it stopped in the text is not known, only in
the audio. So whoever takes over begins the clause anew. The caller may hear its beginning twice, as from a
person who starts a sentence again, but no word is lost and none is put together from two voices.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

from app import metrics
from app.services.circuit_breaker import CircuitBreaker
from app.services.text_to_speech.interface import SynthesisError, TextToSpeech
from app.services.text_to_speech.rewording import RewordedError

log = logging.getLogger(__name__)

LAST_PATIENCE_SECONDS = 10.0
"""For the next piece of the last voice there is: better late than never, but not for ever."""


class FailoverTextToSpeech:
    """The first voice that is well speaks; `voices` are in the order of preference.

    `patience` is how many seconds a voice may take for its first piece of a clause, and for each one after
    it. Audio comes faster than it is heard, so a voice that stalls later is often replaced in time.
    """

    def __init__(self, voices: Sequence[TextToSpeech], patience: float) -> None:
        self.name = "+".join(voice.name for voice in voices)
        self._voices = [(voice, CircuitBreaker()) for voice in voices]
        self._patience = patience

    async def start(self) -> None:
        """Start all voices.

        Raises:
            SettingError: one is set up wrongly.
        """
        for voice, _ in self._voices:
            await voice.start()

    async def aclose(self) -> None:
        """Let go of all voices."""
        for voice, _ in self._voices:
            await voice.aclose()

    @property
    def ready(self) -> bool:
        """Whether a clause asked for now would be spoken."""
        return any(voice.ready for voice, _ in self._voices)

    async def synthesize(self, text: str) -> AsyncGenerator[bytes, None]:
        """Speak a clause, by the next voice from its beginning where one fails.

        Raises:
            SynthesisError: none could speak it.
        """
        failures: list[str] = []
        for voice, breaker in self._candidates():
            if failures:
                metrics.PROVIDER_SWITCHES.labels("text_to_speech", voice.name).inc()
                log.warning("the voice %s; %s speaks", failures[-1], voice.name)
            last = len(failures) + 1 == len(self._voices)
            patience = max(self._patience, LAST_PATIENCE_SECONDS) if last else self._patience
            began = time.monotonic()
            spoken = False
            try:
                async with aclosing(voice.synthesize(text)) as pieces:
                    while True:
                        async with asyncio.timeout(patience):
                            piece = await anext(pieces, None)
                        if piece is None:
                            break
                        spoken = True
                        yield piece
                breaker.worked(began)
                return
            except (GeneratorExit, asyncio.CancelledError):
                if spoken:
                    breaker.worked(began)
                raise
            except TimeoutError:
                fault, reason = "late", f"nothing came for {patience:.1f} s"
            except RewordedError as error:
                fault, reason = "reworded", str(error)
            except Exception as error:
                # Not only SynthesisError: what nobody thought of must not silence a call either.
                fault, reason = "broke_off" if spoken else "failed", str(error) or type(error).__name__
            breaker.failed(began, time.monotonic())
            metrics.PROVIDER_FAILURES.labels(voice.name, fault).inc()
            failures.append(f"{voice.name} failed ({fault}): {reason}")
        raise SynthesisError(" ".join(failures))

    def _candidates(self) -> Iterator[tuple[TextToSpeech, CircuitBreaker]]:
        """Those that are well, then the rest: a voice under suspicion is better than none."""
        rest = []
        for voice, breaker in self._voices:
            # In this order: to ask the breaker is to use up its one attempt.
            if voice.ready and breaker.allows(time.monotonic()):
                yield voice, breaker
            else:
                rest.append((voice, breaker))
        yield from rest
