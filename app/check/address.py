"""An address as others see it. No I/O."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_public(url: str) -> bool:
    """Whether Twilio could reach the host, as far as its name tells."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local", ".internal", ".lan"))


def without_password(url: str) -> str:
    """The URL for people: it may carry a name and password for basic authentication."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
