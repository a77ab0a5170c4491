"""Who may read: the operator, by bearer token."""

from __future__ import annotations

import hmac

from starlette.requests import HTTPConnection


class ApiError(Exception):
    """Becomes `{"error": {"code", "message"}}` with this status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


class Access:
    """Checks the Authorization header."""

    def __init__(self, operator_token: str) -> None:
        self._token = operator_token.encode()

    def require_operator(self, request: HTTPConnection) -> None:
        """Raises:
        ApiError: 401 without the operator's token.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token):
            raise ApiError(401, "unauthorized", "Send the header 'Authorization: Bearer <operator token>'.")
