"""Who may open a media stream: the signed upgrade, the limits, and the token in `start`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from app.media_stream.manager import MediaStreamManager
from app.media_stream.messages import StartBody
from app.telephony.signatures import Signatures
from app.telephony.tokens import StreamTokenError, StreamTokens


class RefusedError(Exception):
    """A stream that is not opened: `status` answers the upgrade, `code` closes what was accepted."""

    def __init__(self, message: str, *, status: int = 403, code: int = 1008) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


class Admission:
    """Decides before the upgrade is accepted, and again when `start` names the call."""

    def __init__(
        self, signatures: Signatures, tokens: StreamTokens, manager: MediaStreamManager, max_calls: int
    ) -> None:
        self.signatures = signatures
        self._tokens = tokens
        self._manager = manager
        self._max_calls = max_calls

    def check_upgrade(self, request: HTTPConnection) -> None:
        """Before accept.

        Raises:
            RefusedError: 403 unsigned, 429 too many calls.
        """
        if not self.signatures.websocket(request.headers):
            raise RefusedError("The WebSocket upgrade is not signed by Twilio.")
        if len(self._manager) >= self._max_calls:
            raise RefusedError(f"All {self._max_calls} lines are busy.", status=429)

    def check_start(self, request: HTTPConnection, start: StartBody) -> str | None:
        """When the call is named. Returns the caller's user id.

        Raises:
            RefusedError: the token is missing where one is needed, or opens nothing.
        """
        parameters: Mapping[str, object] = start.custom_parameters
        token = parameters.get("token")
        if isinstance(token, str) and token:
            try:
                return self._tokens.spend(token, start.call_sid)
            except StreamTokenError as error:
                raise RefusedError(f"{error}") from None
        if self.signatures.required or not _by_hand(request):
            raise RefusedError("start.customParameters.token is missing.")
        user = parameters.get("userId")
        return str(user) if user else None


def _by_hand(request: HTTPConnection) -> bool:
    """From this machine, not through a proxy on it."""
    return _is_loopback(request.client.host if request.client else "") and not _is_forwarded(request.headers)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_forwarded(headers: Headers) -> bool:
    return any(name == "forwarded" or name.startswith("x-forwarded-") for name in headers)
