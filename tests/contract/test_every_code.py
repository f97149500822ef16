"""Every code of the catalogue, provoked over HTTP, and declared for the operation it came from."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from errors.catalogue import CATALOGUE
from filesvc.documents import schema
from filesvc.models import File
from filesvc.stores.places import FILES
from security.upload import STAGING
from tests.client import Answer
from tests.conftest import assert_problem
from tests.contract.bench import Bench
from tests.contract.conftest import Outage
from tests.contract.provocations import PROVOKED, TABLES
from tests.filesvc.conftest import MakeFile
from tests.stack import Server
from tests.system.edge import edge, scripted_server, silent_server, talk
from tests.system.test_edge import ASKING, WIRE, read_problem

Service = Callable[[], AbstractContextManager[int]]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]

# Nothing of ours raises these: they are the proxy's own words, to a request and a service.
EDGE_ONLY: dict[str, tuple[bytes, Service]] = {
    "bad_request": (WIRE["garbage"][0], silent_server),
    "not_implemented": (WIRE["unknown coding"][0], silent_server),
    "http_version_unsupported": (WIRE["unknown version"][0], silent_server),
    "bad_gateway": (ASKING["page"], partial(scripted_server, lambda request: b"")),
    "gateway_timeout": (ASKING["page"], silent_server),
    "permission_denied": (WIRE["metrics"][0], silent_server),
}
OUTAGE = [pytest.mark.django_db(transaction=True)]
every_code = pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, marks=OUTAGE if code == "database_unavailable" else [])
        for code in sorted(set(CATALOGUE) - set(EDGE_ONLY))
    ],
)


@pytest.fixture
def bench(
    *,
    token: str,
    make_token: Any,
    make_file: MakeFile,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    servers: dict[str, Server],
    without_database: Outage,
    storage: Path,
) -> Bench:
    return Bench(
        token, make_token, make_file, settings, monkeypatch, servers, without_database, storage
    )


@every_code
def test_a_code_is_provoked_as_it_is_declared(code: str, bench: Bench) -> None:
    answer = PROVOKED[code](bench)

    if CATALOGUE[code].status < 400:
        assert_failure(answer, code)
    else:
        assert_answered(answer, code)
    assert_declared(answer, *bench.asked)


def assert_answered(answer: Answer, code: str) -> None:
    error = CATALOGUE[code]
    problem = assert_problem(answer, error.status, code)
    assert (problem["title"], problem["retryable"]) == (error.title, error.retryable)
    assert (problem["retry_after"] is not None) is error.retryable
    assert set(problem["meta"]) == set(error.meta_names())


def assert_failure(answer: Answer, code: str) -> None:
    error = CATALOGUE[code]
    assert answer.status == 200, answer.body
    assert (answer.json["status"], answer.json["processed"]) == ("failed", False)
    failure = answer.json["failure"]
    assert (failure["code"], failure["type"]) == (code, f"/problems/{code}")
    assert (failure["title"], failure["retryable"]) == (error.title, error.retryable)
    assert re.fullmatch("[0-9a-f]{32}", failure["origin_request_id"])


def assert_declared(answer: Answer, method: str, path: str) -> None:
    """The document promises this status and this body; for a method it has not, all its own do."""
    operations = operations_of(path)
    asked = operations.get(method.lower())
    for operation in [asked] if asked else operations.values():
        told = operation["responses"][str(answer.status)]["content"]
        promised = told[answer.headers["content-type"]]["schema"]
        # The whole document, so that what the schema refers to is found.
        jsonschema.validate(answer.json, {**schema(), **promised})


def operations_of(path: str) -> dict[str, Any]:
    for route, operations in schema()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route) + "?", path):
            return {name: told for name, told in operations.items() if name != "parameters"}
    raise AssertionError(f"no operation at {path}")


@pytest.mark.parametrize("code", sorted(set(PROVOKED) - {"database_unavailable"}))
def test_an_upload_that_ends_in_an_error_leaves_as_many_bytes_as_rows(
    code: str, bench: Bench
) -> None:
    answer = PROVOKED[code](bench)

    if answer.status >= 400:
        kept = [path for path in (bench.storage / FILES).rglob("*") if path.is_file()]
        assert sorted(path.name for path in kept) == sorted(
            file.id.hex for file in File.objects.all()
        )
    assert list((bench.storage / STAGING).iterdir()) == []


def test_no_code_is_without_its_provocation_and_none_is_provoked_twice() -> None:
    assert set(PROVOKED) | set(EDGE_ONLY) == set(CATALOGUE)
    assert not set(PROVOKED) & set(EDGE_ONLY)
    assert len(PROVOKED) == sum(len(table) for table in TABLES)


@pytest.mark.parametrize("code", sorted(EDGE_ONLY))
def test_a_code_of_the_edge_is_provoked_through_the_edge(code: str) -> None:
    request, service = EDGE_ONLY[code]
    with service() as upstream, edge(upstream, read_seconds=1) as port:
        answer = talk(port, request)

    problem, error = read_problem(answer), CATALOGUE[code]
    told = problem["code"], problem["status"], problem["title"], problem["retryable"]
    assert told == (code, error.status, error.title, error.retryable)
    assert set(problem["meta"]) == set(error.meta_names())
    assert not re.search(rb"nginx/[0-9]|granian|python", answer, re.IGNORECASE)
