"""The service's own documents: its OpenAPI document is valid and whole, its page says the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

from config.version import read_version
from filesvc.documents import schema
from filesvc.models import Status
from filesvc.urls import urlpatterns
from tests.client import Answer, call, upload
from tests.errors.test_pages import BROWSER, browse
from tests.filesvc.conftest import MakeFile

Schema = dict[str, Any]
# Documents about the service, and numbers for operators; not the API itself.
UNDOCUMENTED = {"/schema/", "/docs/", "/metrics/"}


@pytest.fixture
def document() -> Schema:
    told: Schema = call("GET", "/schema/").json
    return told


def operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, told in document["paths"].items():
        for method, operation in told.items():
            yield method.upper(), path, operation


def find_all(node: Any, key: str) -> Iterator[Any]:
    """Every value under that key, at any depth."""
    if isinstance(node, dict):
        if key in node:
            yield node[key]
        for value in node.values():
            yield from find_all(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from find_all(value, key)


def assert_fits(answer: Answer, document: Schema, method: str, path: str) -> None:
    """The answer is one the document promises."""
    promised = document["paths"][path][method.lower()]["responses"][str(answer.status)]
    told = promised["content"][answer.headers["content-type"]]["schema"]
    jsonschema.validate(answer.json, {**document, **told})


def test_the_document_is_valid_openapi_3_1(document: Schema) -> None:
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    jsonschema.Draft202012Validator(OPENAPI_31).validate(document)


def test_every_schema_in_it_is_a_json_schema(document: Schema) -> None:
    schemas = list(find_all(document["paths"], "schema"))

    assert len(schemas) > 50
    for told in (*schemas, *document["components"]["schemas"].values()):
        jsonschema.Draft202012Validator.check_schema(told)


def test_every_reference_leads_somewhere(document: Schema) -> None:
    references = set(find_all(document, "$ref"))

    assert references
    for reference in references:
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_it_carries_the_version_of_the_service(document: Schema) -> None:
    assert (document["info"]["title"], document["info"]["version"]) == ("filesvc", read_version())


def test_every_route_is_documented_but_the_documents_themselves(document: Schema) -> None:
    names = [re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", str(route.pattern)) for route in urlpatterns]
    routes = {f"/{name.strip('^/?$')}/".replace("//", "/") for name in names}

    assert set(document["paths"]) == routes - UNDOCUMENTED


def test_every_operation_has_a_name_of_its_own_and_a_sentence(document: Schema) -> None:
    names = [told["operationId"] for _, _, told in operations(document)]

    assert len(set(names)) == len(names) == 13
    assert all(told["description"] for _, _, told in operations(document))


def test_every_variable_of_a_path_is_declared_and_required(document: Schema) -> None:
    for _, path, told in operations(document):
        declared = {
            parameter["name"]
            for parameter in told.get("parameters", [])
            if parameter["in"] == "path" and parameter["required"]
        }
        assert declared == set(re.findall(r"{(\w+)}", path))


def test_a_token_is_a_bearer_token(document: Schema) -> None:
    assert document["components"]["securitySchemes"] == {
        "token": {"type": "http", "scheme": "bearer"}
    }


def test_every_operation_names_the_scope_its_token_needs(document: Schema) -> None:
    scopes = {
        told["operationId"]: told["security"][0]["token"]
        for _, _, told in operations(document)
        if told["security"] != [{}]
    }

    assert scopes == {
        "upload_file": ["upload"],
        "reprocess_file": ["upload"],
        "list_files": ["read"],
        "show_file": ["read"],
        "download_file": ["read"],
        "show_preview": ["read"],
        "delete_file": ["delete"],
    }


def test_the_form_of_an_upload_must_be_sent_and_has_no_other_part(document: Schema) -> None:
    body = document["paths"]["/upload/"]["post"]["requestBody"]

    assert (body["required"], list(body["content"])) == (True, ["multipart/form-data"])
    form = body["content"]["multipart/form-data"]["schema"]
    assert (set(form["properties"]), form["required"]) == ({"file", "sha256"}, ["file"])
    assert form["additionalProperties"] is False


def test_the_parameters_of_the_list_are_the_ones_that_are_taken(
    db: None, document: Schema, token: str
) -> None:
    examples = {
        "page_size": "1",
        "cursor": "n" + "0" * 32,
        "processed": "true",
        "status": "queued",
        "media_type": "text/plain",
        "uploaded_after": "2026-01-31T12:00:00Z",
        "uploaded_before": "2026-01-31T12:00:00Z",
        "sha256": "0" * 64,
    }
    told = document["paths"]["/files/"]["get"]["parameters"]

    assert {parameter["name"] for parameter in told} == set(examples)
    for name, value in examples.items():
        assert call("GET", f"/files/?{name}={value}", token=token).status == 200


@pytest.mark.parametrize("status", Status.values)
def test_a_file_in_any_state_is_told_as_documented(
    document: Schema, make_file: MakeFile, make_token: Callable[..., str], status: str
) -> None:
    file = make_file(status=status)
    for scopes in ("read", "read,admin"):
        token = make_token(scopes=scopes)
        one = call("GET", file.path, token=token)
        assert_fits(one, document, "GET", "/files/{file_id}/")
        assert_fits(call("GET", "/files/", token=token), document, "GET", "/files/")


def test_an_accepted_upload_is_told_as_documented(db: None, document: Schema, token: str) -> None:
    answer = upload(token, b"hello")

    assert answer.status == 201
    assert_fits(answer, document, "POST", "/upload/")


@pytest.mark.parametrize("path", ["/", "/policy/", "/problems/", "/health/live/"])
def test_a_public_page_is_told_as_documented(document: Schema, path: str) -> None:
    assert_fits(call("GET", path), document, "GET", path)


def test_the_html_of_the_problems_is_documented_beside_their_json(document: Schema) -> None:
    for path in ("/problems/", "/problems/{code}/"):
        kinds = document["paths"][path]["get"]["responses"]["200"]["content"]
        assert set(kinds) == {"application/json", "text/html"}


def test_the_document_is_json_for_everybody_and_the_same_each_time() -> None:
    first, second = call("GET", "/schema/", headers=BROWSER), call("GET", "/schema")

    assert first.headers["content-type"] == "application/json"
    assert first.body == second.body == json.dumps(schema()).encode()


def test_the_page_tells_every_operation_with_its_answers(document: Schema) -> None:
    page = browse("/docs/")

    for method, path, told in operations(document):
        assert f"{method} {path}" in page.text
        for answer in told["responses"].values():
            assert answer.get("description", "").replace("`", "") in page.text


def test_the_page_tells_what_everything_that_may_be_sent_means(document: Schema) -> None:
    page = browse("/docs/")

    for _, _, told in operations(document):
        for parameter in told.get("parameters", []):
            text = parameter.get("description", "").replace("`", "")
            assert text, parameter["name"]
            assert f"{parameter['name']} ({parameter['in']}): {text}" in page.text
    assert "file (part of the form, required): The file, with its name." in page.text
    assert "sha256 (part of the form): SHA-256 of the file" in page.text
    assert "Needs a token with the scope upload." in page.text


def test_the_page_is_html_whatever_is_asked_for() -> None:
    answer = call("GET", "/docs/", headers={"Accept": "*/*"})

    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_the_page_leads_from_every_code_to_its_explanation(document: Schema) -> None:
    links = {value for name, value in browse("/docs/").attributes if name == "href"}

    codes = {code for told in find_all(document["paths"], "code") for code in told.get("enum", [])}
    assert {f"/problems/{code}" for code in codes} <= links
