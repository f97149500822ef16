"""Writes what nginx and clamd are configured with, from the settings of the service.

So a changed upload limit or deadline changes all of them together, and none can disagree.
"""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template

DOCKER_DIR = Path(__file__).resolve().parent
# Where things lie in the containers (docker-compose.yml).
STORAGE = "/srv/storage"
SIGNATURES = Path("/srv/signatures")
SCANNER_SPACE = Path("/srv/scanner-space")
SCANNER_SOCKET = Path("/run/scanner")
SERVICE = "web:8000"
# Docker's own name server; asked again this often, so that instances come and go.
RESOLVER = "resolver 127.0.0.11 valid=2s ipv6=off;\nresolver_timeout 2s;"
PLAIN_PORT, TLS_PORT = 8080, 8443
TLS = f"""{PLAIN_PORT};
    listen {TLS_PORT} ssl;
    ssl_certificate /srv/tls/fullchain.pem;
    ssl_certificate_key /srv/tls/privkey.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:2m;
    ssl_session_tickets off"""
HSTS = "add_header Strict-Transport-Security 'max-age=31536000' always;"


def render_all(folder: Path, environment: Mapping[str, str]) -> None:
    """Everything anew: one folder for the edge, one for the scanner."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    render_edge(make_folder(folder / "edge"), environment)
    render_scanner(make_folder(folder / "scanner"), environment.get("CLAMAV_TAG", "1.4"))


def make_folder(folder: Path) -> Path:
    """A folder that is there; what others read in it keeps its names."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def render_edge(folder: Path, environment: Mapping[str, str]) -> None:
    """nginx: its frame, its site, its own error pages, what kept files are sent with."""
    from django.conf import settings
    from django.core.management import call_command

    from filesvc.deadlines import edge_seconds
    from security.size import MULTIPART_OVERHEAD_BYTES

    max_connections = int(environment.get("EDGE_CONNECTIONS") or 50)
    has_tls = environment.get("EDGE_TLS", "").lower() in ("1", "true", "yes")
    pages = io.StringIO()
    call_command("print_nginx_errors", max_connections=max_connections, stdout=pages)
    (folder / "errors.conf").write_text(pages.getvalue())
    shutil.copyfile(DOCKER_DIR / "nginx-handed-over.conf", folder / "handed-over.conf")
    shutil.copyfile(DOCKER_DIR / "ask-edge", folder / "ask-edge")
    write(folder / "nginx.conf", "nginx-main.conf.template", SITE="site.conf", HSTS=HSTS * has_tls)
    write(
        folder / "site.conf",
        "nginx.conf.template",
        UPSTREAM=RESOLVER,
        SERVICE=SERVICE,
        LISTEN=TLS if has_tls else str(PLAIN_PORT),
        MAX_BODY_BYTES=settings.MAX_UPLOAD_BYTES + MULTIPART_OVERHEAD_BYTES,
        MAX_CONNECTIONS=max_connections,
        READ_SECONDS=edge_seconds(),
        ERROR_PAGES="errors.conf",
        HANDED_OVER="handed-over.conf",
        KEPT=(settings.ACCEL_LOCATION or "/__kept/").rstrip("/"),
        STORAGE_ROOT=STORAGE,
    )


def render_scanner(folder: Path, version: str) -> None:
    """clamd and freshclam, how they are started, and the bundled test signatures."""
    from django.conf import settings

    from security.clamd_conf import render_clamd_conf

    template = (DOCKER_DIR / "clamd.conf.template").read_text()
    conf = render_clamd_conf(template, SCANNER_SOCKET, SIGNATURES, version)
    conf = re.sub(r"(?m)^TemporaryDirectory .*$", f"TemporaryDirectory {SCANNER_SPACE}", conf)
    (folder / "clamd.conf").write_text(conf)
    write(
        folder / "freshclam.conf",
        "freshclam.conf.template",
        database=SIGNATURES,
        owner="clamav",
        clamd_conf=folder / "clamd.conf",
    )
    (folder / "updates").write_text(f"{str(settings.SIGNATURE_UPDATES).lower()}\n")
    for script in ("start-clamd", "start-freshclam"):
        shutil.copyfile(DOCKER_DIR / script, folder / script)
    shutil.copytree(DOCKER_DIR / "signatures", folder / "signatures", dirs_exist_ok=True)


def write(target: Path, template: str, **values: object) -> None:
    """The template with its places filled in.

    Raises ValueError for a place that nothing fills.
    """
    filled = Template((DOCKER_DIR / template).read_text()).safe_substitute(values)
    if "${" in filled:
        raise ValueError(f"{template} has a place that nothing fills")
    target.write_text(filled)
