"""Who may read: the operator, by the operator's token; a user, by Supabase's, their own calls only."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from app.user_tokens import KeysUnavailableError, UserTokenError, UserTokens


class ApiError(Exception):
    """Becomes `{"error": {"code", "message"}}` with this status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `user_id` is None for the operator."""

    user_id: str | None

    @property
    def is_operator(self) -> bool:
        return self.user_id is None

    def may_see(self, user_id: str | None) -> bool:
        """Whether a call of this user (None: of nobody's number) is theirs to see."""
        return self.is_operator or user_id == self.user_id


OPERATOR = Principal(None)


class Access:
    """Checks the Authorization header."""

    def __init__(self, operator_token: str, users: UserTokens) -> None:
        self._token = operator_token.encode()
        self._users = users

    def require_operator(self, request: HTTPConnection) -> None:
        """Raises:
        ApiError: 401 without the operator's token.
        """
        if not self._is_operator(_bearer(request)):
            raise ApiError(401, "unauthorized", "Send the header 'Authorization: Bearer <operator token>'.")

    async def principal(self, request: HTTPConnection) -> Principal:
        """The operator, or the user.

        Raises:
            ApiError: 401 without a good token, 503 where users' tokens cannot be checked now.
        """
        token = _bearer(request)
        if self._is_operator(token):
            return OPERATOR
        if not token or not self._users.configured:
            raise ApiError(401, "unauthorized", "Send the header 'Authorization: Bearer <token>'.")
        try:
            return Principal(await self._users.user_of(token))
        except UserTokenError as error:
            raise ApiError(401, "unauthorized", str(error)) from None
        except KeysUnavailableError:
            raise ApiError(
                503, "keys_unavailable", "Tokens cannot be checked now. Try again in a minute."
            ) from None

    def _is_operator(self, token: str) -> bool:
        return bool(token) and hmac.compare_digest(token.encode(), self._token)


def _bearer(request: HTTPConnection) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
