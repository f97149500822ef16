"""Whose address counts: the nearest one that no trusted proxy vouches for."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security.client_address import client_address, is_trusted_proxy
from tests.client import call, upload
from tests.conftest import assert_problem
from tests.faults.report import Report

PROXY = "10.0.0.1"
CLIENT = "203.0.113.7"


@pytest.fixture(autouse=True)
def trusted(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def address(peer: str, forwarded: str | None = None) -> str:
    meta = {"REMOTE_ADDR": peer}
    if forwarded is not None:
        meta["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_address(meta)


trusted_hops = st.sampled_from(["10.0.0.1", "10.9.8.7", "fd00::1", "fdff:1::2"])
foreign_hops = st.ip_addresses().map(str).filter(lambda hop: not is_trusted_text(hop))
spoofed = st.lists(st.text(max_size=12) | foreign_hops | trusted_hops, max_size=4).map(",".join)


def is_trusted_text(hop: str) -> bool:
    return hop.startswith(("10.", "fc", "fd", "::ffff:10."))


def bucket(hop: str) -> str:
    """What is counted: an IPv4 address itself, an IPv6 one with its 64 neighbours' bits off."""
    one = ip_address(hop)
    if one.version == 4:
        return str(one)
    if one.ipv4_mapped:
        return str(one.ipv4_mapped)
    return f"{ip_address(one.packed[:8] + bytes(8))}/64"


@pytest.mark.fault(45, "a stranger forges an address")
@pytest.mark.property
@given(foreign_hops, spoofed)
def test_a_header_from_a_stranger_changes_nothing(peer: str, forwarded: str) -> None:
    assert address(peer, forwarded) == address(peer) == bucket(peer)


@pytest.mark.property
@given(
    peer=trusted_hops,
    chain=st.lists(trusted_hops, max_size=3),
    client=foreign_hops,
    before=spoofed,
    blank=st.sampled_from([",", ", ", " , ", ",,"]),
)
def test_behind_trusted_proxies_the_last_foreign_hop_counts_whatever_it_claims(
    peer: str, chain: list[str], client: str, before: str, blank: str
) -> None:
    forwarded = blank.join([before, client, *chain] if before else [client, *chain])

    assert address(peer, forwarded) == bucket(client)


@pytest.mark.parametrize("forwarded", [None, "10.2.2.2", "10.2.2.2, fd00::7"])
def test_a_proxy_that_calls_for_itself_is_its_own_client(forwarded: str | None) -> None:
    assert address(PROXY, forwarded) == PROXY


@pytest.mark.parametrize(
    "forwarded",
    [
        "garbage",
        f"{CLIENT}:1234",
        f"{CLIENT}, unknown",
        "[2001:db8::1]",
        "1.2.3",
        "1.2.3.4/8",
        "127.0.0.1\x00",
        "",
        " ",
    ],
)
def test_garbage_from_a_trusted_proxy_is_malformed(forwarded: str) -> None:
    with pytest.raises(catalogue.MalformedHeader) as refused:
        address(PROXY, forwarded)

    assert refused.value.places == (("header", "X-Forwarded-For"),)


def test_garbage_before_the_client_is_not_looked_at() -> None:
    assert address(PROXY, f"<script>, {CLIENT}") == CLIENT


def test_one_customers_ipv6_addresses_are_one_bucket() -> None:
    assert address("2001:db8:1:2::1") == address("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert address("2001:db8:1:3::1") != address("2001:db8:1:2::1")


def test_a_zone_of_a_link_does_not_matter() -> None:
    assert address("fe80::1%eth0") == address("fe80::2") == "fe80::/64"


def test_an_ipv4_address_in_ipv6_form_is_the_same_client() -> None:
    assert address(f"::ffff:{CLIENT}") == address(CLIENT) == CLIENT
    assert address("::ffff:10.0.0.1", CLIENT) == CLIENT


@pytest.mark.parametrize("peer", ["", "unix:", "no address"])
def test_a_peer_without_an_address_has_a_bucket_of_its_own(peer: str) -> None:
    assert address(peer, CLIENT) == "unknown"
    assert not is_trusted_proxy(peer)


def test_nobody_is_trusted_by_default(settings: Any) -> None:
    settings.TRUSTED_PROXIES = []

    assert address(PROXY, CLIENT) == PROXY


@pytest.mark.parametrize(
    ("peer", "is_trusted"),
    [("10.255.255.255", True), ("11.0.0.0", False), ("fd00::1", True), ("fe00::1", False)],
)
def test_trust_is_a_matter_of_networks(peer: str, is_trusted: bool) -> None:
    assert is_trusted_proxy(peer) is is_trusted


@pytest.mark.fault(45, "a proxy forwards a forged address")
@pytest.mark.django_db
def test_garbage_from_a_trusted_proxy_is_refused_over_http(token: str, report: Report) -> None:
    answer = upload(token, b"hello", REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR="garbage")

    problem = assert_problem(answer, 400, "malformed_header")
    assert [fault["name"] for fault in problem["errors"]] == ["X-Forwarded-For"]
    report(saw=answer, left="nothing")


def test_a_public_page_does_not_care_for_the_header() -> None:
    answer = call("GET", "/health/live", REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR="garbage")

    assert answer.status == 200
