"""Which addresses a visitor of the app may name, and that a name leads to no private network."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

from helpers.backends.addresses import checked_url
from helpers.core.errors import InputError
from helpers.core.machine import is_loopback

#: IPv6 addresses that a gateway turns into IPv4 ones.
TRANSLATED = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class AddressPolicy:
    """What a visitor may name: anything from this machine's own browser, else https to ``allow_hosts`` alone."""

    on_loopback: bool
    allow_hosts: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether a visitor may name an address at all."""
        return self.on_loopback or bool(self.allow_hosts)

    def checked(self, url: str, token: str) -> str:
        """Return an address a visitor may use; raises `InputError` in words for the visitor."""
        if not self.open:
            raise InputError("this app asks its own server only; leave the address empty")
        url = checked_url(url.strip())
        parts = urlsplit(url)
        if token and parts.scheme != "https" and not is_loopback(url):
            raise InputError("a token would travel in the clear over http; give an https address")
        if self.on_loopback:
            return url
        host = (parts.hostname or "").lower().rstrip(".")
        if parts.scheme != "https" or parts.port not in (None, 443):
            raise InputError("only https addresses on the usual port may be used here")
        if not any(host == known or (known[:2] == "*." and host.endswith(known[1:])) for known in self.allow_hosts):
            raise InputError(f"{host} is not one of the hosts this app may ask: {', '.join(self.allow_hosts)}")
        if _is_private_literal(host):
            raise InputError(f"{host} is an address in a private network")
        return url


class PublicResolver(ThreadedResolver):
    """Resolves names to public addresses only, at the moment of connecting: a name that changes is looked at again."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if any(not is_public(result["host"]) for result in found):
            raise OSError(f"{host} leads into a private network")
        return found


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, and none behind it is private."""
    ip = ip_address(address.partition("%")[0])
    return _is_public(ip)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return _is_public(ip.ipv4_mapped)
        if ip.sixtofour or ip.teredo or ip in TRANSLATED:
            return False
    return ip.is_global and not ip.is_multicast


def _is_private_literal(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return False
