"""A program that describes a file before anybody asked, instead of saying that it is ready."""

from __future__ import annotations

import socket
import sys
from multiprocessing.connection import Connection

from filesvc.frames import Told
from filesvc.metadata import FileMetadata

if __name__ == "__main__":
    answers = Connection(socket.socket(fileno=int(sys.argv[1])).detach())
    told = Told(metadata=FileMetadata(size=1, media_type="text/plain", sha256=""))
    answers.send_bytes(told.model_dump_json().encode())
    answers.recv_bytes()
