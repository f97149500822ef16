"""Limits that do not fit each other, made so for real."""

from __future__ import annotations

import contextlib
import http.server
import io
import re
import shutil
import threading
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesvc.doctor import limits
from filesvc.doctor.limits import (
    edge_examination,
    examine_disk,
    examine_largest_file,
    examine_largest_stream,
    examine_ulimits,
    write_hidden_malware,
)
from filesvc.head_room import free_bytes
from security.clamd_conf import render_clamd_conf
from tests import stack
from tests.filesvc.doctor.seeing import see, states
from tests.samples import EICAR
from tests.security.conftest import clamd_version, free_port
from tests.stack import Server
from tests.system.edge import edge

MIB = 1024 * 1024


@contextlib.contextmanager
def clamd_with(**options: str) -> Iterator[str]:
    """A clamd of the product's configuration with some options changed; yields its address."""
    folder = stack.RUN_DIR / "clamd-doctor"
    folder.mkdir()
    conf = render_clamd_conf(
        (stack.ROOT / "docker/clamd.conf.template").read_text(),
        folder,
        stack.ROOT / "docker/signatures",
        clamd_version(),
    )
    for option, value in options.items():
        conf, changed = re.subn(f"(?m)^{option} .*$", f"{option} {value}", conf)
        assert changed == 1
    (folder / "clamd.conf").write_text(conf)
    server = Server(
        "clamd-doctor",
        [str(stack.RUN_DIR / "clamd"), f"--config-file={folder}/clamd.conf"],
        lambda: stack.answers(folder / "clamd.sock", b"zPING\0", b"PONG"),
    )
    server.start()
    try:
        yield f"unix:{folder}/clamd.sock"
    finally:
        server.stop()
        shutil.rmtree(folder)


def test_malware_at_the_end_of_the_largest_file_is_found_by_both_ways() -> None:
    seen = see(examine_largest_file, examine_largest_stream)

    assert states(seen) == {"largest file": "ok", "largest stream": "ok"}
    assert "26,214,400 bytes" in seen["largest stream"].told


@pytest.mark.parametrize(
    ("options", "file_says", "stream_says"),
    [
        ({"StreamMaxLength": "1M"}, None, "StreamMaxLength is below MAX_UPLOAD_BYTES"),
        (
            {"MaxFileSize": "1M"},
            "MaxFileSize is below MAX_UPLOAD_BYTES",
            "MaxFileSize is below MAX_UPLOAD_BYTES",
        ),
        ({"MaxScanSize": "3M"}, "MaxScanSize is below", "MaxScanSize is below"),
        ({"MaxFileSize": "1M", "AlertExceedsMax": "no"}, "calls it clean", "calls it clean"),
    ],
)
def test_a_limit_of_the_scanner_that_is_too_small_is_named(
    settings: Any, options: dict[str, str], file_says: str | None, stream_says: str
) -> None:
    settings.MAX_UPLOAD_BYTES = 4 * MIB
    with clamd_with(**options) as address:
        settings.CLAMD_ADDRESS = address
        seen = see(examine_largest_file, examine_largest_stream)

    for name, says in (("largest file", file_says), ("largest stream", stream_says)):
        assert str(seen[name].state) == ("failed" if says else "ok"), seen[name]
        assert (says or "is found") in seen[name].told


def test_a_scanner_that_hangs_is_not_waited_for_as_a_scan_is(servers: dict[str, Server]) -> None:
    with servers["clamd"].frozen():
        seen = see(examine_largest_file)

    assert states(seen) == {"largest file": "unknown"}


@pytest.mark.property
@given(size_bytes=st.one_of(st.integers(0, 5000), st.integers(0, 5 * MIB)))
def test_the_file_with_hidden_malware_has_its_size_and_malware_as_its_last(size_bytes: int) -> None:
    file = io.BytesIO()
    write_hidden_malware(file, size_bytes)

    least_bytes = 500  # what an archive has besides
    assert EICAR not in file.getvalue()
    assert file.tell() == size_bytes or size_bytes < file.tell() < least_bytes
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.read(archive.namelist()[-1]) == EICAR


def test_a_disk_that_fills_up_is_told_before_and_when_it_is_full(settings: Any) -> None:
    settings.MIN_FREE_BYTES = 0
    assert states(see(examine_disk)) == {"disk": "ok"}

    settings.MIN_FREE_BYTES = free_bytes() // 2
    assert states(see(examine_disk)) == {"disk": "warning"}

    settings.MIN_FREE_BYTES = free_bytes() * 2
    assert states(see(examine_disk)) == {"disk": "failed"}


def test_a_limit_of_the_system_that_is_too_small_is_told(settings: Any) -> None:
    assert states(see(examine_ulimits)) == {"ulimit": "ok"}

    settings.WEB_THREADS = 10**9
    seen = see(examine_ulimits)["ulimit"]

    assert str(seen.state) == "failed"
    assert "open files (-n) is limited to" in seen.told


def test_a_proxy_that_refuses_what_the_service_takes_is_told(settings: Any) -> None:
    with edge(free_port()) as port:
        url = f"http://127.0.0.1:{port}"
        assert states(see(edge_examination(url))) == {"edge": "ok"}

        settings.MAX_UPLOAD_BYTES = 25 * MIB + 1
        seen = see(edge_examination(url))["edge"]

    assert str(seen.state) == "failed"
    assert "client_max_body_size" in seen.remedy


def test_a_proxy_is_asked_only_when_it_is_named() -> None:
    assert states(see(edge_examination(None))) == {"edge": "skipped"}
    assert states(see(edge_examination(f"http://127.0.0.1:{free_port()}"))) == {"edge": "unknown"}


def test_a_disk_without_room_for_another_name_is_told(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MIN_FREE_BYTES = 0
    monkeypatch.setattr(limits, "MIN_FREE_INODES", 10**18)

    assert "inodes are free" in see(examine_disk)["disk"].told


def test_a_proxy_that_answers_something_else_is_told() -> None:
    with http.server.HTTPServer(
        ("127.0.0.1", 0), http.server.BaseHTTPRequestHandler
    ) as server:  # it knows no POST
        threading.Thread(target=server.handle_request, daemon=True).start()
        seen = see(edge_examination(f"http://127.0.0.1:{server.server_port}"))["edge"]

    assert (str(seen.state), seen.told) == ("failed", "answers an upload with 501")
