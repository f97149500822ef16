"""Users with think time: they send files, wait for them, look through lists, fetch and delete.

Locust runs it in an environment of its own, so nothing of ours is imported; tests.load.users
starts everything and says in the environment which files there are (FILES, a folder with
`index.json`), who may send (TOKENS) and where the figures go (FIGURES). Any answer but the
expected one is a failure.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import gevent
from locust import HttpUser, between, events, task

PROCESSED_SECONDS, POLL_SECONDS, PAGES = 60.0, (0.2, 1.0), 3
FOLDER = Path(os.environ["FILES"])
INDEX: list[dict[str, str]] = json.loads((FOLDER / "index.json").read_text())
CONTENTS = {each["name"]: (FOLDER / each["name"]).read_bytes() for each in INDEX}
TOKENS = itertools.cycle(os.environ["TOKENS"].split(","))
# EICAR is put together here, so that this file is not taken for it.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"
BAD: list[tuple[str, bytes, int, str]] = [
    ("note.exe", b"hello\n", 422, "extension_not_allowed"),
    ("note.png", b"hello\n", 422, "content_mismatch"),
    ("note.txt", EICAR, 422, "malware_detected"),
]
counts: Counter[str] = Counter()


@events.quitting.add_listener
def keep_figures(environment: Any, **_: Any) -> None:
    """What was taken, deleted and late, and a line for each kind of request."""
    lines = [
        {
            "request": f"{entry.method} {entry.name}",
            "answers": entry.num_requests,
            "unexpected": entry.num_failures,
            "per second": entry.total_rps,
            **{f"p{n} ms": entry.get_response_time_percentile(n / 100) for n in (50, 95, 99)},
        }
        for _, entry in sorted(environment.stats.entries.items())
    ]
    Path(os.environ["FIGURES"]).write_text(json.dumps({"lines": lines, "counts": counts}))


class Person(HttpUser):  # type: ignore[misc]  # Locust is not installed where types are checked
    """One user who thinks for a second or more between two steps."""

    wait_time = between(1, 3)

    def on_start(self) -> None:
        """Come with a token."""
        self.client.headers["Authorization"] = f"Bearer {next(TOKENS)}"

    @task(6)
    def send_and_fetch(self) -> None:
        """Send a file, wait until it is processed, fetch it, and sometimes delete it."""
        kind = random.choice(INDEX)
        content = CONTENTS[kind["name"]]
        if kind["type"] == "text/plain":
            content = f"{random.random()}\n".encode() + content
        made = self.send(kind, content)
        if made is None or not self.wait_processed(made["id"]):
            return
        self.think()
        with self.ask("GET", made["file"], "/files/[id]/content/") as answer:
            if answer.status_code != 200:
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")
            elif hashlib.sha256(answer.content).hexdigest() != made["sha256"]:
                answer.failure("other bytes came back")
        if random.random() < 0.3:
            self.think()
            self.delete(made["id"])

    @task(3)
    def look_through_the_list(self) -> None:
        """The newest files, page by page."""
        path = "/files/?page_size=20"
        for _ in range(PAGES):
            with self.ask("GET", path, "/files/") as answer:
                if answer.status_code != 200:
                    answer.failure(f"{answer.status_code}: {answer.text[:200]}")
                    return
                path = answer.json()["next"]
            if not path:
                return
            self.think()

    @task(1)
    def send_what_is_refused(self) -> None:
        """A wrong extension, bytes of another type, malware."""
        name, content, status, code = random.choice(BAD)
        form = {"file": (name, content)}
        with self.ask("POST", "/upload/", f"/upload/ ({code})", files=form) as answer:
            if (answer.status_code, answer.headers.get("X-Error-Code")) == (status, code):
                answer.success()
            else:
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")

    @task(1)
    def come_without_a_token(self) -> None:
        """Nobody in particular."""
        told = {"Authorization": ""}
        with self.ask("GET", "/files/", "/files/ (no token)", headers=told) as answer:
            if answer.status_code == 401:
                answer.success()
            else:
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")

    def send(self, kind: dict[str, str], content: bytes) -> dict[str, Any] | None:
        """The file as the service tells it; None when it was not taken."""
        form = {"file": (kind["name"], content, kind["type"])}
        with self.ask("POST", "/upload/", "/upload/", files=form) as answer:
            if answer.status_code != 201:
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")
                return None
            made: dict[str, Any] = answer.json()
            if made["sha256"] != hashlib.sha256(content).hexdigest():
                answer.failure("another digest")
                return None
        counts["taken"] += 1
        return made

    def wait_processed(self, file_id: str) -> bool:
        """Ask until it is processed."""
        end = time.monotonic() + PROCESSED_SECONDS
        while time.monotonic() < end:
            with self.ask("GET", f"/files/{file_id}/", "/files/[id]/") as answer:
                status = answer.json().get("status") if answer.status_code == 200 else None
                if status not in ("queued", "processing", "processed"):
                    answer.failure(f"{answer.status_code}: {answer.text[:200]}")
                    return False
            if status == "processed":
                return True
            gevent.sleep(random.uniform(*POLL_SECONDS))
        counts["late"] += 1
        return False

    def delete(self, file_id: str) -> None:
        """It is gone."""
        with self.ask("DELETE", f"/files/{file_id}/", "/files/[id]/") as answer:
            if answer.status_code == 204:
                counts["deleted"] += 1
            else:
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")

    def ask(self, method: str, path: str, name: str, **more: Any) -> Any:
        """One request, told under a name that all like it share."""
        return self.client.request(method, path, name=name, catch_response=True, timeout=60, **more)

    def think(self) -> None:
        """As long as people take."""
        gevent.sleep(random.uniform(0.5, 2))
