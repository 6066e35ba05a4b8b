"""Which addresses the app may ask: by scheme, port and host, and none in a private network."""

import asyncio
import socket
from typing import Any

import pytest

from helpers.app.addresses import AddressPolicy, PublicResolver, is_public
from helpers.core.errors import InputError

HERE = AddressPolicy(on_loopback=True)
OUT = AddressPolicy(on_loopback=False, allow_hosts=("api.example.com", "*.endpoints.example.net"))


@pytest.mark.parametrize(
    ("doors", "url", "token", "message"),
    [
        (AddressPolicy(on_loopback=False), "https://api.example.com", "t", "this app asks its own server only"),
        (OUT, "http://api.example.com", "", "only https addresses on the usual port"),
        (OUT, "https://api.example.com:8443", "t", "only https addresses on the usual port"),
        (OUT, "https://evil.example.com", "t", "evil.example.com is not one of the hosts this app may ask"),
        (OUT, "https://api.example.com.evil.net", "t", "is not one of the hosts"),
        (OUT, "https://endpoints.example.net", "t", "is not one of the hosts"),
        (OUT, "https://api.example.com@evil.net", "t", "no user name, password or key in it"),
        (AddressPolicy(False, ("10.0.0.1",)), "https://10.0.0.1", "t", "10.0.0.1 is an address in a private network"),
        (HERE, "http://api.example.com", "t", "a token would travel in the clear over http"),
        (HERE, "api.example.com", "t", "expected https://HOST"),
    ],
)
def test_an_address_that_may_not_be_asked(doors: AddressPolicy, url: str, token: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        doors.checked(url, token)


@pytest.mark.parametrize(
    ("doors", "url", "token"),
    [
        (OUT, "https://API.example.com./", "t"),
        (OUT, "https://a.endpoints.example.net:443/predict", "t"),
        (HERE, "http://127.0.0.1:8080", "t"),
        (HERE, "http://model.example.com:8080", ""),
    ],
)
def test_an_address_that_may_be_asked(doors: AddressPolicy, url: str, token: str) -> None:
    assert doors.checked(url, token)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("127.0.0.1", False), ("10.1.2.3", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("::1", False),
        ("fe80::1%eth0", False), ("fd00::1", False), ("::ffff:127.0.0.1", False), ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_name_that_leads_into_a_private_network_is_refused_when_connecting() -> None:
    async def resolve() -> Any:
        return await PublicResolver().resolve("localhost", 443, socket.AF_INET)

    with pytest.raises(OSError, match="localhost leads into a private network"):
        asyncio.run(resolve())
