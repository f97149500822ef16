"""Settings from outside: typed, checked with one clear line each, and listed for operators."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.env import BASE_DIR, Environment, env_files, print_example, read_environment
from tests.config.fresh import REQUIRED

NAMES = [name.upper() for name in Environment.model_fields]
Setter = Callable[..., Environment]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FILESVC_ENV_FILES", "")


def read_with(**settings: str) -> Environment:
    """The settings as they are with these in the process environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        return read_environment()


def refusal_of(**settings: str) -> list[str]:
    """The lines with which these settings are refused."""
    with pytest.raises(SystemExit) as ended:
        read_with(**settings)
    return str(ended.value.code).splitlines()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("MAX_UPLOAD_BYTES", "1048576", 1048576),
        ("SCAN_TIMEOUT_SECONDS", "2.5", 2.5),
        ("SIGNATURE_UPDATES", "false", False),
        ("SIGNATURE_UPDATES", "1", True),
        ("REQUIRE_OFFICIAL_SIGNATURES", "true", True),
        ("STORAGE_ROOT", "/srv/files", Path("/srv/files")),
        ("UPLOAD_RATE", "5/s", "5/s"),
        ("ADDRESS_RATE", "999999999/d", "999999999/d"),
        ("ADDRESS_RATE", "", None),
        ("CLAMD_ADDRESS", "tcp://clamav:3310", "tcp://clamav:3310"),
        ("ALLOWED_HOSTS", " a.example , b.example,", ["a.example", "b.example"]),
        ("ALLOWED_TYPES", "", []),
        ("TRUSTED_PROXIES", "10.0.0.0/8, ::1", [ip_network("10.0.0.0/8"), ip_network("::1")]),
        ("LOG_LEVEL", "DEBUG", "DEBUG"),
        ("WEB_THREADS", "4", 4),
        ("S3_ENDPOINT_URL", "https://minio:9000", "https://minio:9000"),
    ],
)
def test_each_kind_of_setting_is_read_as_its_type(name: str, text: str, value: Any) -> None:
    assert getattr(read_with(**{name: text}), name.lower()) == value


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_setting_is_named(name: str) -> None:
    # Empty counts as missing, as in a file whose lines are still to be filled in.
    assert refusal_of(**{name: ""}) == [f"setting {name}: is not set"]


def test_every_mistake_is_told_at_once() -> None:
    assert refusal_of(SECRET_KEY="", WEB_THREADS="3", LOG_LEVEL="loud") == sorted(
        [
            "setting LOG_LEVEL: String should match pattern '^(DEBUG|INFO|WARNING|ERROR)$'",
            "setting SECRET_KEY: is not set",
            "setting WEB_THREADS: Input should be greater than or equal to 4",
        ]
    )


BAD = [
    ("SECRET_KEY", "hunter2hunter2"),
    ("DATABASE_URL", "hunter2hunter2"),
    ("DATABASE_URL", "mysql://u:hunter2hunter2@h/x"),
    ("DATABASE_URL", "postgres://u:hunter2hunter2@h:port/x"),
    ("BROKER_URL", "http://:hunter2hunter2@h"),
    ("CACHE_URL", "hunter2hunter2"),
    ("CLAMD_ADDRESS", "tcp://hunter2hunter2"),
    ("CLAMD_ADDRESS", "hunter2hunter2:3310"),
    ("CLAMD_ADDRESS", "unix:/run/hunter2hunter2\n"),
    ("TRUSTED_PROXIES", "10.0.0.0/8,hunter2hunter2"),
    ("SENTRY_DSN", "hunter2hunter2"),
    ("SENTRY_DSN", "https://key@host/hunter2hunter2"),
    ("LOG_LEVEL", "hunter2hunter2"),
    ("MAX_UPLOAD_BYTES", "hunter2hunter2"),
    ("MAX_UPLOAD_BYTES", "0"),
    ("MAX_UPLOAD_BYTES", str(2**31)),
    ("UPLOAD_RATE", "hunter2hunter2"),
    ("UPLOAD_RATE", "0/m"),
    ("UPLOAD_RATE", "60/m\n"),
    ("AUTH_FAILURE_RATE", "60/w"),
    ("SCAN_TIMEOUT_SECONDS", "0"),
    ("SCAN_TIMEOUT_SECONDS", "inf"),
    ("SIGNATURE_UPDATES", "hunter2hunter2"),
    ("WEB_WORKERS", "0"),
    ("WORKER_CONCURRENCY", "2.5"),
    ("S3_BUCKET", "HUNTER2hunter2"),
    ("S3_ENDPOINT_URL", "https://u:hunter2hunter2@h"),
    ("S3_ENDPOINT_URL", "https://h/hunter2hunter2"),
    ("S3_ADDRESSING_STYLE", "hunter2hunter2"),
    ("S3_ENCRYPTION", "hunter2hunter2"),
    ("S3_READ_TIMEOUT_SECONDS", "0"),
    ("AWS_SECRET_ACCESS_KEY", "hunter2 hunter2"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_refused_in_one_line_that_does_not_repeat_it(name: str, value: str) -> None:
    lines = refusal_of(**{name: value})

    assert len(lines) == 1
    assert re.fullmatch(rf"setting {name}: [ -~]{{8,}}", lines[0])
    assert "hunter2" not in lines[0]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
TYPED = sorted(set(NAMES) - {"STORAGE_ROOT", "ALLOWED_HOSTS", "ALLOWED_TYPES"})


@pytest.mark.property
@given(name=st.sampled_from(TYPED), junk=TEXT)
def test_junk_is_refused_by_name_and_never_repeated(name: str, junk: str) -> None:
    # Short, because any text is a secret key when it is long enough.
    lines = refusal_of(**{name: f"\x1b[{junk[:20]}hunter2"})

    assert [line.partition(":")[0] for line in lines] == [f"setting {name}"]
    assert "hunter2" not in lines[0]
    assert "\x1b" not in lines[0]


@pytest.mark.property
@given(text=st.from_regex(r"[0-9]{0,11}/?[smhdwx]?\n?", fullmatch=True).filter(bool))
def test_a_rate_is_a_count_and_a_unit_and_nothing_else(text: str) -> None:
    count, _, unit = text.partition("/")
    is_rate = unit in ("s", "m", "h", "d") and count.isdigit() and not count.startswith("0")

    if is_rate and len(count) <= 9:
        assert read_with(UPLOAD_RATE=text).upload_rate == text
    else:
        assert refusal_of(UPLOAD_RATE=text)


ITEMS = st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), min_size=1)


@pytest.mark.property
@given(items=ITEMS, blank=st.sampled_from(["", " ", "  "]))
def test_a_comma_list_is_its_items_without_blanks(items: list[str], blank: str) -> None:
    text = ",".join(f"{blank}{item}{blank}" for item in items) + ("," if blank else "")

    assert read_with(ALLOWED_HOSTS=text).allowed_hosts == items


@pytest.mark.property
@given(networks=st.lists(st.ip_addresses(), max_size=5))
def test_trusted_proxies_are_read_as_networks(networks: list[Any]) -> None:
    text = ",".join(str(address) for address in networks)

    assert read_with(TRUSTED_PROXIES=text).trusted_proxies == [ip_network(a) for a in networks]


# --- where they come from ------------------------------------------------------------------


def test_the_process_comes_before_the_own_file_before_the_generated_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generated, own = tmp_path / "env", tmp_path / ".env"
    generated.write_text("WEB_THREADS=5\nWEB_WORKERS=5\nWORKER_CONCURRENCY=5\n")
    own.write_text("WEB_WORKERS=6\nWORKER_CONCURRENCY=6\n")
    monkeypatch.setenv("FILESVC_ENV_FILES", f"{generated}:{own}")

    read = read_with(WORKER_CONCURRENCY="7")

    assert (read.web_threads, read.web_workers, read.worker_concurrency) == (5, 6, 7)


def test_an_empty_variable_does_not_hide_what_a_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "env").write_text("WEB_THREADS=5\n")
    monkeypatch.setenv("FILESVC_ENV_FILES", str(tmp_path / "env"))

    assert read_with(WEB_THREADS="").web_threads == 5


def test_a_file_that_is_not_there_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILESVC_ENV_FILES", "/nowhere/env")

    assert read_environment().web_threads == 16


def test_a_clone_reads_its_generated_file_below_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FILESVC_ENV_FILES")

    assert env_files() == (BASE_DIR / "var" / "env", BASE_DIR / ".env")


def test_secrets_do_not_show_when_the_settings_are_printed() -> None:
    read = read_with(
        SENTRY_DSN="https://hunter2@sentry.example/1",
        BROKER_URL="redis://:hunter2@h",
        CACHE_URL="redis://:hunter2@h",
        DATABASE_URL="postgres://u:hunter2@h/x",
        AWS_ACCESS_KEY_ID="hunter2",
        AWS_SECRET_ACCESS_KEY="hunter2",
        AWS_SESSION_TOKEN="hunter2",
    )

    assert "hunter2" not in f"{read!r} {read}"
    assert REQUIRED["SECRET_KEY"] not in repr(read)


# --- the file for operators ------------------------------------------------------------------


def test_the_example_in_the_repository_is_what_the_code_prints() -> None:
    assert (BASE_DIR / ".env.example").read_text() == print_example()


@pytest.mark.parametrize("name", NAMES)
def test_the_example_tells_every_setting_after_its_sentence(name: str) -> None:
    sentence = Environment.model_fields[name.lower()].description or ""
    mark = "" if name in REQUIRED else "# "

    assert sentence.endswith(".")
    assert f"\n# {sentence}\n{mark}{name}=" in print_example()


def test_the_defaults_of_the_example_are_the_defaults_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = read_environment()
    uncommented = re.sub(r"^# ([A-Z_]+=)", r"\1", print_example(), flags=re.MULTILINE)
    (tmp_path / "env").write_text(uncommented)
    monkeypatch.setenv("FILESVC_ENV_FILES", str(tmp_path / "env"))

    assert read_environment() == without
