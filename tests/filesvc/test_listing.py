"""The list: newest first, in pages that hold while files come and go."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
import uuid_utils.compat
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import assume, given
from hypothesis import strategies as st

from filesvc.models import File, Status
from tests.client import Answer, call
from tests.filesvc.conftest import MakeFile, new_row
from tests.stack import DATABASE

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 1, tzinfo=UTC)
DIGESTS = ["a" * 64, "b" * 64]
TYPES = ["text/plain", "image/png"]


def add_files(count: int, owner: str = "alice", **more: Any) -> list[str]:
    """Ids of new files, the oldest first."""
    user, _ = get_user_model().objects.get_or_create(username=owner)
    rows = [new_row(id=uuid_utils.compat.uuid7(), owner=user, **more) for _ in range(count)]
    File.objects.bulk_create(rows)
    return [str(row.id) for row in rows]


def list_files(token: str, **query: Any) -> Answer:
    return call("GET", f"/files/?{urlencode(query)}", token=token)


def walk(token: str, answer: Answer, direction: str) -> Iterator[Answer]:
    """The pages that follow in one direction; an endless list is an error."""
    for _ in range(50):
        if answer.json[direction] is None:
            return
        answer = call("GET", answer.json[direction], token=token)
        yield answer
    raise AssertionError("the pages have no end")


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [row["id"] for row in answer.json["results"]]


@pytest.mark.property
@given(
    count=st.integers(min_value=0, max_value=12),
    page_size=st.integers(min_value=1, max_value=5),
    arrivals=st.lists(st.integers(min_value=0, max_value=3), max_size=4),
    departures=st.sets(st.integers(min_value=0, max_value=11), max_size=3),
)
def test_pages_hold_every_file_once_in_order_while_files_come_and_go(
    token: str, count: int, page_size: int, arrivals: list[int], departures: set[int]
) -> None:
    File.objects.all().delete()
    there = add_files(count)[::-1]
    gone = {there[place] for place in departures if place < count}
    answer = list_files(token, page_size=page_size)
    seen = [ids(answer)]
    for arriving in arrivals:
        add_files(arriving)
    File.objects.filter(id__in=gone).delete()

    seen += [ids(page) for page in walk(token, answer, "next")]

    told = [id for page in seen for id in page]
    assert told == [id for id in there if id in seen[0] or id not in gone]
    assert all(len(page) == page_size for page in seen[:-1])


@pytest.mark.property
@given(
    count=st.integers(min_value=1, max_value=12),
    page_size=st.integers(min_value=1, max_value=5),
    arriving=st.integers(min_value=0, max_value=4),
)
def test_previous_walks_back_over_every_file_once(
    token: str, count: int, page_size: int, arriving: int
) -> None:
    File.objects.all().delete()
    there = add_files(count)[::-1]
    first = list_files(token, page_size=page_size)
    assert first.json["previous"] is None
    *_, last = [first, *walk(token, first, "next")]
    there = add_files(arriving)[::-1] + there

    # With a single page there was no step forward, so there is none back.
    assume(count > page_size or not arriving)
    pages = [last, *walk(token, last, "previous")]

    assert [id for page in reversed(pages) for id in ids(page)] == there


def test_next_and_previous_lead_to_the_same_pages(token: str) -> None:
    add_files(5)
    first = list_files(token, page_size=2, processed="false")
    second = call("GET", first.json["next"], token=token)
    back = call("GET", second.json["previous"], token=token)

    assert (ids(back), back.json["previous"]) == (ids(first), None)
    assert ids(call("GET", back.json["next"], token=token)) == ids(second)


@pytest.mark.parametrize("path", ["/files", "/files/"])
def test_next_is_a_path_that_keeps_the_query(token: str, path: str) -> None:
    add_files(3)

    told = call(
        "GET", f"{path}?page_size=2&status=queued", token=token, headers={"Host": "localhost"}
    )

    target, _, query = told.json["next"].partition("?")
    assert target == path
    assert parse_qs(query)["page_size"] == ["2"]
    assert parse_qs(query)["status"] == ["queued"]


def test_an_empty_list_has_no_neighbours(token: str) -> None:
    assert list_files(token).json == {"next": None, "previous": None, "results": []}


def test_fifty_files_are_a_page_when_nothing_else_is_said(token: str) -> None:
    add_files(51)

    assert len(ids(list_files(token))) == 50
    assert len(ids(list_files(token, page_size=200))) == 51


DAYS = st.integers(0, 2)
FILTERS: dict[str, st.SearchStrategy[Any]] = {
    "processed": st.sampled_from(["true", "false"]),
    "status": st.sampled_from(Status.values),
    "media_type": st.sampled_from([*TYPES, "audio/mpeg"]),
    "uploaded_after": DAYS,
    "uploaded_before": DAYS,
    "sha256": st.sampled_from(DIGESTS),
}
QUESTIONS = st.sets(st.sampled_from(sorted(FILTERS)), max_size=3).flatmap(
    lambda names: st.fixed_dictionaries({name: FILTERS[name] for name in names})
)
ROWS = st.fixed_dictionaries(
    {
        "status": st.sampled_from(Status.values),
        "media_type": st.sampled_from(TYPES),
        "uploaded_at": DAYS.map(lambda day: START + timedelta(days=day)),
        "sha256": st.sampled_from(DIGESTS),
    }
)


@pytest.mark.property
@given(rows=st.lists(ROWS, max_size=8), asked=QUESTIONS)
def test_filters_leave_exactly_the_files_that_fit_all_of_them(
    token: str, rows: list[dict[str, Any]], asked: dict[str, Any]
) -> None:
    File.objects.all().delete()
    for row in rows:
        (row["id"],) = add_files(1, **row)
    days = {name: START + timedelta(days=asked[name]) for name in asked if name.startswith("up")}

    def fits(row: dict[str, Any]) -> bool:
        return (
            asked.get("processed") in (None, str(row["status"] == "processed").lower())
            and asked.get("status") in (None, row["status"])
            and asked.get("media_type") in (None, row["media_type"])
            and asked.get("sha256") in (None, row["sha256"])
            and ("uploaded_after" not in days or row["uploaded_at"] > days["uploaded_after"])
            and ("uploaded_before" not in days or row["uploaded_at"] < days["uploaded_before"])
        )

    answer = list_files(token, **(asked | {name: day.isoformat() for name, day in days.items()}))

    assert ids(answer) == [row["id"] for row in reversed(rows) if fits(row)]


def test_a_client_sees_its_own_files_and_the_admin_scope_everyones(make_token: Any) -> None:
    mine, other = add_files(2, "alice"), add_files(2, "bob")

    assert ids(list_files(make_token("alice", "read"))) == mine[::-1]
    assert ids(list_files(make_token("bob", "read"))) == other[::-1]
    assert ids(list_files(make_token("alice", "read,admin"))) == (mine + other)[::-1]


def test_two_tokens_of_one_owner_see_the_same_files(make_token: Any) -> None:
    mine = add_files(2, "alice")

    assert ids(list_files(make_token("alice", "read"))) == mine[::-1]
    assert ids(list_files(make_token("alice", "read,delete"))) == mine[::-1]


@pytest.mark.parametrize("scopes", ["read", "read,admin"])
def test_a_long_list_takes_as_many_queries_as_a_short_one(make_token: Any, scopes: str) -> None:
    token = make_token("alice", scopes)
    counts = set()
    for more in (1, 30):
        add_files(more, "alice")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert list_files(token).status == 200
        counts.add(len(queries))

    assert counts == {2}


def test_a_cursor_of_a_file_that_is_gone_still_leads_on(token: str, make_file: MakeFile) -> None:
    old = make_file()
    position = uuid.UUID(add_files(1)[0]).hex
    File.objects.exclude(id=old.id).delete()

    assert ids(list_files(token, cursor=f"n{position}")) == [str(old.id)]


@pytest.mark.skipif(DATABASE == "sqlite", reason="PostgreSQL's planner is the one that counts")
@pytest.mark.parametrize("everyone", [False, True])
def test_a_page_deep_in_the_list_is_read_from_an_index_alone(everyone: bool) -> None:
    positions = [position for owner in ("alice", "bob") for position in add_files(3000, owner)]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE filesvc_file")
    user = get_user_model().objects.get(username="alice")
    visible = File.objects.visible_to(user, everyone=everyone)

    page = visible.filter(id__lt=positions[1500]).order_by("-id")[:51]

    plan = page.explain()
    assert "Index Scan" in plan, plan
    assert not {"Sort", "Seq Scan"} & set(re.findall(r"Sort|Seq Scan", plan)), plan
