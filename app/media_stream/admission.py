"""Who may open a media stream: the signed upgrade, the limits, and the token in `start`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from starlette.requests import HTTPConnection

from app.identifiers import is_user_id
from app.limits.callers import address_of, is_local
from app.limits.rates import SlidingWindow
from app.media_stream.manager import MediaStreamManager
from app.media_stream.messages import StartBody
from app.settings import Settings
from app.telephony.signatures import Signatures
from app.telephony.spending import OneTimeTokens
from app.telephony.tokens import StreamTokenError

WINDOW_SECONDS = 60.0
"""MAX_CONNECTIONS_PER_IP counts within any such time."""

MAX_WAITING = 200
"""Accepted streams that have not said yet which call they are. Twilio says it at once."""


class RefusedError(Exception):
    """A stream that is not opened: `status` answers the upgrade, `code` closes what was accepted.

    `reason` is a short stable name, for the metric.
    """

    def __init__(self, message: str, reason: str = "refused", *, status: int = 403, code: int = 1008) -> None:
        self.reason = reason
        self.status = status
        self.code = code
        super().__init__(message)


class Admission:
    """Decides before the upgrade is accepted, and again when `start` names the call."""

    def __init__(
        self, settings: Settings, signatures: Signatures, tokens: OneTimeTokens, manager: MediaStreamManager
    ) -> None:
        self._signatures = signatures
        self._tokens = tokens
        self._manager = manager
        self._max_calls = settings.max_calls
        self._max_calls_per_user = settings.max_calls_per_user
        self._connections = SlidingWindow(settings.max_connections_per_ip, WINDOW_SECONDS)
        self._waiting = 0

    def check_upgrade(self, request: HTTPConnection) -> None:
        """Before accept.

        Raises:
            RefusedError: 403 unsigned, from a web page, or from elsewhere where nothing is signed;
                429 too many; 503 about to stop.
        """
        # Neither Twilio nor wscat sends one: it is somebody's browser on a page that is none of ours.
        if "Origin" in request.headers:
            raise RefusedError("Browsers are not served here.", "browser")
        if not self._connections.take(address_of(request), time.monotonic()):
            raise RefusedError("Too many connections from your address.", "address_limit", status=429)
        if self._manager.draining:
            raise RefusedError("The server is about to stop.", "draining", status=503)
        if not self._signatures.websocket(request.headers):
            raise RefusedError("The WebSocket upgrade is not signed by Twilio.", "unsigned")
        if not self._signatures.required and not is_local(request):
            raise RefusedError(
                "Without TWILIO_AUTH_TOKEN only programs on the same machine are served.", "not_local"
            )
        self._check_room()
        if self._waiting >= MAX_WAITING:
            raise RefusedError("Too many streams wait to be started.", "too_many_waiting", status=429)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around the time between accept and `start`."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def by_hand(self, request: HTTPConnection) -> bool:
        """From this machine, where nothing has to be signed: perhaps somebody who types."""
        return not self._signatures.required and is_local(request)

    async def check_start(self, request: HTTPConnection, call_sid: str, start: StartBody) -> str | None:
        """When the call is named. Returns the caller's user id.

        Raises:
            RefusedError: the token is missing where one is needed, or opens nothing; or there are too many
                calls.
        """
        parameters: Mapping[str, object] = start.custom_parameters or {}
        token = parameters.get("token")
        if isinstance(token, str) and token:
            try:
                user = await self._tokens.spend(token, call_sid)
            except StreamTokenError as error:
                raise RefusedError(f"{error}", "token") from None
            # Our own webhook sent it here: it is no stranger, however many calls its address brings.
            self._connections.give_back(address_of(request))
        elif self.by_hand(request):
            user = str(parameters.get("userId") or "") or None
            if user and not is_user_id(user):
                raise RefusedError("userId is up to 128 printable characters without blanks.", "user_id")
        else:
            raise RefusedError("start.customParameters.token is missing.", "token")
        # Others may have come between the upgrade and now.
        self._check_room()
        if user and len(self._manager.get_user_connections(user)) >= self._max_calls_per_user:
            raise RefusedError("This user has too many calls open.", "user_limit")
        return user

    def _check_room(self) -> None:
        if len(self._manager) >= self._max_calls:
            raise RefusedError(f"All {self._max_calls} lines are busy.", "max_calls", status=429)
