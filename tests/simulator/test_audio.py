"""Reading recordings, and writing one."""

from __future__ import annotations

import audioop
import io
import math
import wave
from array import array
from pathlib import Path

import pytest

from app.errors import OffhookError
from app.simulator import audio
from app.simulator.recording import write_recording
from app.simulator.voice import shifted
from tests.simulator.agent_server import SPEECH, YES, tone


def wav(pcm: bytes, *, channels: int = 1, width: int = 2, rate: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(channels)
        recording.setsampwidth(width)
        recording.setframerate(rate)
        recording.writeframes(pcm)
    return file.getvalue()


def sine(hertz: int, rate: int, seconds: float = 1.0) -> bytes:
    samples = (round(9000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(round(rate * seconds)))
    return array("h", samples).tobytes()


def level(ulaw: bytes) -> int:
    return audioop.rms(audioop.ulaw2lin(ulaw[800:-800], 2), 2)


def test_a_telephone_wav_is_taken_as_it_is() -> None:
    with wave.open(str(SPEECH / "jfk.wav")) as recording:
        pcm = recording.readframes(recording.getnframes())
    assert audio.load(SPEECH / "jfk.wav") == audioop.lin2ulaw(pcm, 2)


def test_raw_ulaw_is_taken_as_it_is() -> None:
    assert audio.decode(YES, "yes.ulaw") == YES


def test_raw_alaw_becomes_ulaw() -> None:
    alaw = audioop.lin2alaw(audioop.ulaw2lin(YES, 2), 2)
    assert level(audio.decode(alaw, "yes.al")) == pytest.approx(level(YES), rel=0.02)


@pytest.mark.parametrize(
    ("rate", "channels", "width"), [(44100, 1, 2), (16000, 2, 2), (8000, 1, 3), (48000, 1, 4)]
)
def test_any_wav_is_brought_to_the_telephone(rate: int, channels: int, width: int) -> None:
    pytest.importorskip("av")
    pcm = sine(440, rate)
    if channels == 2:
        pcm = audioop.tostereo(pcm, 2, 1, 1)
    sound = audio.decode(
        wav(audioop.lin2lin(pcm, 2, width), channels=channels, width=width, rate=rate), "a.wav"
    )
    assert len(sound) == pytest.approx(8000, abs=80)
    assert level(sound) == pytest.approx(9000 / math.sqrt(2), rel=0.03)


def test_what_the_telephone_cannot_carry_does_not_fold_back() -> None:
    pytest.importorskip("av")
    assert level(audio.decode(wav(sine(5000, 48000), rate=48000), "a.wav")) < 9  # −60 dB


@pytest.mark.parametrize("name", ["missing.wav", "."])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(OffhookError, match="Name a recording"):
        audio.load(tmp_path / name)


@pytest.mark.parametrize("data", [b"", b"hello", wav(b"")])
def test_a_file_that_is_no_recording_is_named(data: bytes) -> None:
    pytest.importorskip("av")
    with pytest.raises(OffhookError, match=r"^x\.wav: "):
        audio.decode(data, "x.wav")


def test_a_recording_has_the_caller_left_and_the_agent_right(tmp_path: Path) -> None:
    path = tmp_path / "new" / "call.wav"
    write_recording(path, tone(0.5), b"\xff" * 4000)
    with wave.open(str(path)) as recording:
        assert recording.getparams()[:4] == (2, 2, 8000, 4000)
        samples = recording.readframes(4000)
    assert audioop.rms(audioop.tomono(samples, 2, 1, 0), 2) > 4000
    assert audioop.rms(audioop.tomono(samples, 2, 0, 1), 2) == 0


def test_a_shifted_voice_is_shorter_by_the_factor() -> None:
    assert len(shifted(YES, 1.25)) == pytest.approx(6400, abs=2)
