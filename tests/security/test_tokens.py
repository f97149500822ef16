"""A bearer token in its header, its scopes, and nothing else, opens a route."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from errors import catalogue
from filesvc.models import File, Token
from filesvc.urls import urlpatterns
from filesvc.views import ServiceView
from security.tokens import HasScope, Scope, TokenAuthentication, find_token
from tests.client import Answer, call, file_part, form, post_form, upload
from tests.conftest import assert_problem
from tests.security.conftest import Watched

pytestmark = pytest.mark.django_db

MakeToken = Callable[..., str]
ONE_DAY = datetime.timedelta(days=1)
UNKNOWN = "00000000-0000-7000-8000-000000000000"
SCOPES = [scope.value for scope in Scope]
ROUTES = [
    ("POST", "/upload/", "upload"),
    ("GET", "/files/", "read"),
    ("HEAD", "/files/", "read"),
    ("GET", f"/files/{UNKNOWN}/", "read"),
    ("DELETE", f"/files/{UNKNOWN}/", "delete"),
    ("GET", f"/files/{UNKNOWN}/content/", "read"),
]


def told(answer: Answer) -> tuple[int, bytes, dict[str, str]]:
    """Everything an answer says but its own id."""
    request_id = answer.headers["x-request-id"]
    headers = {name: text for name, text in answer.headers.items() if name != "x-request-id"}
    return answer.status, answer.body.replace(request_id.encode(), b"-"), headers


# --- one token ------------------------------------------------------------------------


def test_a_token_speaks_for_its_user(token: str) -> None:
    found = find_token(f"Bearer {token}")

    assert (found.user.username, found.scopes) == ("alice", ["upload", "read", "delete"])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_schemes_case_does_not_matter(token: str, scheme: str) -> None:
    header = {"Authorization": f"{scheme} {token}"}

    assert call("GET", "/files/", headers=header).status == 200


def test_a_token_is_found_in_one_query(token: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert find_token(f"Bearer {token}").user.is_active


@pytest.mark.parametrize("kind", ["unknown", "malformed", "expired"])
def test_a_bad_token_costs_one_query_too(
    kind: str, make_token: MakeToken, django_assert_num_queries: Any
) -> None:
    expired = make_token(expiry=datetime.timedelta(seconds=-1))
    header = {"unknown": "Bearer " + "0" * 64, "malformed": "huh", "expired": f"Bearer {expired}"}

    with (
        django_assert_num_queries(1),
        pytest.raises((catalogue.InvalidToken, catalogue.TokenExpired)),
    ):
        find_token(header[kind])


def test_a_request_asks_for_its_token_once(token: str, make_token: MakeToken) -> None:
    for _ in range(5):
        make_token("alice")  # knox would look at all of them
    with CaptureQueriesContext(connection) as queries:
        call("GET", f"/files/{UNKNOWN}/", token=token)

    assert len([query for query in queries if "filesvc_token" in query["sql"]]) == 1


def test_a_token_is_kept_as_its_hash_alone(token: str) -> None:
    row = Token.objects.values().get()

    assert token not in str(row)
    assert len(row["digest"]) == 128


# --- what is refused ------------------------------------------------------------------


def test_no_header_asks_for_a_token() -> None:
    answer = call("GET", "/files/")

    assert_problem(answer, 401, "authentication_required")
    assert answer.headers["www-authenticate"] == 'Bearer realm="filesvc"'


def test_every_bad_token_gets_the_same_answer(make_token: MakeToken) -> None:
    revoked, disabled = make_token("revoked"), make_token("disabled")
    Token.objects.filter(user__username="revoked").delete()
    get_user_model().objects.filter(username="disabled").update(is_active=False)
    headers = {
        "revoked": f"Bearer {revoked}",
        "disabled": f"Bearer {disabled}",
        "disabled and expired": f"Bearer {make_token('disabled', expiry=-ONE_DAY)}",
        "unknown": "Bearer " + "0" * 64,
        "short": "Bearer x",
        "empty": "",
        "no token": "Bearer",
        "two tokens": f"Bearer {revoked} {disabled}",
        "other scheme": f"Token {revoked}",
        "basic": "Basic YTpi",
        "not ASCII": "Bearer \xe9\xff",
        "long": "Bearer " + "a" * 10_000,
    }
    answers = {
        name: call("GET", "/files/", headers={"Authorization": header})
        for name, header in headers.items()
    }

    problem = assert_problem(answers["unknown"], 401, "invalid_token")
    assert problem["errors"] == []
    assert 'error="invalid_token"' in answers["unknown"].headers["www-authenticate"]
    expected = told(answers["unknown"])
    assert {name: told(answer) for name, answer in answers.items()} == dict.fromkeys(
        headers, expected
    )


def test_an_expired_token_says_so_and_is_not_deleted(make_token: MakeToken) -> None:
    expired = make_token(expiry=-ONE_DAY)
    for _ in range(2):
        answer = call("GET", "/files/", token=expired)
        assert_problem(answer, 401, "token_expired")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]

    assert Token.objects.count() == 1


def test_a_token_works_until_it_expires(make_token: MakeToken) -> None:
    assert call("GET", "/files/", token=make_token(expiry=ONE_DAY)).status == 200


@pytest.mark.parametrize("scheme", ["Token", "Basic", "Digest", "", "BearerX"])
def test_a_good_token_under_another_scheme_is_refused(token: str, scheme: str) -> None:
    answer = call("GET", "/files/", headers={"Authorization": f"{scheme} {token}"})

    assert_problem(answer, 401, "invalid_token")


@pytest.mark.parametrize("words", ["Bearer {} x", "Bearer {},", "Bearer {}\n", "x Bearer {}", "{}"])
def test_a_good_token_among_other_words_is_refused(token: str, words: str) -> None:
    answer = call("GET", "/files/", headers={"Authorization": words.format(token)})

    assert_problem(answer, 401, "invalid_token")


def test_a_token_in_the_query_or_a_cookie_opens_nothing(token: str) -> None:
    for query in (f"token={token}", f"access_token={token}", f"auth={token}"):
        assert_problem(call("GET", f"/files/?{query}"), 401, "authentication_required")
    for cookie in (f"sessionid={token}", f"token={token}", f"Authorization=Bearer {token}"):
        answer = call("GET", "/files/", headers={"Cookie": cookie})
        assert_problem(answer, 401, "authentication_required")


@pytest.mark.parametrize("header", [None, "Bearer bad"])
def test_the_upload_of_a_stranger_is_not_read(header: str | None) -> None:
    body = form(file_part(b"x" * 1_000_000))
    stream = Watched(body)
    environ = {} if header is None else {"HTTP_AUTHORIZATION": header}

    answer = post_form(None, body, stream=stream, **environ)

    assert answer.status == 401
    assert answer.headers["connection"] == "close"
    assert stream.read_bytes == 0


@pytest.mark.property
@given(
    st.text(st.characters(max_codepoint=255), max_size=60)
    | st.builds("Bearer {}".format, st.text(st.characters(max_codepoint=255), max_size=60))
)
def test_no_text_but_the_token_opens_a_route(token: str, header: str) -> None:
    answer = call("GET", "/files/", headers={"Authorization": header})

    assert_problem(answer, 401, "invalid_token")


@pytest.mark.property
@given(at=st.integers(0, 63), letter=st.sampled_from("0123456789abcdefABCDEFg"))
def test_a_token_with_another_letter_is_another_token(token: str, at: int, letter: str) -> None:
    changed = token[:at] + letter + token[at + 1 :]

    status = call("GET", "/files/", token=changed).status
    assert status == (200 if changed == token else 401)


def test_a_failure_of_the_framework_would_be_answered_with_401_too() -> None:
    request = Request(APIRequestFactory().get("/"))

    assert TokenAuthentication().authenticate_header(request) == 'Bearer realm="filesvc"'


# --- scopes ---------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_a_route_opens_for_its_scope_and_no_other(
    method: str, path: str, scope: str, make_token: MakeToken
) -> None:
    for size in range(len(SCOPES) + 1):
        for scopes in itertools.combinations(SCOPES, size):
            token = make_token("alice", ",".join(scopes))
            answer = call(method, path, token=token, CONTENT_TYPE="multipart/form-data; boundary=b")
            if scope in scopes:
                assert answer.status not in (401, 403), (scopes, answer.body)
                continue
            assert (answer.status, answer.code) == (403, "insufficient_scope"), scopes
            assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
            if method != "HEAD":
                assert answer.json["meta"] == {"required_scope": scope}


def test_a_refused_scope_reads_nothing(make_token: MakeToken, no_drain: None) -> None:
    stream = Watched(body := form(file_part(b"x" * 100_000)))

    answer = post_form(make_token("reader", "read"), body, stream=stream)

    assert_problem(answer, 403, "insufficient_scope")
    assert stream.read_bytes == 0


def test_admin_sees_everyones_files_and_others_only_theirs(make_token: MakeToken) -> None:
    upload(make_token("alice"), b"one")
    path = File.objects.get().path

    assert call("GET", path, token=make_token("alice")).status == 200
    assert_problem(call("GET", path, token=make_token("bob")), 404, "not_found")
    seen = call("GET", path, token=make_token("carol", "read,admin"))
    assert (seen.status, seen.json["owner"]) == (200, "alice")


class Careless(ServiceView):
    """A view whose author forgot the scope of one verb."""

    scopes = {"GET": Scope.READ}

    def get(self, request: Request) -> Response:
        return Response({})

    def post(self, request: Request) -> Response:
        return Response({})


def test_a_verb_without_a_scope_lets_nobody_through(make_token: MakeToken) -> None:
    headers: Any = {"HTTP_AUTHORIZATION": f"Bearer {make_token('alice', ','.join(SCOPES))}"}
    requests = APIRequestFactory()

    assert Careless.as_view()(requests.get("/", **headers)).status_code == 200
    assert Careless.as_view()(requests.post("/", **headers)).status_code == 403
    assert Careless.as_view()(requests.put("/", **headers)).status_code == 405


def test_every_route_is_public_or_names_a_scope_for_each_verb() -> None:
    for pattern in urlpatterns:
        view = pattern.callback.view_class  # type: ignore[attr-defined]  # inside the library
        if view.authentication_classes == ():
            continue
        assert HasScope in view.permission_classes, view
        verbs = {name.upper() for name in view.http_method_names if hasattr(view, name)}
        assert verbs - {"HEAD", "OPTIONS"} == set(view.scopes), view
