"""JSON answers, encoded by msgspec from the store's own records."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from app.api.access import ApiError
from app.store.database import Lost, why

log = logging.getLogger(__name__)


class Json(Response):
    """Any value msgspec can encode; times become RFC 3339."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def error_answer(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """`{"error": {"code", "message"}}` with this status."""
    return Json({"error": {"code": code, "message": message}}, status, headers)


async def _api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return error_answer(error.status, error.code, str(error), headers)


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return error_answer(error.status_code, code, error.detail, dict(error.headers or {}))


async def _no_database(request: Request, error: Exception) -> Response:
    log.warning("%s: the database did not answer (%s)", request.url.path, why(error))
    return error_answer(503, "database_unavailable", "The database does not answer. Try again in a moment.")


async def _gone(_request: Request, _error: Exception) -> Response:
    """Nobody is there to read it."""
    return Response(status_code=400)


async def _defect(request: Request, error: Exception) -> Response:
    log.error("%s failed", request.url.path, exc_info=error)
    return error_answer(500, "internal_error", "Something went wrong here; the log says what.")


ERROR_HANDLERS: Mapping[Any, ExceptionHandler] = {
    ApiError: _api_error,
    HTTPException: _http_error,
    **dict.fromkeys(Lost, _no_database),
    ClientDisconnect: _gone,
    Exception: _defect,
}
"""Every error of the HTTP side leaves as `{"error": {"code", "message"}}`."""
