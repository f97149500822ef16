"""What a container runs, and when it refuses to."""

from __future__ import annotations

import configparser
import contextlib
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import dj_database_url
import pytest

from filesvc.checks import check_secrets

ROOT = Path(__file__).resolve().parents[2]
FORMS = {
    "SECRET_KEY": "{}",
    "DATABASE_URL": "postgres://filesvc:{}@postgres/filesvc",
    "BROKER_URL": "redis://:{}@broker:6379/0",
    "CACHE_URL": "redis://:{}@cache:6379/0",
}
GOOD = {name: form.format("0123456789" * 4) for name, form in FORMS.items()}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The programs of docker/, which is no package."""
    monkeypatch.syspath_prepend(str(ROOT / "docker"))

    def by_name(name: str) -> ModuleType:
        sys.modules.pop(name, None)
        return importlib.import_module(name)

    return by_name


@pytest.mark.parametrize("section", ["web", "worker", "sweeper"])
def test_a_container_runs_the_command_line_of_make_run(load: Any, section: str) -> None:
    conf = configparser.RawConfigParser()
    conf.read(ROOT / "docker/supervisord.conf")
    wanted = conf[f"program:{section}"]["command"].split()[3:]

    command = load("start").read_command(section)

    assert command[0] == str(Path(sys.executable).parent / "python")
    assert len(command) == len(wanted) + 1
    fixed = [(one, ours) for one, ours in zip(wanted, command[1:], strict=True) if "%(" not in one]
    assert fixed
    assert all(one == ours for one, ours in fixed)


def test_good_secrets_are_no_reason_to_refuse(load: Any) -> None:
    load("start").refuse_weak_secrets(GOOD)
    load("start").refuse_weak_secrets(
        GOOD | {"DATABASE_URL": "sqlite:////db", "CACHE_URL": "unix:/r"}
    )


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("secret", ["", "tiny", "changeme-changeme-changeme"])
def test_a_secret_that_is_none_stops_the_start_and_is_not_repeated(
    load: Any, name: str, secret: str
) -> None:
    with pytest.raises(SystemExit) as refusal:
        load("start").refuse_weak_secrets(GOOD | {name: FORMS[name].format(secret)})

    assert name in str(refusal.value)
    assert not secret or secret not in str(refusal.value)


@pytest.mark.parametrize(
    ("secret", "weak"),
    [
        ("a" * 40, True),
        ("insecure-" + "0123456789" * 3, True),
        ("filesvc-at-work", True),
        ("Vq3mT0yLr8W", True),
        ("Vq3mT0yLr8Wc", False),
    ],
)
def test_a_container_and_the_start_up_checks_refuse_the_same_passwords(
    load: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, secret: str, *, weak: bool
) -> None:
    address = f"postgres://filesvc-at-work:{secret}@postgres/filesvc"
    monkeypatch.setitem(settings.DATABASES, "default", dict(dj_database_url.parse(address)))

    refused = pytest.raises(SystemExit) if weak else contextlib.nullcontext()
    with refused:
        load("start").refuse_weak_secrets(GOOD | {"DATABASE_URL": address})

    assert bool(check_secrets()) is weak


@pytest.fixture
def rendered(load: Any, tmp_path: Path) -> Path:
    """Everything Compose's nginx and clamd read."""
    load("render").render_all(tmp_path, {"CLAMAV_TAG": "1.4", "EDGE_CONNECTIONS": "7"})
    return tmp_path


def test_the_edge_and_the_scanner_are_configured_from_the_same_settings(
    rendered: Path, settings: Any
) -> None:
    site = (rendered / "edge/site.conf").read_text()
    clamd = (rendered / "scanner/clamd.conf").read_text()

    largest = settings.MAX_UPLOAD_BYTES
    assert f"client_max_body_size {largest + 16 * 1024};" in site
    assert f"MaxFileSize {largest + 1024 * 1024}\n" in clamd
    assert "limit_conn per_address 7;" in site
    assert '"max_concurrent":7' in (rendered / "edge/errors.conf").read_text()
    assert "LocalSocket /run/scanner/clamd.sock" in clamd
    assert "EnableShutdownCommand" not in clamd


def test_nothing_is_left_to_fill_in(rendered: Path) -> None:
    files = [path for path in rendered.rglob("*") if path.suffix == ".conf"]

    assert len(files) == 6
    assert not [path for path in files if "${" in path.read_text()]


def test_with_tls_a_second_port_is_served_and_browsers_are_told_to_stay(
    load: Any, tmp_path: Path
) -> None:
    load("render").render_all(tmp_path, {"EDGE_TLS": "true"})

    site = (tmp_path / "edge/site.conf").read_text()
    assert "listen 8443 ssl;" in site
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in site
    assert "Strict-Transport-Security" in (tmp_path / "edge/nginx.conf").read_text()
