"""Are the limits consistent? Tested by sending what must pass, not by reading configurations."""

from __future__ import annotations

import contextlib
import http.client
import os
import resource
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from django.conf import settings

from filesvc.doctor.finding import Finding, State, fail, ok, warn
from filesvc.head_room import free_bytes
from security.canary import eicar
from security.clamd_client import ClamdClient, scanner_faults
from security.malware import ask_clamd
from security.signatures import ask_version
from security.size import MULTIPART_OVERHEAD_BYTES
from security.upload import STAGING

CHUNK_BYTES = 1024 * 1024
EDGE_SECONDS = 10
ROOMY = 4
MIN_FREE_INODES = 1000
# Sockets of the clients and their files, connections and the libraries of each process.
DESCRIPTORS_PER_THREAD = 8
DESCRIPTORS_BESIDE = 256
CLAMD_REMEDY = (
    "render clamd's configuration from docker/clamd.conf.template (start it by `make run` or by "
    "its container), so that MAX_UPLOAD_BYTES fits it"
)
# Of clamd's replies, those that name the limit that was met.
LIMITS_BY_REPLY = {
    b"INSTREAM size limit exceeded": "StreamMaxLength is below MAX_UPLOAD_BYTES",
    b"Limits.Exceeded.MaxFileSize": "MaxFileSize is below MAX_UPLOAD_BYTES",
    b"Limits.Exceeded.MaxScanSize": "MaxScanSize is below what a packed file of that size holds",
    b"Limits.Exceeded.MaxScanTime": "MaxScanTime is too short for a file of that size",
    b": OK\0": "clamd calls it clean: it does not look into files of that size to their end",
}


def examine_largest_file() -> Iterator[Finding]:
    """clamd finds malware at the very end of the largest file, by the way that uploads take."""
    yield _probe("largest file", ask_clamd)


def examine_largest_stream() -> Iterator[Finding]:
    """The same by INSTREAM, which has a limit of its own (StreamMaxLength)."""

    def ask_by_stream(descriptor: int) -> bytes:
        with scanner_faults():
            client = ClamdClient(settings.CLAMD_ADDRESS, settings.SCAN_TIMEOUT_SECONDS)
            return client.scan_stream(descriptor)

    yield _probe("largest stream", ask_by_stream)


def _probe(name: str, ask: Callable[[int], bytes]) -> Finding:
    """MaxScanSize counts what is unpacked too, so the file is an archive with EICAR as its last."""
    ask_version()  # whoever does not answer this, in two seconds, is not worth the wait
    with _staged() as file:
        write_hidden_malware(file, settings.MAX_UPLOAD_BYTES)
        file.flush()
        size_bytes, reply = file.tell(), ask(file.fileno())
    if b"EICAR" in reply.upper() and reply.endswith(b"FOUND\0"):
        return ok(name, f"malware at the end of {size_bytes:,} bytes is found")
    met = (sentence for mark, sentence in LIMITS_BY_REPLY.items() if mark in reply)
    return fail(name, next(met, f"clamd says {reply[:100]!r}"), CLAMD_REMEDY)


def write_hidden_malware(file: BinaryIO, size_bytes: int) -> None:
    """An archive of exactly that size, or of the least it can have, whose last member is EICAR."""
    _write_archive(file, 0)
    padding_bytes = max(0, size_bytes - file.tell())
    file.seek(0)
    file.truncate()
    _write_archive(file, padding_bytes)


def _write_archive(file: BinaryIO, padding_bytes: int) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        with archive.open("padding", "w", force_zip64=True) as member:
            whole, rest = divmod(padding_bytes, CHUNK_BYTES)
            for _ in range(whole):
                member.write(bytes(CHUNK_BYTES))
            member.write(bytes(rest))
        # Packed: as it is, it would be found without unpacking anything.
        archive.writestr("last.txt", eicar(), zipfile.ZIP_DEFLATED)
    file.seek(0, os.SEEK_END)


@contextlib.contextmanager
def _staged() -> Iterator[BinaryIO]:
    """Without a name, where uploads are staged: the scanner may not be able to read elsewhere."""
    folder = Path(settings.STORAGE_ROOT) / STAGING
    with tempfile.TemporaryFile(dir=folder) as file:
        yield file


def examine_disk() -> Iterator[Finding]:
    """Room for uploads where they are staged."""
    free, least = free_bytes(), settings.MIN_FREE_BYTES
    told = f"{free:,} bytes are free, uploads are refused below {least:,}"
    inodes = os.statvfs(settings.STORAGE_ROOT)
    if free < least:
        yield fail("disk", told, "make room, or give STORAGE_ROOT a larger disk")
    elif free < ROOMY * least:
        yield warn("disk", told, "make room before it is full")
    elif inodes.f_files and inodes.f_favail < MIN_FREE_INODES:
        yield warn("disk", f"{inodes.f_favail} inodes are free", "remove small files")
    else:
        yield ok("disk", told)


def examine_ulimits() -> Iterator[Finding]:
    """What a process started from here may open, write and hold."""
    needed = {
        "open files (-n)": (
            resource.RLIMIT_NOFILE,
            DESCRIPTORS_BESIDE + DESCRIPTORS_PER_THREAD * settings.WEB_THREADS,
        ),
        "file size (-f)": (resource.RLIMIT_FSIZE, settings.MAX_UPLOAD_BYTES),
        "address space (-v)": (resource.RLIMIT_AS, settings.PROCESSING_MEMORY_BYTES),
    }
    for name, (what, least) in needed.items():
        limit, _ = resource.getrlimit(what)
        if limit != resource.RLIM_INFINITY and limit < least:
            told = f"{name} is limited to {limit:,}, {least:,} are needed"
            yield fail("ulimit", told, "raise it with ulimit where the service is started")
        else:
            yield ok("ulimit", f"{name} is enough")


def edge_examination(url: str | None) -> Callable[[], Iterator[Finding]]:
    """Examines the proxy in front at `url`, if there is one to ask."""

    def examine_edge() -> Iterator[Finding]:
        if url is None:
            skipped = "not asked: --url tells where the proxy in front answers"
            yield Finding("edge", State.SKIPPED, skipped)
        else:
            yield _ask_edge(url)

    return examine_edge


def _ask_edge(url: str) -> Finding:
    """By the length alone: whoever accepts it either asks for the body or for a token."""
    largest = settings.MAX_UPLOAD_BYTES + MULTIPART_OVERHEAD_BYTES
    status = _status_for_length(url, largest)
    if status == http.client.REQUEST_ENTITY_TOO_LARGE:
        return fail(
            "edge",
            f"refuses a request of {largest:,} bytes, which the service takes",
            "raise client_max_body_size to MAX_UPLOAD_BYTES and 16 KiB more",
        )
    if status not in (http.client.CONTINUE, http.client.UNAUTHORIZED):
        return fail("edge", f"answers an upload with {status}", "look into the proxy's log")
    return ok("edge", f"lets a request of {largest:,} bytes pass")


def _status_for_length(url: str, length_bytes: int) -> int:
    """The first status for an upload of that length, of which no byte is sent."""
    told = urlsplit(url)
    kind = http.client.HTTPSConnection if told.scheme == "https" else http.client.HTTPConnection
    connection = kind(told.hostname or "", told.port, timeout=EDGE_SECONDS)
    with contextlib.closing(connection):
        connection.putrequest("POST", "/upload/")
        connection.putheader("Content-Type", "multipart/form-data; boundary=none")
        connection.putheader("Content-Length", str(length_bytes))
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        # Not getresponse(): it waits for what comes after the 100.
        with connection.sock.makefile("rb") as answer:
            words = answer.readline(200).split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
