"""The service's own documents: its errors, its OpenAPI schema and a page to read it on."""

from __future__ import annotations

import functools
import json
import re
import threading
from collections.abc import Iterator
from html import escape
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from errors import pages
from errors.catalogue import CATALOGUE, NotFound
from errors.openapi import describes
from filesvc.metadata import metadata_schema
from filesvc.renderers import HtmlRenderer, JsonRenderer, ProblemRenderer
from filesvc.views import PublicView

_CODE = re.compile("`([a-z_]+)`")
_generating = threading.Lock()
JSON, HTML = "application/json", "text/html"
PROBLEM_CODE = OpenApiParameter(
    "code",
    {"type": "string", "pattern": "^[^/]+$"},
    OpenApiParameter.PATH,
    description="The `code` of an error.",
)


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the package has no types
    """How our tokens are told in the document."""

    target_class = "security.tokens.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """RFC 6750."""
        return {"type": "http", "scheme": "bearer"}

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[Any]]:
        """The scope that the verb needs."""
        return {"token": [str(auto_schema.view.scopes[auto_schema.method])]}


class DocumentView(PublicView):
    """Something to read: JSON by default, HTML for a client that prefers it."""

    renderer_classes = (JsonRenderer, ProblemRenderer, HtmlRenderer)


class ProblemListView(DocumentView):
    """GET /problems/ lists every error."""

    @describes(
        answers={200: dict, (200, HTML): str}, needs_token=False, operation_id="list_problems"
    )
    def get(self, request: Request) -> HttpResponse:
        """Every error this service can answer with."""
        return answer(request, {"problems": pages.summarise_all()}, pages.render_list)


class ProblemView(DocumentView):
    """GET /problems/{code}/ explains one error."""

    @describes(
        answers={200: dict, (200, HTML): str},
        errors=(NotFound,),
        needs_token=False,
        operation_id="explain_problem",
        parameters=[PROBLEM_CODE],
    )
    def get(self, request: Request, code: str) -> HttpResponse:
        """What one error means, what to do about it, and an example."""
        error = CATALOGUE.get(code)
        if error is None:
            raise NotFound()
        return answer(request, pages.explain(error), lambda: pages.render_one(error))


class SchemaView(PublicView):
    """GET /schema/: the OpenAPI document."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """OpenAPI 3.1 as JSON."""
        return HttpResponse(schema_text(), content_type=JSON)


class DocsView(DocumentView):
    """GET /docs/: the OpenAPI document as a page, without a script."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Operations, their answers and their errors."""
        return html_answer(render_docs())


def answer(request: Request, told: dict[str, Any], render: Any) -> HttpResponse:
    """The document in the form the client prefers."""
    if request._request.get_preferred_type([JSON, HTML]) == HTML:
        return html_answer(render())
    return HttpResponse(json.dumps(told), content_type=JSON)


def html_answer(text: str) -> HttpResponse:
    """A page of ours, with the policy that fits it."""
    response = HttpResponse(text, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = pages.CONTENT_POLICY
    response.headers["Vary"] = "Accept"
    return response


def schema() -> dict[str, Any]:
    """The OpenAPI document; it does not change while the process runs."""
    # The generator is not safe to run twice at once, and a cache alone lets it.
    with _generating:
        return _generate()


@functools.cache
def _generate() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # the package has no types
    generated: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]  # the package has no types
    # An upload without a body is no upload; the generator cannot be told.
    generated["paths"]["/upload/"]["post"]["requestBody"]["required"] = True
    generated["components"]["schemas"].update(metadata_schema()["$defs"])
    return generated


@functools.cache
def schema_text() -> str:
    """The same as JSON."""
    return json.dumps(schema())


@functools.cache
def render_docs() -> str:
    """Every operation with what it takes and what it answers."""
    sections = [
        _render_operation(method, path, operation)
        for path, operations in schema()["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
    ]
    lead = (
        "<p>The machine-readable form, with the form of each answer, is "
        '<a href="/schema/">/schema/</a>; the errors are explained at '
        '<a href="/problems/">/problems/</a>. A token is sent as '
        "<code>Authorization: Bearer &lt;token&gt;</code>.</p>"
    )
    return pages.render_page("API", lead + "".join(sections))


def _render_operation(method: str, path: str, operation: dict[str, Any]) -> str:
    inputs = "".join(f"<li>{item}</li>" for item in _render_inputs(operation))
    answers = "".join(
        f"<tr><td>{status}</td><td>{_render_answer(status, told)}</td></tr>"
        for status, told in sorted(operation["responses"].items())
    )
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p>{_render_text(operation.get('description', ''))}{_render_scope(operation)}</p>"
        f"{f'<ul>{inputs}</ul>' if inputs else ''}<table>{answers}</table>"
    )


def _render_scope(operation: dict[str, Any]) -> str:
    """Which token is asked for, if any."""
    scopes = [scope for told in operation["security"] for scope in told.get("token", [])]
    return f" Needs a token with the scope <code>{escape(scopes[0])}</code>." if scopes else ""


def _render_inputs(operation: dict[str, Any]) -> Iterator[str]:
    """Each parameter, and each part of the form: its name, its place and its meaning."""
    for item in operation.get("parameters", []):
        yield _render_input(item["name"], item["in"], item)
    for body in operation.get("requestBody", {}).get("content", {}).values():
        for name, part in body["schema"]["properties"].items():
            needed = ", required" if name in body["schema"]["required"] else ""
            yield _render_input(name, f"part of the form{needed}", part)


def _render_input(name: str, place: str, told: dict[str, Any]) -> str:
    meaning = _render_text(told.get("description", ""))
    return f"<code>{escape(name)}</code> ({place}){f': {meaning}' if meaning else ''}"


def _render_text(text: str) -> str:
    """What stands between backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _render_answer(status: str, told: dict[str, Any]) -> str:
    """What the document says of an answer, its codes linked to their pages."""
    text = escape(told.get("description") or HTTPStatus(int(status)).phrase)
    return _CODE.sub(r'<a href="/problems/\1"><code>\1</code></a>', text)
