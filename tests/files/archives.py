"""ZIP archives: as programs write them, and with any one field set to a lie."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

MIB = 1024 * 1024


def deflate(content: bytes) -> bytes:
    """One raw deflate stream."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


@dataclass
class Member:
    """One entry; what is given beside name and content replaces the truth.

    A field `local_...` differs in the local header alone.
    """

    name: bytes
    content: bytes = b""
    method: int = 8
    flags: int = 0
    attributes: int = 0
    extra: bytes = b""
    payload: bytes | None = None
    told_bytes: int | None = None
    told_packed_bytes: int | None = None
    crc: int | None = None
    offset: int | None = None
    local_name: bytes | None = None
    local_method: int | None = None
    local_flags: int | None = None
    local_sizes: tuple[int, int, int] | None = None
    local_extra: bytes = b""
    descriptor: bytes = b""

    def packed(self) -> bytes:
        if self.payload is not None:
            return self.payload
        return deflate(self.content) if self.method == 8 else self.content

    def sizes(self) -> tuple[int, int, int]:
        """CRC, packed and unpacked bytes as the directory tells them."""
        crc = zlib.crc32(self.content) if self.crc is None else self.crc
        packed, whole = self.told_packed_bytes, self.told_bytes
        return (
            crc,
            len(self.packed()) if packed is None else packed,
            len(self.content) if whole is None else whole,
        )

    def local(self) -> bytes:
        """Local header, content and descriptor."""
        name = self.name if self.local_name is None else self.local_name
        flags = self.flags if self.local_flags is None else self.local_flags
        method = self.method if self.local_method is None else self.local_method
        sizes = self.sizes() if self.local_sizes is None else self.local_sizes
        numbers = (20, flags, method, 0, 33, *sizes, len(name), len(self.local_extra))
        head = struct.pack("<4s5H3L2H", b"PK\3\4", *numbers)
        return head + name + self.local_extra + self.packed() + self.descriptor

    def placed(self, offset: int) -> bytes:
        """A ZIP64 field that says how large it is, and where its local header stands."""
        _, packed_bytes, whole_bytes = self.sizes()
        return struct.pack("<HH3Q", 1, 24, whole_bytes, packed_bytes, offset)

    def record(self, offset: int) -> bytes:
        """The record of the directory."""
        offset = offset if self.offset is None else self.offset
        return (
            struct.pack(
                "<4s6H3L5H2L",
                *(b"PK\1\2", 0x0314, 20, self.flags, self.method, 0, 33, *self.sizes()),
                *(len(self.name), len(self.extra), 0, 0, 0, self.attributes, offset),
            )
            + self.name
            + self.extra
        )


def placed_twice(*others: Member, shown: Member, hidden: Member) -> bytes:
    """An archive whose last record has two ZIP64 fields; readers believe the first or the last.

    What the first one leads to lies in another member, which is stored as it is.
    """
    carrier = Member(b"carrier.bin", hidden.local(), method=0)
    before = b"".join(member.local() for member in others)
    inside = len(before) + len(carrier.local()) - len(carrier.content)
    places = hidden.placed(inside) + shown.placed(len(before) + len(carrier.local()))
    full = 0xFFFFFFFF
    wide = replace(shown, told_bytes=full, told_packed_bytes=full, offset=full)
    last = replace(wide, extra=places, local_sizes=shown.sizes())
    return pack(*others, carrier, last)


def streamed(name: bytes, content: bytes, form: str = "<4s3L", **more: object) -> Member:
    """An entry whose sizes follow its content; `form` is that of its data descriptor."""
    member = Member(name, content, flags=8, local_sizes=(0, 0, 0), **more)  # type: ignore[arg-type]  # options of several types
    signature = (b"PK\7\x08",) if form.startswith("<4s") else ()
    member.descriptor = struct.pack(form, *signature, *member.sizes())
    return member


def pack(
    *members: Member,
    between: bytes = b"",
    before_end: bytes = b"",
    comment: bytes = b"",
    is_zip64: bool = False,
) -> bytes:
    """An archive of these, with foreign bytes where they are given."""
    body, records = b"", b""
    for member in members:
        if body:
            body += between
        records += member.record(len(body))
        body += member.local()
    return close_archive(
        body, records + before_end, len(records), len(members), comment, is_zip64=is_zip64
    )


def close_archive(
    body: bytes,
    directory: bytes,
    directory_bytes: int,
    entries: int,
    comment: bytes = b"",
    *,
    is_zip64: bool = False,
) -> bytes:
    """Content, directory and end records."""
    told = (entries, entries, directory_bytes, len(body))
    large = b""
    if is_zip64:
        start = len(body) + len(directory)
        large = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, *told)
        large += struct.pack("<4sLQL", b"PK\6\7", 0, start, 1)
        told = (0xFFFF, 0xFFFF, 0xFFFFFFFF, len(body))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *told, len(comment))
    return body + directory + large + end + comment


def rewrite(
    archive: bytes,
    *,
    replace: dict[str, str | bytes] | None = None,
    leave_out: tuple[str, ...] = (),
    order: Callable[[str], int | str] | None = None,
    method: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """The same archive with some parts replaced or added, left out, or in another order."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        parts: dict[str, str | bytes] = {name: source.read(name) for name in source.namelist()}
    parts |= replace or {}
    with zipfile.ZipFile(target, "w", method) as packed:
        for name in sorted(parts, key=order) if order else parts:
            if name not in leave_out:
                packed.writestr(name, parts[name])
    return target.getvalue()


# --- bombs ----------------------------------------------------------------------------


def deflated_zeros(mebibytes: int) -> bytes:
    """That many MiB of zeros as deflate, about 1 KB each, of which only one is ever held."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * mebibytes + packer.flush()


def flat_bomb(mebibytes: int = 1024, told_bytes: int | None = None) -> bytes:
    """One member of zeros, which tells its size or another one."""
    told = mebibytes * MIB if told_bytes is None else told_bytes
    return pack(Member(b"zeros", payload=deflated_zeros(mebibytes), told_bytes=told, crc=0))


def gzipped_zeros(mebibytes: int) -> bytes:
    """A gzip file of zeros; its length and CRC are wrong, but they come last."""
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + deflated_zeros(mebibytes) + bytes(8)


def nested(levels: int, innermost: bytes = b"hello", name: str = "inner.zip") -> bytes:
    """An archive in an archive, so many levels in all."""
    content = pack(Member(b"a.txt", innermost))
    for _ in range(levels - 1):
        content = pack(Member(name.encode(), content))
    return content


def quoted_overlap(entries: int = 50, kernel_mebibytes: int = 1) -> bytes:
    """Entries that share one kernel, each quoting the headers after it (Fifield, WOOT 2019)."""
    payload, content = deflated_zeros(kernel_mebibytes), bytes(kernel_mebibytes * MIB)
    crc, told, body, starts = zlib.crc32(content), len(content), b"", []
    members: list[Member] = []
    for number in reversed(range(entries)):
        member = Member(b"%d" % number, payload=payload, told_bytes=told, crc=crc)
        head = member.local()[: -len(payload)]
        body = head + payload
        starts.append(len(body))
        members.append(member)
        # A stored block, not the last one, whose content is the header just made.
        payload = struct.pack("<BHH", 0, len(head), len(head) ^ 0xFFFF) + body
        crc, told = _crc_of(payload), told + len(head)
    records = b"".join(
        member.record(len(body) - start) for member, start in zip(members, starts, strict=True)
    )
    return close_archive(body, records, len(records), entries)


def _crc_of(payload: bytes) -> int:
    return zlib.crc32(zlib.decompress(payload, -15))


def crowd(entries: int) -> bytes:
    """A directory of that many empty entries."""
    members = (Member(b"%d" % number, method=0) for number in range(entries))
    local, records, position = [], [], 0
    for member in members:
        local.append(member.local())
        records.append(member.record(position))
        position += len(local[-1])
    directory = b"".join(records)
    return close_archive(
        b"".join(local), directory, len(directory), entries, is_zip64=entries > 0xFFFE
    )
