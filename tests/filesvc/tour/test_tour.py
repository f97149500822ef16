"""The tour, taken of real services: one that is as it should be, and some that are not."""

from __future__ import annotations

import contextlib
import http.server
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from filesvc.management.commands import tour
from filesvc.models import File, Token
from filesvc.tour import steps
from filesvc.tour.client import NoTour
from filesvc.tour.walk import take_tour
from tests import stack
from tests.config.fresh import run_python
from tests.conftest import kept_files
from tests.faults.living import Web, running_web
from tests.filesvc.processes import running_worker
from tests.security.conftest import free_port

pytestmark = pytest.mark.django_db(transaction=True)

MakeToken = Callable[..., str]
SMALL: dict[str, Any] = {"MAX_UPLOAD_BYTES": "1000000"}


@contextlib.contextmanager
def running_service(storage: Path, **settings: str) -> Iterator[Web]:
    """A web server and its worker."""
    told: dict[str, Any] = {"UPLOAD_RATE": "40/m", **SMALL, **settings}
    with running_web(storage, **told) as web, running_worker(storage):
        yield web


def lines_of(out: str) -> dict[str, str]:
    """The plain lines by the title of their step."""
    return {line[11:33].strip(): line for line in out.splitlines()}


def test_a_service_as_it_should_be_differs_in_nothing_and_is_left_as_it_was(
    storage: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with running_service(storage) as web:
        call_command("tour", url=web.url)

    out = capfd.readouterr().out
    lines = lines_of(out)
    assert [lines[step.title][:11].strip() for step in steps.STEPS] == ["ok"] * len(steps.STEPS)
    assert f"all {len(steps.STEPS)} steps at {web.url} as expected" in out
    assert "429 rate_limited" in lines["burst of uploads"]
    assert (File.objects.count(), Token.objects.count(), kept_files(storage)) == (0, 0, [])


def test_a_step_that_differs_is_named_and_the_exit_status_tells(
    storage: Path, make_token: MakeToken, capfd: pytest.CaptureFixture[str]
) -> None:
    token = make_token(scopes="upload,read")

    with running_service(storage) as web, pytest.raises(CommandError) as raised:
        call_command("tour", url=web.url, token=token)

    assert raised.value.returncode == 1
    out = capfd.readouterr().out
    assert lines_of(out)["all of it is deleted"].startswith("DIFFERS")
    assert "403 insufficient_scope" in lines_of(out)["all of it is deleted"]
    assert "1 of 16 steps differ" in out
    assert Token.objects.count() == 1


def test_files_that_nobody_processes_are_a_difference(
    storage: Path,
    make_token: MakeToken,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(steps, "PROCESSED_SECONDS", 0.3)

    with running_web(storage, UPLOAD_RATE="40/m", **SMALL) as web:
        assert take_tour(web.url, make_token()) is False

    lines = lines_of(capfd.readouterr().out)
    assert "queued after" in lines["photo is processed"]
    assert "409 file_not_ready, other bytes" in lines["text is handed out"]


def test_a_window_that_is_used_up_is_waited_for(
    storage: Path, make_token: MakeToken, capfd: pytest.CaptureFixture[str]
) -> None:
    with running_service(storage, UPLOAD_RATE="5/s") as web:
        assert take_tour(web.url, make_token()) is True

    assert "the window of this token is used up: waiting" in capfd.readouterr().out


def test_a_window_that_ends_tomorrow_ends_the_tour(
    storage: Path, make_token: MakeToken, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        running_service(storage, UPLOAD_RATE="2/d") as web,
        pytest.raises(NoTour, match="may upload again in"),
    ):
        take_tour(web.url, make_token())

    assert File.objects.count() == 0


def test_what_is_not_allowed_here_is_not_tried(
    storage: Path, make_token: MakeToken, capfd: pytest.CaptureFixture[str]
) -> None:
    allowed = "text/plain,application/pdf"
    with running_service(storage, ALLOWED_TYPES=allowed, UPLOAD_RATE="9999/m") as web:
        assert take_tour(web.url, make_token()) is True

    out = capfd.readouterr().out
    assert "image/jpeg is not taken here" in lines_of(out)["photo"]
    assert "9,999 uploads per window" in lines_of(out)["burst of uploads"]
    not_tried = [line for line in out.splitlines() if line.startswith("not tried")]
    assert len(not_tried) == 8
    assert "not tried: photo - image/jpeg is not taken here" in not_tried
    assert "not tried: burst of uploads - 9,999 uploads per window are allowed" in not_tried


def test_the_picture_shows_every_step_and_fetches_nothing(
    storage: Path, make_token: MakeToken, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with running_service(storage) as web:
        call_command("tour", url=web.url, token=make_token(), svg=tmp_path / "tour.svg")

    drawn = (tmp_path / "tour.svg").read_text().replace("&#160;", " ")
    assert all(step.title in drawn for step in steps.STEPS)
    assert "@font-face" not in drawn


def test_nobody_there_is_told_in_one_line(make_token: MakeToken) -> None:
    with pytest.raises(CommandError, match="does not answer") as raised:
        call_command("tour", url=f"http://127.0.0.1:{free_port()}", token=make_token())

    assert raised.value.returncode == 2


@pytest.mark.parametrize("content", [None, "no CA\n"])
def test_a_ca_that_is_none_is_told_in_one_line(
    make_token: MakeToken, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)

    with pytest.raises(CommandError, match="ca.pem holds no CA") as raised:
        call_command("tour", token=make_token(), ca=tmp_path / "ca.pem")

    assert raised.value.returncode == 2


def test_an_unknown_token_is_told_before_anything_is_sent(storage: Path) -> None:
    with (
        running_web(storage, **SMALL) as web,
        pytest.raises(CommandError, match="does not take the token: 401 invalid_token"),
    ):
        call_command("tour", url=web.url, token="0" * 64)


def test_somebody_else_who_answers_is_not_taken_for_the_service(make_token: MakeToken) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(NoTour, match="has no /policy/"):
            take_tour(f"http://127.0.0.1:{server.server_port}", make_token())
        server.shutdown()


class Stranger(http.server.BaseHTTPRequestHandler):
    """Answers everything with a greeting."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *args: Any) -> None:
        """Quiet."""


def test_the_tour_alone_needs_no_settings_and_no_django() -> None:
    program = "import sys, filesvc.tour.__main__; print('django' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=stack.ROOT,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout == "False\n"


def test_the_tour_alone_tells_by_its_exit_status(storage: Path, make_token: MakeToken) -> None:
    def run(url: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "filesvc.tour", "--url", url, "--token", make_token()]
        return subprocess.run(command, cwd=stack.ROOT, env={}, capture_output=True, text=True)

    with running_service(storage) as web:
        assert run(web.url).returncode == 0

    gone = run(web.url)
    assert (gone.returncode, gone.stdout) == (2, "")
    assert gone.stderr.startswith("no tour: http://127.0.0.1:")


@pytest.mark.parametrize(("columns", "has_remarks"), [("80", False), ("140", True)])
def test_a_terminal_sees_the_table_fill_itself(
    storage: Path,
    make_token: MakeToken,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    columns: str,
    *,
    has_remarks: bool,
) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm-256color"), ("COLUMNS", columns)):
        monkeypatch.setenv(name, value)

    with running_web(storage, UPLOAD_RATE="2/s", **SMALL) as web:
        assert take_tour(web.url, make_token(), steps=steps.STEPS[:4]) is True

    out = capfd.readouterr().out
    first = out[: out.index("201 queued")]
    assert "\x1b[" in first
    assert all(step.title in out for step in steps.STEPS[:4])
    assert ("remark" in out) is has_remarks
    assert "waiting" in out
    assert "all 4 steps" in out


def test_a_token_that_may_not_upload_differs_in_all_that_needs_a_file(
    storage: Path, make_token: MakeToken, capfd: pytest.CaptureFixture[str]
) -> None:
    with running_web(storage, **SMALL) as web:
        assert take_tour(web.url, make_token(scopes="read"), steps=steps.STEPS[:-1]) is False

    lines = lines_of(capfd.readouterr().out)
    assert "403 insufficient_scope" in lines["clean text"]
    assert "was not taken in" in lines["photo is processed"]
    assert "was not taken in" in lines["text is handed out"]
    assert lines["no token"].startswith("ok")


def test_a_database_that_is_away_is_told_without_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def issue(*_: Any) -> NoReturn:
        raise OperationalError("connection to server at 10.0.0.1 failed")

    monkeypatch.setattr(tour, "issue_token", issue)

    with pytest.raises(CommandError, match="the database says OperationalError$") as raised:
        call_command("tour")

    assert raised.value.returncode == 2


def test_without_a_database_a_token_must_be_given() -> None:
    told = run_python("manage.py", "tour")

    assert told.returncode == 2
    assert "no --token, and none could be made here" in told.stderr
