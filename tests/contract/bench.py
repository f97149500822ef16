"""What a provocation may use: a client, its rows, and the means to break what we depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from filesvc import sandbox
from filesvc.models import File
from filesvc.sandbox import stop_sandbox
from filesvc.tasks import process_file
from tests.client import Answer, call, file_part, form, post_form, upload
from tests.contract.conftest import Outage
from tests.filesvc.conftest import MakeFile
from tests.filesvc.describing import ODD
from tests.security.fake_clamd import FakeClamd, Script
from tests.stack import Server

NOTE = file_part(b"hello")


@dataclass
class Bench:
    """One client, alice, and everything round her; remembers the last request."""

    token: str
    make_token: Callable[..., str]
    make_file: MakeFile
    settings: Any
    patch: pytest.MonkeyPatch
    servers: dict[str, Server]
    without_database: Outage
    storage: Path
    asked: tuple[str, str] = field(default=("", ""))

    def ask(self, method: str, path: str, **more: Any) -> Answer:
        """One request, with alice's token unless another is given."""
        self.asked = method, path.partition("?")[0]
        return call(method, path, **({"token": self.token} | more))

    def upload(self, content: bytes = b"hello", name: str = "note.txt", **more: Any) -> Answer:
        """One file."""
        self.asked = "POST", "/upload/"
        return upload(self.token, content, name, **more)

    def post(self, *parts: tuple[str, bytes], body: bytes | None = None, **more: Any) -> Answer:
        """One form of these parts, or this body."""
        self.asked = "POST", "/upload/"
        return post_form(self.token, form(*parts) if body is None else body, **more)

    def upload_told(self, verdict: bytes) -> Answer:
        """One file, on which a scanner says this."""
        with FakeClamd(Script([verdict])) as scanner:
            self.settings.CLAMD_ADDRESS = scanner.address
            return self.upload()

    def fail_syscall(self, name: str, error: Exception) -> None:
        """From now on this function of `os` fails."""

        def fail(*args: Any, **more: Any) -> Any:
            raise error

        self.patch.setattr(f"os.{name}", fail)

    def described_oddly(self, behaviour: str) -> Answer:
        """One file after a confined process that does what the file says, and dies of it."""
        stop_sandbox()
        self.patch.setattr(sandbox, "PROGRAM", ODD)
        return self.processed(self.make_file(behaviour.encode()))

    def processed(self, file: File) -> Answer:
        """The file after a worker was told of it."""
        process_file(str(file.id))
        return self.ask("GET", file.path)
