"""The commands an operator types, tried as they are typed."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command, load_command_class
from hypothesis import given
from hypothesis import strategies as st

from config.env import Environment
from filesvc.management.commands.issue_token import parse_scopes
from filesvc.models import File, Token
from security.tokens import Scope
from tests import stack
from tests.client import call, upload
from tests.conftest import assert_problem
from tests.filesvc.conftest import Doorbell, MakeFile
from tests.filesvc.processes import database_url

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def run(*arguments: str) -> str:
    """What the command prints."""
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def issue(*arguments: str) -> str:
    return run("issue_token", *arguments).removesuffix("\n")


@pytest.mark.django_db
def test_a_token_is_printed_alone_and_works() -> None:
    token = issue("alice")

    assert re.fullmatch(r"[0-9a-f]{64}", token)
    assert upload(token, b"hello").status == 201
    assert File.objects.get().owner.username == "alice"


@pytest.mark.django_db
def test_a_token_may_upload_read_and_delete_for_ever_when_nothing_else_is_said() -> None:
    issue("alice")

    token = Token.objects.get()
    assert (token.scopes, token.expiry) == (["delete", "read", "upload"], None)


def test_the_help_names_every_scope_and_those_a_token_has_without_being_told() -> None:
    parser = load_command_class("filesvc", "issue_token").create_parser("manage.py", "issue_token")
    told = " ".join(parser.format_help().split())

    assert "some of upload,read,delete,admin; upload,read,delete when left out" in told


@pytest.mark.django_db
def test_two_tokens_of_one_name_speak_for_the_same_user() -> None:
    assert issue("alice") != issue("alice")

    assert get_user_model().objects.count() == 1
    assert Token.objects.count() == 2


@pytest.mark.django_db
def test_a_user_made_for_a_token_has_no_password_and_no_rights() -> None:
    issue("alice")

    user = get_user_model().objects.get()
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)
    assert not user.check_password("")


@pytest.mark.django_db
def test_a_token_has_the_scopes_it_was_issued_with() -> None:
    token = issue("alice", "--scopes", " read , admin,read")

    assert Token.objects.get().scopes == ["admin", "read"]
    assert call("GET", "/files/", token=token).status == 200
    assert_problem(upload(token, b"hello"), 403, "insufficient_scope")


@pytest.mark.property
@given(names=st.lists(st.sampled_from([*Scope, "root", "UPLOAD", "", " "]), max_size=6))
def test_scopes_are_known_and_told_once_or_refused(names: list[str]) -> None:
    wanted = {name.strip() for name in names} - {""}

    if wanted and wanted <= set(Scope):
        assert parse_scopes(",".join(names)) == sorted(wanted)
    else:
        with pytest.raises(CommandError, match="upload, read, delete, admin"):
            parse_scopes(",".join(names))


@pytest.mark.django_db
def test_a_lifetime_is_counted_in_hours() -> None:
    before = datetime.now(UTC)
    issue("alice", "--ttl-hours", "1.5")

    expiry = Token.objects.get().expiry
    assert timedelta(hours=1.5) <= expiry - before < timedelta(hours=1.6)


@pytest.mark.django_db
@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf", "1e9"])
def test_a_lifetime_that_is_none_is_refused_and_makes_nothing(hours: str) -> None:
    with pytest.raises(CommandError, match="--ttl-hours"):
        issue("alice", f"--ttl-hours={hours}")

    assert not Token.objects.exists()
    assert not get_user_model().objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "x" * 151, "a\tb", "a\nb"])
def test_a_name_that_could_not_be_listed_is_refused(name: str) -> None:
    with pytest.raises(CommandError, match="NAME"):
        issue(name)

    assert not get_user_model().objects.exists()


@pytest.mark.django_db
def test_the_list_tells_every_token_but_the_token_itself() -> None:
    tokens = [issue("alice"), issue("bob", "--scopes", "read", "--ttl-hours", "1")]

    rows = [line.split("\t") for line in run("list_tokens").splitlines()]

    assert [(key, user, scopes) for key, user, scopes, _, _ in rows] == [
        (tokens[0][:15], "alice", "delete,read,upload"),
        (tokens[1][:15], "bob", "read"),
    ]
    assert rows[0][4] == "never"
    assert datetime.fromisoformat(rows[1][4]) > datetime.fromisoformat(rows[1][3])
    assert not [token for token in tokens if token in run("list_tokens")]


@pytest.mark.django_db
@pytest.mark.parametrize("length", [15, 64])
def test_a_revoked_token_is_out_of_force_at_once(length: int) -> None:
    revoked, other = issue("alice"), issue("alice")
    assert call("GET", "/files/", token=revoked).status == 200

    run("revoke_token", revoked[:length])

    assert_problem(call("GET", "/files/", token=revoked), 401, "invalid_token")
    assert call("GET", "/files/", token=other).status == 200


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "nothing", "%", "0" * 64])
def test_a_key_that_fits_no_token_revokes_none(key: str) -> None:
    issue("alice")

    with pytest.raises(CommandError, match="no such token"):
        run("revoke_token", key)

    assert Token.objects.count() == 1


@pytest.mark.django_db
def test_one_sweep_repairs_and_ends(make_file: MakeFile, doorbell: Doorbell) -> None:
    waiting, lost = make_file(notified_at=LONG_AGO), make_file(attempts=5)

    run("sweep", "--once")

    assert doorbell.rung_for() == [waiting.id]
    lost.refresh_from_db()
    assert (lost.failure or {})["code"] == "processing_lost"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_sweeper_ends_well_when_it_is_told_to(
    make_file: MakeFile, doorbell: Doorbell, number: int
) -> None:
    file = make_file(notified_at=LONG_AGO)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "sweep"],
        cwd=stack.ROOT,
        env=os.environ | {"DATABASE_URL": database_url()},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stack.wait_until(lambda: doorbell.rung_for() == [file.id], 30, "the first round is done")
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()

    assert process.returncode == 0
    assert b"Traceback" not in errors


def test_every_setting_is_printed_with_its_sentence() -> None:
    text = run("print_env_example")

    names = re.findall(r"^(?:# )?([A-Z0-9_]+)=", text, re.MULTILINE)
    assert names == [name.upper() for name in Environment.model_fields]
    sentences = [f"# {field.description}\n" for field in Environment.model_fields.values()]
    assert not [sentence for sentence in sentences if sentence not in text]
    assert os.environ["SECRET_KEY"] not in text
