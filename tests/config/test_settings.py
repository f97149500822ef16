"""Django's settings: what the environment decides, and what nothing may switch on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.client import call
from tests.config.fresh import run_python
from tests.conftest import assert_problem
from tests.stack import DATABASE, ROOT

SHOW = (
    "import json, sys, config.settings as s;"
    "print(json.dumps({n: getattr(s, n) for n in sys.argv[1:]}, default=str))"
)


def settings_with(*names: str, **environment: str) -> dict[str, Any]:
    """These settings, as a process with that environment has them."""
    ran = run_python("-c", SHOW, *names, **environment)
    assert ran.returncode == 0, ran.stderr
    shown: dict[str, Any] = json.loads(ran.stdout)
    return shown


def test_an_address_may_send_ten_times_what_a_token_may() -> None:
    shown = settings_with("UPLOAD_RATE", "ADDRESS_RATE", UPLOAD_RATE="7/h")

    assert shown == {"UPLOAD_RATE": "7/h", "ADDRESS_RATE": "70/h"}


def test_the_rate_of_an_address_can_be_set_on_its_own() -> None:
    shown = settings_with("ADDRESS_RATE", UPLOAD_RATE="7/h", ADDRESS_RATE="8/m")

    assert shown == {"ADDRESS_RATE": "8/m"}


def test_two_threads_stay_free_of_uploads() -> None:
    shown = settings_with("WEB_THREADS", "MAX_WAITING_CLIENTS", WEB_THREADS="4")

    assert shown == {"WEB_THREADS": 4, "MAX_WAITING_CLIENTS": 2}


def test_no_variable_turns_debugging_on() -> None:
    shown = settings_with("DEBUG", DEBUG="1", DJANGO_DEBUG="1")

    assert shown == {"DEBUG": False}


def test_a_bad_setting_ends_the_start_with_one_line_and_no_traceback() -> None:
    ran = run_python("-c", SHOW, UPLOAD_RATE="hunter2hunter2")

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == ("setting UPLOAD_RATE: must look like 60/m: a count, then s, m, h or d\n")


def test_the_settings_agree_with_each_other() -> None:
    ran = run_python("manage.py", "check", "--fail-level", "WARNING")

    assert ran.returncode == 0, ran.stderr


def test_unknown_types_are_refused_at_the_start() -> None:
    ran = run_python("manage.py", "check", ALLOWED_TYPES="image/png,image/unheard-of")

    assert ran.returncode == 1
    assert "ALLOWED_TYPES names unknown types: image/unheard-of" in ran.stderr


def test_the_example_is_printed_by_the_command_its_first_line_names() -> None:
    ran = run_python("manage.py", "print_env_example")

    assert ran.stdout == (ROOT / ".env.example").read_text()


def test_sqlite_writes_ahead_durably_and_locks_before_it_reads(tmp_path: Path) -> None:
    ran = run_python(
        "-c",
        "import django; django.setup()\n"
        "from django.db import connection as c\n"
        "with c.cursor() as cursor:\n"
        "    for name in ('journal_mode', 'synchronous', 'busy_timeout'):\n"
        "        print(cursor.execute(f'PRAGMA {name}').fetchone()[0])\n"
        "print(c.transaction_mode)\n",
        DATABASE_URL=f"sqlite:///{tmp_path}/db.sqlite3",
        DJANGO_SETTINGS_MODULE="config.settings",
    )

    # FULL is 2: a commit is on the disk before the client hears of it.
    assert ran.stdout.split() == ["wal", "2", "10000", "IMMEDIATE"], ran.stderr


@pytest.mark.django_db
@pytest.mark.skipif(DATABASE != "postgresql", reason="asks PostgreSQL")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statement_timeout", "10s"),
        ("lock_timeout", "3s"),
        ("idle_in_transaction_session_timeout", "30s"),
    ],
)
def test_no_query_waits_for_ever(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        assert cursor.fetchone() == (value,)


# --- what clients see of them --------------------------------------------------------------


@pytest.mark.parametrize("path", ["/upload", "/upload/"])
def test_a_post_is_never_redirected(path: str) -> None:
    answer = call("POST", path)

    assert_problem(answer, 401, "authentication_required")
    assert "location" not in answer.headers


def test_a_format_in_the_query_changes_nothing() -> None:
    assert call("GET", "/policy/?format=xml").headers["content-type"] == "application/json"


def test_options_tells_nothing_but_the_methods() -> None:
    answer = call("OPTIONS", "/policy/")

    problem = assert_problem(answer, 405, "method_not_allowed")
    assert set(problem["meta"]["allowed"]) <= {"GET", "HEAD"}


@pytest.mark.parametrize("cookie", ["sessionid=abc", "csrftoken=abc; sessionid=abc"])
def test_a_cookie_is_no_authentication(cookie: str) -> None:
    answer = call("POST", "/upload/", headers={"Cookie": cookie, "X-CSRFToken": "abc"})

    assert_problem(answer, 401, "authentication_required")


@pytest.mark.parametrize("host", ["testserver.evil", "evil", "testserver@evil", ".testserver"])
def test_only_the_named_hosts_are_served(host: str) -> None:
    assert_problem(call("GET", "/policy/", headers={"Host": host}), 400, "invalid_host")


def test_a_forwarded_host_neither_helps_nor_harms() -> None:
    helped = call("GET", "/policy/", headers={"Host": "evil", "X-Forwarded-Host": "testserver"})
    harmed = call("GET", "/policy/", headers={"X-Forwarded-Host": "evil"})

    assert_problem(helped, 400, "invalid_host")
    assert harmed.status == 200
