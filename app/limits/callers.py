"""Where a connection comes from: this machine, a proxy, an address."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

FORWARDING_HEADERS = ("forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip")
"""What proxies and tunnels add, besides X-Forwarded-*: whoever is behind them is not on this machine."""


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def is_local(request: HTTPConnection) -> bool:
    """Whether a program on this machine asks by itself: not a proxy or tunnel, nor a browser for a page.

    A tunnel connects from loopback too. It is known by the headers it adds, or by the public name it asks
    for.
    """
    if not request.client or not is_loopback(request.client.host):
        return False
    headers = request.headers
    if "origin" in headers or any(
        name in FORWARDING_HEADERS or name.startswith("x-forwarded-") for name in headers
    ):
        return False
    return _names_this_machine(headers.get("host", ""))


def _names_this_machine(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name in ("", "localhost") or is_loopback(name)


def address_of(request: HTTPConnection) -> str:
    """Under what a caller's connections are counted: the address; with IPv6 the /64, one customer's."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address.packed, 64), strict=False))
    return host
