"""What docker-compose.yml and the Dockerfile say; `make compose-test` tries it on an engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.env import Environment

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "docker/Dockerfile").read_text()
EVERY = pytest.mark.parametrize("name", SERVICES)
# Watched by somebody who sits at the machine, and only when asked for.
OBSERVERS = {"prometheus", "grafana"}
OURS = {"render", "migrate", "web", "worker", "sweeper"}
ONE_SHOTS = {"render", "migrate"}
SECRETS = {"SECRET_KEY", "POSTGRES_PASSWORD", "BROKER_PASSWORD", "CACHE_PASSWORD"}


def test_only_nginx_is_published() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published.pop("nginx") == ["${HTTP_PORT:-8080}:8080"]
    assert set(published) <= OBSERVERS
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


@EVERY
def test_every_container_is_confined(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert not {"privileged", "pid", "ipc", "devices", "container_name"} & set(service)
    assert "docker.sock" not in str(service.get("volumes", ""))


@EVERY
def test_nobody_is_root_who_need_not_be(name: str) -> None:
    service = SERVICES[name]

    if name == "postgres":  # its image starts as root and becomes its own user
        assert set(service["cap_add"]) == {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
    else:
        assert "cap_add" not in service
        assert service["user"] not in ("root", "0", "0:0")


@EVERY
def test_every_image_has_a_tag_that_stands(name: str) -> None:
    tag = re.fullmatch(r"[\w./-]+:\$\{\w+:-([\w.-]+)\}", SERVICES[name]["image"])

    assert tag, SERVICES[name]["image"]
    assert tag[1] != "latest"


@EVERY
def test_what_stays_up_tells_whether_it_is_well_and_is_waited_for(name: str) -> None:
    service = SERVICES[name]
    for needed, how in service.get("depends_on", {}).items() if name not in OBSERVERS else ():
        expected = "service_completed_successfully" if needed in ONE_SHOTS else "service_healthy"
        assert how == {"condition": expected}

    if name in ONE_SHOTS | {"freshclam"}:
        assert service["healthcheck"] == {"disable": True}
        assert service["restart"] in ("no", "on-failure")
    else:
        assert name == "web" or "test" in service["healthcheck"]  # web has its image's own
        assert service["restart"] == "unless-stopped"


def test_clamd_is_reached_by_its_socket_alone() -> None:
    assert SERVICES["clamav"]["network_mode"] == "none"
    for name in ("web", "worker"):
        assert "scanner-socket:/run/scanner:ro" in SERVICES[name]["volumes"]


def test_each_network_is_closed_but_where_clients_and_signatures_come_from() -> None:
    networks = COMPOSE["networks"]
    open_ones = {name for name, network in networks.items() if not network.get("internal")}

    assert open_ones == {"public", "updates"}
    assert networks["outside"]["internal"] == "${ISOLATED:-true}"
    users = {name for name, one in SERVICES.items() if open_ones & set(one.get("networks", ()))}
    assert users == {"nginx", "freshclam", "grafana"}


def test_only_what_is_said_shares_a_network() -> None:
    members = {
        network: {name for name, one in SERVICES.items() if network in one.get("networks", ())}
        for network in COMPOSE["networks"]
    }

    assert members["edge"] == {"nginx", "web"}
    assert members["database"] == {"postgres", "migrate", "web", "worker", "sweeper"}
    assert members["broker"] == {"broker", "web", "worker", "sweeper"}
    assert members["cache"] == {"cache", "web"}


def test_the_two_redis_differ_in_what_they_do_when_full() -> None:
    broker, cache = (" ".join(SERVICES[name]["command"]) for name in ("broker", "cache"))

    assert "--appendonly yes" in broker
    assert "--maxmemory-policy noeviction" in broker
    assert "--maxmemory-policy allkeys-lru" in cache
    assert SERVICES["cache"]["volumes"] == []


@pytest.mark.parametrize("name", Environment.model_fields)
def test_every_setting_reaches_the_service(name: str) -> None:
    told = COMPOSE["x-settings"]

    if name == "metrics_port":  # of those that serve no requests
        assert all(SERVICES[one]["environment"]["METRICS_PORT"] for one in ("worker", "sweeper"))
    else:
        assert name.upper() in told


def test_no_start_without_secrets_and_each_is_made_by_make_env() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    maker = (ROOT / "docker/make-env").read_text()

    for name in SECRETS:
        assert set(re.findall(rf"\$\{{{name}(.*?)\}}", text)) == {":?run docker/make-env first"}
        assert f'add {name} "$(secret)"' in maker


def test_the_image_holds_no_secret_and_no_state() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    assert {".git", ".env", "var", ".venv"} <= set(ignored)
    assert "ARG" not in [line.split()[0] for line in DOCKERFILE.splitlines() if "SECRET" in line]


def test_the_image_that_runs_has_no_root_no_shell_form_and_no_compiler() -> None:
    runtime = DOCKERFILE.partition("AS runtime")[2]

    assert "\nUSER 10001:10001\n" in runtime
    assert '\nENTRYPOINT ["' in runtime
    assert '\nCMD ["' in runtime
    assert "HEALTHCHECK" in runtime
    assert "apt-get" not in runtime
    assert not re.search(r"gcc|build-essential|g\+\+", DOCKERFILE)
    assert "org.opencontainers.image.version" in runtime


def test_libraries_are_installed_with_their_hashes_and_none_is_compiled() -> None:
    for command in re.findall(r"pip .*?install(?:.*\\\n)*.*", DOCKERFILE):
        assert "--require-hashes" in command
    assert "--only-binary :all:" in DOCKERFILE


def test_an_image_is_never_taken_without_a_tag() -> None:
    for image in re.findall(r"(?m)^FROM (\S+)", DOCKERFILE):
        assert image == "base" or image == "python:${PYTHON_TAG}"
    assert "ARG PYTHON_TAG=3.11-slim-bookworm" in DOCKERFILE


def test_our_own_services_are_one_image() -> None:
    assert {SERVICES[name]["image"] for name in OURS} == {"filesvc:${FILESVC_TAG:-local}"}
    assert all(SERVICES[name]["init"] for name in OURS)
