"""JSON answers, encoded by msgspec from the store's own records."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.api.access import ApiError


class Json(Response):
    """Any value msgspec can encode; times become RFC 3339."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


async def show_error(_request: Request, error: Exception) -> Response:
    """The exception handler for ApiError."""
    assert isinstance(error, ApiError)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return Json({"error": {"code": error.code, "message": str(error)}}, error.status, headers)
