"""Recordings from files as what goes over the line: 8 kHz μ-law, mono."""

from __future__ import annotations

import audioop
import io
import wave
from pathlib import Path

from app.errors import OffhookError

RATE = 8000
_RAW_ULAW = (".ulaw", ".ul", ".mulaw", ".pcmu")
_RAW_ALAW = (".alaw", ".al", ".pcma")


def load(path: Path) -> bytes:
    """Read a recording: raw G.711 by its suffix (.ulaw, .al), WAV, MP3, Ogg, FLAC, whatever FFmpeg reads.

    Raises:
        OffhookError: it is not there, not a recording, or needs a decoder that is not installed.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise OffhookError(f"{path}: {error.strerror or error}. Name a recording that can be read.") from None
    return decode(data, str(path))


def decode(data: bytes, name: str) -> bytes:
    """The same for the bytes of a file; `name` is shown in errors, and tells raw G.711 by its suffix."""
    suffix = Path(name).suffix.lower()
    if suffix in _RAW_ULAW:
        audio = data
    elif suffix in _RAW_ALAW:
        audio = audioop.lin2ulaw(audioop.alaw2lin(data, 2), 2)
    else:
        pcm = _telephone_wave(data)
        audio = audioop.lin2ulaw(_decoded(data, name) if pcm is None else pcm, 2)
    if not audio:
        raise OffhookError(f"{name}: there is no audio in it.")
    return audio


def _telephone_wave(data: bytes) -> bytes | None:
    """The samples of a WAV file that has a telephone's format already; None if it has any other."""
    try:
        with wave.open(io.BytesIO(data)) as recording:
            if (recording.getnchannels(), recording.getsampwidth(), recording.getframerate()) == (1, 2, RATE):
                pcm: bytes = recording.readframes(recording.getnframes())
                return pcm
    except (wave.Error, EOFError):
        pass
    return None


def _decoded(data: bytes, name: str) -> bytes:
    try:
        import av
    except ImportError:
        raise OffhookError(
            f"{name}: only WAV with 16 bit, 8 kHz, mono and raw .ulaw or .al can be read as it is; "
            f"other formats need PyAV: pip install 'offhook[audio-files]'."
        ) from None
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    pcm = bytearray()
    try:
        with av.open(io.BytesIO(data), mode="r") as container:
            for frame in container.decode(audio=0):
                for piece in resampler.resample(frame):
                    pcm += bytes(piece.planes[0])[: piece.samples * 2]
            for piece in resampler.resample(None):
                pcm += bytes(piece.planes[0])[: piece.samples * 2]
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise OffhookError(f"{name}: this is no recording that FFmpeg can read ({error}).") from None
    return bytes(pcm)
