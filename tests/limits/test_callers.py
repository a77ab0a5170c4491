"""app.limits.callers: this machine, a tunnel on it, an address."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from app.limits.callers import address_of, is_local


def request(address: str | None = "127.0.0.1", **headers: str) -> HTTPConnection:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection(
        {"type": "http", "client": None if address is None else (address, 5), "headers": raw}
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("name", ["localhost:3000", "127.0.0.1", "[::1]:3000", ""])
def test_a_program_on_this_machine_is_local(address: str, name: str) -> None:
    assert is_local(request(address, host=name))


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "::2", "", None, "localhost"])
def test_another_address_is_not_local(address: str | None) -> None:
    assert not is_local(request(address, host="localhost"))


@pytest.mark.parametrize(
    "header", ["x_forwarded_for", "x_forwarded_host", "forwarded", "via", "x_real_ip", "cf_connecting_ip"]
)
def test_what_a_proxy_forwards_is_not_local(header: str) -> None:
    assert not is_local(request(**{header: "127.0.0.1"}))


@pytest.mark.parametrize("name", ["abc.ngrok.app", "192.0.2.1:3000", "evil.example:127.0.0.1", "["])
def test_who_asks_for_another_name_came_by_a_tunnel(name: str) -> None:
    assert not is_local(request(host=name))


def test_a_page_in_this_machines_browser_is_not_local() -> None:
    assert not is_local(request(origin="https://evil.example"))


def test_a_customer_is_counted_once_whatever_ipv6_addresses_are_used() -> None:
    assert address_of(request("2001:db8::1")) == address_of(request("2001:db8::ffff:1"))
    assert address_of(request("2001:db8::1")) != address_of(request("2001:db8:0:1::1"))
    assert address_of(request("::ffff:192.0.2.1")) == address_of(request("192.0.2.1")) == "192.0.2.1"
    assert address_of(request(None)) == ""
