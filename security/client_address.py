"""Who is really calling: the address behind the proxies we trust, and no other."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings

from errors import catalogue

Address = IPv4Address | IPv6Address
IPV6_CUSTOMER_PREFIX = 64  # one customer usually has a whole /64


def is_trusted_proxy(peer: str) -> bool:
    """True when the peer's address lies in TRUSTED_PROXIES."""
    try:
        address = parse_address(peer)
    except ValueError:
        return False
    return _is_trusted(address)


def parse_address(text: str) -> Address:
    """An address; a dual-stack socket tells an IPv4 one in IPv6 form, and means the IPv4 one.

    Raises ValueError.
    """
    address = ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def client_address(meta: dict[str, Any]) -> str:
    """The nearest address no trusted proxy vouches for; an IPv6 one as its /64.

    X-Forwarded-For counts only when the peer is trusted, and is read from its end, so a
    client cannot choose its own bucket (OWASP ASVS 5.0 4.1.3).
    Raises MalformedHeader when a trusted proxy sends something else than addresses.
    """
    peer = str(meta.get("REMOTE_ADDR", ""))
    if not is_trusted_proxy(peer) or "HTTP_X_FORWARDED_FOR" not in meta:
        return _bucket(peer)
    hops = [hop.strip() for hop in meta["HTTP_X_FORWARDED_FOR"].split(",") if hop.strip()]
    try:
        # Empty is malformed: the server hands over a header that is not ASCII as empty.
        for address in map(parse_address, reversed(hops or [""])):
            if not _is_trusted(address):
                return _bucket(str(address))
    except ValueError:
        raise catalogue.MalformedHeader(places=(("header", "X-Forwarded-For"),)) from None
    return _bucket(peer)


def _is_trusted(address: Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


def _bucket(text: str) -> str:
    try:
        address = parse_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_CUSTOMER_PREFIX), strict=False))
    return str(address)
