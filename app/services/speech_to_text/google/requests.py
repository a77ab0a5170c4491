"""Google's two streaming dialects, v1 and v2: the first request, the audio requests, the responses. No I/O.

Requests are serialised here and responses parsed here, so that the RPC itself moves bytes and nothing is
built that is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.cloud import speech_v1, speech_v2

from app.settings import Settings

SAMPLE_RATE = 8000


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it was said."""

    text: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class Result:
    """What was said since the stream's last final, up to `end_ms`. Only finals carry `words`, and not with
    every model. `stability` (0–1, 0 is "not set") is that of an interim's least certain part."""

    text: str
    end_ms: float
    is_final: bool
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    stability: float = 0.0


@dataclass(frozen=True, slots=True)
class Activity:
    """A voice has begun or stopped."""

    begins: bool
    at_ms: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error inside a response (v1); `code` is a gRPC status number."""

    code: int
    message: str


Heard = Result | Activity | Trouble


@dataclass(frozen=True, slots=True)
class Dialect:
    """One version of the API. The last fields are what it calls its times."""

    method: str
    config: bytes
    """The first request, serialised. It carries no audio."""
    audio_key: bytes
    """The key of the field that holds the audio (protobuf encoding: number << 3 | 2)."""
    response: Any
    has_confidence: bool
    result_end: str
    word_start: str
    word_end: str
    event_at: str

    def audio(self, audio: bytes) -> bytes:
        """A request of nothing but audio, serialised."""
        return self.audio_key + _varint(len(audio)) + audio

    def parse(self, raw: bytes) -> Iterator[Heard]:
        """What a serialised response says; times are on the stream's own clock. At most one interim comes
        out of a response: its parts are joined."""
        response = self.response.FromString(raw)
        if (error := getattr(response, "error", None)) is not None and error.code:
            yield Trouble(error.code, error.message)
        # In both versions 2 is SPEECH_ACTIVITY_BEGIN and 3 is SPEECH_ACTIVITY_END.
        if response.speech_event_type in (2, 3):
            yield Activity(response.speech_event_type == 2, _ms(getattr(response, self.event_at)))
        guesses = []
        for result in response.results:
            if not result.alternatives:
                continue
            if result.is_final:
                yield self._final(result)
            else:
                guesses.append(result)
        if guesses:
            text = "".join(guess.alternatives[0].transcript for guess in guesses)
            end_ms = _ms(getattr(guesses[-1], self.result_end))
            stability = min(guess.stability for guess in guesses)
            yield Result(text.strip(), end_ms, is_final=False, stability=stability)

    def _final(self, result: Any) -> Result:
        best = result.alternatives[0]
        confidence = None
        if self.has_confidence:
            # 0.0 is "not set" (both APIs' documentation of `confidence`).
            of_words = [word.confidence for word in best.words if word.confidence]
            confidence = best.confidence or (sum(of_words) / len(of_words) if of_words else None)
        words = tuple(
            Word(word.word, _ms(getattr(word, self.word_start)), _ms(getattr(word, self.word_end)))
            for word in best.words
        )
        if words and words[-1].end_ms == 0:
            words = ()  # words without times: none were to be had
        end_ms = _ms(getattr(result, self.result_end))
        return Result(best.transcript.strip(), end_ms, is_final=True, confidence=confidence, words=words)


def dialect(settings: Settings, project: str) -> Dialect:
    """What GOOGLE_SPEECH_API asks for."""
    return _v1(settings) if settings.google_speech_api == "v1" else _v2(settings, project)


def _v1(settings: Settings) -> Dialect:
    model = settings.google_speech_model or "phone_call"
    config = speech_v1.StreamingRecognitionConfig(
        config=speech_v1.RecognitionConfig(
            encoding=speech_v1.RecognitionConfig.AudioEncoding.MULAW,
            sample_rate_hertz=SAMPLE_RATE,
            audio_channel_count=1,
            language_code=settings.speech_language,
            model=model,
            use_enhanced=model == "phone_call",
            enable_automatic_punctuation=True,
            enable_word_time_offsets=True,
            enable_word_confidence=True,
            speech_contexts=[
                speech_v1.SpeechContext(
                    phrases=list(settings.speech_contexts), boost=settings.google_speech_boost
                )
            ]
            if settings.speech_contexts
            else [],
        ),
        interim_results=True,
        enable_voice_activity_events=True,
    )
    request = speech_v1.StreamingRecognizeRequest(streaming_config=config)
    return Dialect(
        method="/google.cloud.speech.v1.Speech/StreamingRecognize",
        config=speech_v1.StreamingRecognizeRequest.serialize(request),
        audio_key=bytes([2 << 3 | 2]),
        response=speech_v1.StreamingRecognizeResponse.pb(),
        has_confidence=True,
        result_end="result_end_time",
        word_start="start_time",
        word_end="end_time",
        event_at="speech_event_time",
    )


def _v2(settings: Settings, project: str) -> Dialect:
    model = settings.google_speech_model or "telephony"
    # Chirp refuses to time words, and its confidence means nothing.
    is_chirp = model.startswith("chirp")
    phrases = speech_v2.PhraseSet(
        phrases=[
            speech_v2.PhraseSet.Phrase(value=phrase, boost=settings.google_speech_boost)
            for phrase in settings.speech_contexts
        ]
    )
    adaptation = speech_v2.SpeechAdaptation(
        phrase_sets=[speech_v2.SpeechAdaptation.AdaptationPhraseSet(inline_phrase_set=phrases)]
    )
    config = speech_v2.StreamingRecognitionConfig(
        config=speech_v2.RecognitionConfig(
            explicit_decoding_config=speech_v2.ExplicitDecodingConfig(
                encoding=speech_v2.ExplicitDecodingConfig.AudioEncoding.MULAW,
                sample_rate_hertz=SAMPLE_RATE,
                audio_channel_count=1,
            ),
            language_codes=[settings.speech_language],
            model=model,
            features=speech_v2.RecognitionFeatures(
                enable_automatic_punctuation=True,
                enable_word_time_offsets=not is_chirp,
                enable_word_confidence=not is_chirp,
            ),
            adaptation=adaptation if settings.speech_contexts else None,
        ),
        streaming_features=speech_v2.StreamingRecognitionFeatures(
            interim_results=True, enable_voice_activity_events=True
        ),
    )
    request = speech_v2.StreamingRecognizeRequest(
        recognizer=f"projects/{project}/locations/{settings.google_speech_location}/recognizers/_",
        streaming_config=config,
    )
    return Dialect(
        method="/google.cloud.speech.v2.Speech/StreamingRecognize",
        config=speech_v2.StreamingRecognizeRequest.serialize(request),
        audio_key=bytes([5 << 3 | 2]),
        response=speech_v2.StreamingRecognizeResponse.pb(),
        has_confidence=not is_chirp,
        result_end="result_end_offset",
        word_start="start_offset",
        word_end="end_offset",
        event_at="speech_event_offset",
    )


def _ms(duration: Any) -> float:
    return float(duration.seconds * 1000 + duration.nanos / 1_000_000)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
