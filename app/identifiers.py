"""What may name a call or a user. Names come from outside and end up in logs, URLs and the database."""

from __future__ import annotations

import re

_CALL_SID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_USER_ID = re.compile(r"[\x21-\x7e]{1,128}")


def is_call_sid(text: str) -> bool:
    """Twilio's are CA and 32 hexadecimal digits; by hand any short name will do. Stream SIDs as well."""
    return _CALL_SID.fullmatch(text) is not None


def is_user_id(text: str) -> bool:
    """Printable ASCII without blanks: UUIDs, e-mail addresses, names."""
    return _USER_ID.fullmatch(text) is not None
