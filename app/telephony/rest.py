"""Twilio's REST API: calls are placed and ended. One client a process, where an account is configured."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import httpx2
import msgspec
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from app.errors import OffhookError
from app.settings import Settings

T = TypeVar("T")

log = logging.getLogger(__name__)

REQUEST_SECONDS = 8.0
"""How long Twilio may take to answer a request; it takes some 200 ms."""

RETRY_SECONDS = (0.5, 2.0)
"""The pauses before a request that cannot have had an effect, or may have it twice, is sent again."""

PLACEMENT_SECONDS = 1.0
"""Between two calls placed: an account may place one a second (Twilio's default, calls per second)."""

MOST_WAITING = 60
"""Placements that wait for their second; whoever asks for more is told to come back."""

RING_SECONDS = 45
"""How long it rings, some eight rings. Voicemail, where there is any, answers earlier."""

UNKNOWN_CALL = (20404, 21220)
"""No such call; the call is not in progress. To whom hangs up, both mean that it is done."""

STATUS_EVENTS = ["initiated", "ringing", "answered", "completed"]


class TelephonyError(OffhookError):
    """Twilio did not do what it was asked for."""


class RefusedByTwilioError(TelephonyError):
    """Twilio's own code (twilio.com/docs/api/errors) and words say why."""

    def __init__(self, status: int, code: int, words: str) -> None:
        self.status = status
        self.code = code
        super().__init__(
            f"Twilio says: {words.rstrip('.')} (error {code}, see twilio.com/docs/errors/{code})."
        )


class UnreachableError(TelephonyError):
    """No answer came. What was asked for may have been done all the same."""


class TooManyWaitingError(TelephonyError):
    """More calls are to be placed than an account may."""


class PlacedCall(msgspec.Struct, frozen=True):
    """What Twilio says of a call that it will place. `status` is `queued`."""

    call_sid: str
    status: str


class TwilioRest:
    """Places and ends calls, with bounded patience."""

    def __init__(
        self,
        settings: Settings,
        *,
        request_seconds: float = REQUEST_SECONDS,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        """The settings have an account SID and an auth token: see `connect`."""
        self._settings = settings
        self._retry_seconds = retry_seconds
        self._http = _Http(request_seconds)
        self._clients = [
            Client(settings.twilio_account_sid, token, http_client=self._http)
            for token in settings.auth_tokens
        ]
        if settings.twilio_api_url:
            for client in self._clients:
                client.api.base_url = settings.twilio_api_url
        self._turn = asyncio.Lock()
        self._next_placement = 0.0
        self._waiting = 0

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.client.aclose()

    async def place(self, to_number: str) -> PlacedCall:
        """Call somebody from TWILIO_PHONE_NUMBER, at most one a second: others wait for their turn.

        Raises:
            TooManyWaitingError: a minute's worth of calls wait already.
            RefusedByTwilioError: it will not.
            UnreachableError: no answer came. Whether it rings is not known.
        """
        if self._waiting >= MOST_WAITING:
            raise TooManyWaitingError(
                f"{MOST_WAITING} calls wait to be placed, one a second. Try again later."
            )
        self._waiting += 1
        try:
            async with self._turn:
                await asyncio.sleep(self._next_placement - time.monotonic())
                self._next_placement = time.monotonic() + PLACEMENT_SECONDS
            return await self._patiently(lambda client: self._create(client, to_number), again=_not_done)
        finally:
            self._waiting -= 1

    async def _create(self, client: Client, to_number: str) -> PlacedCall:
        url = self._settings.webhook_url
        call = await client.calls.create_async(
            to=to_number,
            from_=self._settings.twilio_phone_number,
            url=f"{url}/voice/incoming",
            method="POST",
            status_callback=f"{url}/voice/status",
            status_callback_event=STATUS_EVENTS,
            status_callback_method="POST",
            timeout=RING_SECONDS,
            # The verdict on a machine comes when its announcement is over, and does not hold up the call.
            machine_detection="DetectMessageEnd",
            async_amd="true",
            async_amd_status_callback=f"{url}/voice/amd",
            async_amd_status_callback_method="POST",
        )
        return PlacedCall(str(call.sid), str(call.status))

    async def hang_up(self, call_sid: str) -> None:
        """End a call, in whatever state it is. One that is over, or never was, is ended.

        Raises:
            RefusedByTwilioError, UnreachableError: it could not be ended, several times.
        """
        try:
            await self._patiently(
                lambda client: client.calls(call_sid).update_async(status="completed"), again=_may_pass
            )
        except RefusedByTwilioError as error:
            if error.code not in UNKNOWN_CALL and error.status != 404:
                raise

    async def _patiently(
        self, request: Callable[[Client], Awaitable[T]], *, again: Callable[[TelephonyError], bool]
    ) -> T:
        """Send a request, and send it again where that may help and cannot hurt."""
        for pause in self._retry_seconds:
            try:
                return await self._once(request)
            except TelephonyError as error:
                if not again(error):
                    raise
                log.info("a request to Twilio is sent again in %.1f s: %s", pause, error)
            await asyncio.sleep(pause)
        return await self._once(request)

    async def _once(self, request: Callable[[Client], Awaitable[T]]) -> T:
        """With the first token; during a rotation it may be good no more, or not yet."""
        for client in self._clients[:-1]:
            try:
                return await _named(request(client))
            except RefusedByTwilioError as error:
                if error.status != 401:
                    raise
        return await _named(request(self._clients[-1]))


def connect(settings: Settings) -> TwilioRest | None:
    """The client, where an account is configured."""
    if not settings.twilio_account_sid or not settings.auth_tokens:
        return None
    return TwilioRest(settings)


async def _named(answer: Awaitable[T]) -> T:
    """What Twilio answers, with its errors as ours."""
    try:
        return await answer
    except TwilioRestException as error:
        raise RefusedByTwilioError(error.status, error.code or error.status, error.msg) from None
    except TwilioServiceException as error:
        raise RefusedByTwilioError(error.status, error.code, error.detail or error.title) from None
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise _NeverReachedError(f"Twilio cannot be reached: {error or type(error).__name__}.") from None
    except httpx2.HTTPError as error:
        raise UnreachableError(f"Twilio did not answer: {error or type(error).__name__}.") from None
    except (TwilioException, httpx2.InvalidURL, ValueError) as error:
        # Something between us and Twilio has answered, or TWILIO_API_URL is somebody else's.
        raise UnreachableError(f"What has answered is not Twilio: {error or type(error).__name__}.") from None


class _NeverReachedError(UnreachableError):
    """The request did not even leave."""


def _not_done(error: TelephonyError) -> bool:
    """Whether the request surely had no effect, and may have one the next time."""
    return isinstance(error, _NeverReachedError) or (
        isinstance(error, RefusedByTwilioError) and error.status == 429
    )


def _may_pass(error: TelephonyError) -> bool:
    """Whether the same request may succeed in a moment."""
    return isinstance(error, UnreachableError) or (
        isinstance(error, RefusedByTwilioError) and (error.status == 429 or error.status >= 500)
    )


class _Http(AsyncHttpClient):  # type: ignore[misc]  # twilio has no types
    """Twilio's client over the HTTP library that is here anyway: pooled, and with a time limit."""

    def __init__(self, request_seconds: float) -> None:
        super().__init__(log, is_async=True)
        self.client = httpx2.AsyncClient(timeout=request_seconds)

    async def request(  # noqa: PLR0917 - the signature is Twilio's
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
        allow_redirects: bool = False,
    ) -> Response:
        response = await self.client.request(
            method,
            uri,
            params=params,  # type: ignore[arg-type]  # Twilio's client has serialised them
            data=data,
            headers=headers,
            auth=auth,
            timeout=timeout or self.client.timeout,
            follow_redirects=allow_redirects,
        )
        return Response(response.status_code, response.text, response.headers)
