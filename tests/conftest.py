"""What every test may ask for: a private store, users and their tokens, the Problem's schema."""

from __future__ import annotations

import importlib
import json
import logging
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import structlog
from django.core import signals
from django.db import close_old_connections, connections
from hypothesis import HealthCheck, is_hypothesis_test, settings

from tests import stack
from tests.client import Answer

settings.register_profile(
    "dev",
    max_examples=50,
    deadline=None,
    derandomize=False,  # hypothesis turns chance off by itself where it sees a CI's variables
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# The same examples each time: chance looks for news in the dev profile, CI guards what is known.
settings.register_profile("ci", settings.get_profile("dev"), max_examples=100, derandomize=True)
# For `make long`: chance has hours to look for news in what strangers send.
settings.register_profile("long", settings.get_profile("dev"), max_examples=5000)
settings.load_profile("dev")

PROBLEM_SCHEMA = json.loads((Path(__file__).parent / "problem.schema.json").read_text())
# Made once: `jsonschema.validate` checks the schema itself each time, 60 times as long (measured).
PROBLEM = jsonschema.Draft202012Validator(PROBLEM_SCHEMA)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """SQLite in a file: a test's threads and processes must see the same database."""
    if stack.DATABASE == "sqlite":
        connections["default"].settings_dict["TEST"]["NAME"] = str(stack.RUN_DIR / "test.sqlite3")


@pytest.fixture(autouse=True, scope="session")
def celery_application() -> None:
    """Tasks belong to the application made last: ours, as in every entry point."""
    importlib.import_module("config.celery")


@pytest.fixture(autouse=True, scope="session")
def keep_connection_of_test() -> None:
    """A test's transaction holds its connection; Django would drop it after each request."""
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> Path:
    """A store of this test alone."""
    from filesvc.blobs import prepare_storage

    settings.STORAGE_ROOT = tmp_path / "storage"
    prepare_storage()
    return tmp_path / "storage"


@pytest.fixture(autouse=True, scope="session")
def no_canary_by_itself() -> None:
    """Scans that no test asked for would speak to the scanners that tests put up."""
    from security import canary

    canary.process_ends.set()


@pytest.fixture(autouse=True, scope="session")
def loaded_application(no_canary_by_itself: None) -> None:
    """It makes its folders when it is loaded, so not when a test has just taken one away."""
    import config.wsgi  # noqa: F401


@pytest.fixture(autouse=True)
def fresh_canary(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the scanner said of the canary in one test is not remembered in the next."""
    from security import canary

    monkeypatch.setattr(canary, "canary", canary.Canary())


@pytest.fixture(autouse=True)
def fresh_readiness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question for readiness is asked anew, so that a test sees what it has just done."""
    from filesvc import health

    monkeypatch.setattr(health, "GOOD_SECONDS", 0.0)
    monkeypatch.setattr(health.readiness, "_last", None)


@pytest.fixture(autouse=True)
def forget_lost_scanner(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scanner that another test took away is not believed to be gone in the next."""
    from errors.base import ServiceError
    from security import signatures

    if signatures._remembered and isinstance(signatures._remembered[1], ServiceError):
        monkeypatch.setattr(signatures, "_remembered", None)


@pytest.fixture(autouse=True)
def quiet_log_context() -> Iterator[None]:
    """No context of one test in the log lines of the next."""
    structlog.contextvars.clear_contextvars()
    yield
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def make_token(db: None) -> Callable[..., str]:
    """Make a token: `make_token("alice", "upload,read")`."""
    from django.contrib.auth import get_user_model

    from filesvc.models import Token

    def make(name: str = "alice", scopes: str = "upload,read,delete", **more: Any) -> str:
        user, _ = get_user_model().objects.get_or_create(username=name)
        _, token = Token.objects.create(user, scopes=scopes.split(","), name=name, **more)
        return str(token)

    return make


@pytest.fixture
def token(make_token: Callable[..., str]) -> str:
    """A token of alice with the default scopes."""
    return make_token()


@pytest.fixture
def servers() -> dict[str, stack.Server]:
    """The running servers, to freeze or stop; the fixture leaves them running."""
    return stack.SERVERS


@pytest.fixture
def log_lines() -> Iterator[list[str]]:
    """The lines that were logged, to the letter."""
    lines: list[str] = []
    formatter = logging.getLogger().handlers[0].formatter or logging.Formatter()

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(formatter.format(record))

    collector = Collector()
    logging.getLogger().addHandler(collector)
    yield lines
    logging.getLogger().removeHandler(collector)


@pytest.fixture
def log_events() -> Iterator[list[dict[str, Any]]]:
    """The JSON events that were logged, as they were written."""
    events: list[dict[str, Any]] = []
    formatter = logging.getLogger().handlers[0].formatter or logging.Formatter()

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            events.append(json.loads(formatter.format(record)))

    collector = Collector()
    logging.getLogger().addHandler(collector)
    yield events
    logging.getLogger().removeHandler(collector)


def assert_problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """The answer is the Problem of that code, whole and consistent with its headers."""
    assert (answer.status, answer.code) == (status, code), answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json
    PROBLEM.validate(problem)
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"/problems/{code}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert answer.headers.get("retry-after") == (
        str(problem["retry_after"]) if problem["retry_after"] else None
    )
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return problem


def assert_nothing_kept(storage: Path) -> None:
    """No row, no kept bytes, no staged bytes."""
    from filesvc.models import File

    assert File.objects.count() == 0
    assert kept_files(storage) == []


def kept_files(storage: Path) -> list[Path]:
    """Every file in the store, staged ones too."""
    return [path for path in storage.rglob("*") if path.is_file()]


def new_id() -> uuid.UUID:
    """An id nothing has."""
    return uuid.uuid4()


LONGEST = ("tests/model/test_promises.py", "tests/system/")


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that hypothesis drives is a property, whether or not it says so."""
    for item in items:
        if is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.property)


class LongestFirst:
    """A file stays with one process: a long one that came last would be waited for alone."""

    @staticmethod
    @pytest.hookimpl(trylast=True)  # after the order is drawn
    def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
        """The order of everything else stays as it is."""
        items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_configure(config: pytest.Config) -> None:
    """One module has one hook of a name."""
    config.pluginmanager.register(LongestFirst())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test printed may hold lone surrogates; between processes only UTF-8 travels."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report
