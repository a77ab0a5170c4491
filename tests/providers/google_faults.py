"""How Google's recognition aborts a stream, as statuses and their details."""

from __future__ import annotations

from grpc import StatusCode as Code

PASSING = [
    (Code.ABORTED, "Max duration of 5 minutes reached for stream."),
    (Code.OUT_OF_RANGE, "Exceeded maximum allowed stream duration of 305 seconds."),
    (Code.ABORTED, "Stream timed out after receiving no more client requests."),
    (Code.INVALID_ARGUMENT, "Audio Timeout Error: Long duration elapsed without audio."),
    (Code.UNAVAILABLE, "The service is currently unavailable."),
    (Code.DEADLINE_EXCEEDED, "Deadline Exceeded"),
    (Code.INTERNAL, "Internal error encountered."),
    (Code.CANCELLED, "The operation was cancelled."),
    (Code.RESOURCE_EXHAUSTED, "Quota exceeded"),
]
"""Too old, idle, a passing fault, or no quota."""

LASTING = [
    (Code.PERMISSION_DENIED, "The caller does not have permission"),
    (Code.UNAUTHENTICATED, "Request had invalid authentication credentials."),
    (Code.NOT_FOUND, "Unable to find Recognizer"),
    (Code.INVALID_ARGUMENT, "Invalid recognition 'config': bad model"),
]
"""What will not get better."""
