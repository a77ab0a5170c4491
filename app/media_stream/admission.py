"""Who may open a media stream: the signed upgrade, the limits, and the token in `start`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from app.identifiers import is_user_id
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
            RefusedError: 403 unsigned or from a web page, 429 too many calls, 503 about to stop.
        """
        # Neither Twilio nor wscat sends one: it is somebody's browser on a page that is none of ours.
        if "Origin" in request.headers:
            raise RefusedError("Browsers are not served here.")
        if self._manager.draining:
            raise RefusedError("The server is about to stop.", status=503)
        if not self.signatures.websocket(request.headers):
            raise RefusedError("The WebSocket upgrade is not signed by Twilio.")
        if len(self._manager) >= self._max_calls:
            raise RefusedError(f"All {self._max_calls} lines are busy.", status=429)

    def by_hand(self, request: HTTPConnection) -> bool:
        """From this machine, not through a proxy on it, where nothing has to be signed."""
        host = request.client.host if request.client else ""
        return not self.signatures.required and _is_loopback(host) and not _is_forwarded(request.headers)

    def check_start(self, request: HTTPConnection, call_sid: str, start: StartBody) -> str | None:
        """When the call is named. Returns the caller's user id.

        Raises:
            RefusedError: the token is missing where one is needed, or opens nothing.
        """
        parameters: Mapping[str, object] = start.custom_parameters or {}
        token = parameters.get("token")
        if isinstance(token, str) and token:
            try:
                return self._tokens.spend(token, call_sid)
            except StreamTokenError as error:
                raise RefusedError(f"{error}") from None
        if not self.by_hand(request):
            raise RefusedError("start.customParameters.token is missing.")
        user = str(parameters.get("userId") or "")
        if user and not is_user_id(user):
            raise RefusedError("userId is up to 128 printable characters without blanks.")
        return user or None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_forwarded(headers: Headers) -> bool:
    return any(name == "forwarded" or name.startswith("x-forwarded-") for name in headers)
