"""Whether a voice that begins while the assistant speaks wants to be heard, or only says that it listens."""

from app.services.listening.interface import HEARD_BYTES, Listening

__all__ = ["HEARD_BYTES", "Listening"]
