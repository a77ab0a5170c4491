"""Several voices as one: where the first fails, the next one speaks.

A voice that breaks off cannot be continued by another: where it stopped in the text is not known, only in
the audio. So whoever takes over begins the clause anew. The caller may hear its beginning twice, as from a
person who starts a sentence again, but no word is lost and none is put together from two voices.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

from app import metrics
from app.services.circuit_breaker import CircuitBreaker
from app.services.relay import Again, AllFailedError, Provider, Relay, SilentError
from app.services.text_to_speech.interface import SynthesisError, TextToSpeech
from app.services.text_to_speech.rewording import RewordedError

LAST_PATIENCE_SECONDS = 10.0
"""For the next piece of the last voice there is: better late than never, but not for ever."""


class FailoverTextToSpeech:
    """The first voice that is well speaks; `voices` are in the order of preference.

    `patience` is how many seconds they may take together for the first piece of a clause, and the one that
    speaks for each piece after it. Audio comes faster than it is heard, so a voice that stalls later is
    often replaced in time.
    """

    def __init__(self, voices: Sequence[TextToSpeech], patience: float, *, local_last: bool = False) -> None:
        """`local_last`: the last voice needs no network."""
        self.name = "+".join(voice.name for voice in voices)
        self._voices = [(voice, CircuitBreaker()) for voice in voices]
        self._patience = patience
        self._local_last = local_last

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
        relay = Relay[bytes](
            "text_to_speech",
            [
                Provider(voice.name, breaker, partial(voice.synthesize, text), voice.ready)
                for voice, breaker in self._voices
            ],
            _failed,
            patience=self._patience,
            last_patience=max(self._patience, LAST_PATIENCE_SECONDS),
            at_hand=self._local_last,
        )
        try:
            async with aclosing(relay.run()) as pieces:
                async for piece in pieces:
                    if not isinstance(piece, Again):
                        yield piece
        except AllFailedError as error:
            raise SynthesisError(str(error)) from error


def _failed(name: str, error: Exception, begun: bool) -> str:
    match error:
        case SilentError():
            fault = "late"
        case RewordedError():
            fault = "reworded"
        case _:
            fault = "broke_off" if begun else "failed"
    metrics.PROVIDER_FAILURES.labels(provider=name, fault=fault).inc()
    return f"The voice {name} failed ({fault}): {str(error) or type(error).__name__}"
