"""Tells an encrypted office file, which is an OLE container, from other OLE files.

MS-OFFCRYPTO 2.3: the container's directory names a stream `EncryptedPackage`. libmagic has one
name for all of them, and ClamAV 1.4 calls such a file clean (measured).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator

from errors import catalogue
from security.structure.marks import refuse_marks

SIGNATURE = bytes.fromhex("d0cf11e0a1b11ae1")
STREAM_NAME = "EncryptedPackage".encode("utf-16-le")
# Far more than the dozen entries such a container has, of 128 bytes each.
DIRECTORY_READ_BYTES = 64 * 1024


def is_encrypted_office_file(descriptor: int) -> bool:
    """True when the directory, read where the header says it begins, names the stream."""
    header = os.pread(descriptor, 512, 0)
    if not header.startswith(SIGNATURE) or len(header) < 512:
        return False
    shift: int = struct.unpack_from("<H", header, 30)[0]
    sector: int = struct.unpack_from("<L", header, 48)[0]
    if shift not in (9, 12):  # MS-CFB 2.2: sectors of 512 or 4096 bytes
        return False
    return STREAM_NAME in os.pread(descriptor, DIRECTORY_READ_BYTES, (sector + 1) << shift)


def refuse_encrypted(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of an OLE file as they are, unless the name of the stream is in them.

    Raises EncryptedContent.
    """
    refusal = catalogue.EncryptedContent(note="encrypted office file in an archive")
    return refuse_marks(pieces, (STREAM_NAME,), refusal)
