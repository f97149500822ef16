"""What the service is made of: pinned, listed, audited, without secrets and without tools."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from config.env import Environment
from tests import audit_packages, scan_secrets
from tests.stack import ROOT

PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z0-9,-]+\])?==(\S+)", re.MULTILINE)
FOR_DEVELOPERS = ("admin", "debug", "silk", "staticfiles", "testing", "playground")


def pinned(name: str = "requirements.txt") -> dict[str, str]:
    """The packages of a file, with their versions."""
    return dict(PINNED.findall((ROOT / name).read_text()))


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dev.txt", "tests/load/requirements.txt"]
)
def test_every_package_is_pinned_with_its_hashes(name: str) -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / name).read_text().strip())

    assert len(blocks) > 30
    for block in blocks:
        assert PINNED.match(block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


def test_production_and_tests_run_the_same_versions() -> None:
    tested = pinned("requirements-dev.txt")

    assert {name: tested.get(name) for name in pinned()} == pinned()


def test_the_bill_of_materials_names_every_pinned_package(tmp_path: Path) -> None:
    path = tmp_path / "sbom.json"

    subprocess.run(
        [sys.executable, "-m", "tests.print_sbom", str(path)], cwd=ROOT, check=True, timeout=120
    )

    told = json.loads(path.read_text())
    assert (told["bomFormat"], told["metadata"]["component"]["name"]) == ("CycloneDX", "filesvc")
    parts = {part["name"]: part for part in told["components"]}
    assert {name: part["version"] for name, part in parts.items()} == pinned()
    assert all(part["externalReferences"][0]["hashes"] for part in parts.values())


def test_a_secret_among_the_sources_is_found(tmp_path: Path) -> None:
    key = "-----BEGIN RSA " + "PRIVATE KEY-----"
    (tmp_path / "a.py").write_text(f'KEY = """{key}\nMIIE\n"""\n')
    (tmp_path / "b.py").write_text("NUMBER = 1\n")

    found = scan_secrets.scan(tmp_path, ["a.py", "b.py"])

    assert list(found) == ["a.py"]
    assert scan_secrets.find_unknown(found, {})
    known: dict[str, Any] = {"a.py": {"why": "", "hashes": sorted(found["a.py"])}}
    assert scan_secrets.find_unknown(found, known), "a reason is asked for"
    known["a.py"]["why"] = "a sample"
    assert not scan_secrets.find_unknown(found, known)


def test_whatever_is_known_to_be_no_secret_has_its_reason() -> None:
    known = json.loads(scan_secrets.KNOWN.read_text())

    assert all(each["why"] for each in known.values())
    assert all((ROOT / name).is_file() for name in known)


packages = st.fixed_dictionaries(
    {"name": st.sampled_from("abc"), "version": st.just("1")},
    optional={"vulns": st.lists(st.just({"id": "X-1"}), max_size=2)},
)


@given(told=st.none() | st.lists(packages, max_size=5), is_required=st.booleans())
def test_an_audit_passes_only_when_it_was_one(
    told: list[dict[str, Any]] | None, is_required: bool
) -> None:
    line, is_enough = audit_packages.judge(told, is_required=is_required)

    has_faults = any(package.get("vulns") for package in told or [])
    is_whole = bool(told) and all("vulns" in package for package in told or [])
    assert is_enough == (not has_faults and (is_whole or not is_required))
    assert ("SKIPPED" in line) == (not has_faults and not is_whole)


def test_no_secret_has_a_default() -> None:
    for name, field in Environment.model_fields.items():
        if field.annotation is SecretStr or "secret" in name or "password" in name:
            default = field.get_default()
            value = default.get_secret_value() if isinstance(default, SecretStr) else default
            assert field.is_required() or not value, name


def test_nothing_for_developers_is_installed_or_routed() -> None:
    installed = " ".join([*settings.INSTALLED_APPS, *settings.MIDDLEWARE])
    routes = " ".join(list_routes(get_resolver()))

    assert not [word for word in FOR_DEVELOPERS if word in installed + routes]
    assert "upload" in routes


def list_routes(resolver: URLResolver) -> list[str]:
    """Every pattern of the URLconf."""
    told = []
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            told += list_routes(each)
        elif isinstance(each, URLPattern):
            told.append(str(each.pattern))
    return told
