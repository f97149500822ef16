from __future__ import annotations
import os, subprocess, sys, time
import pytest
from tests import stack
from tests.stack import wait_until
import requests


@pytest.mark.django_db(transaction=True)
def test_st(tmp_path):
    env = dict(
        os.environ,
        DATABASE_URL=f"sqlite:///{tmp_path}/x.sqlite3",
        STORAGE_ROOT=str(tmp_path / "st"),
        ADDRESS_RATE="1000000/m",
    )
    (tmp_path / "st").mkdir()

    def manage(*a):
        return subprocess.run(
            [sys.executable, "manage.py", *a], env=env, capture_output=True, text=True
        )

    print(manage("migrate").stderr[-500:])
    token = manage("issue_token", "x").stdout.strip().splitlines()[-1]
    (tmp_path / "st" / "staging").mkdir(exist_ok=True)
    (tmp_path / "st" / "files").mkdir(exist_ok=True)
    p = subprocess.Popen(
        [
            ".venv/bin/granian",
            "--interface",
            "wsgi",
            "--http",
            "1",
            "--no-ws",
            "--port",
            "18991",
            "--workers",
            "1",
            "--blocking-threads",
            "16",
            "--log-level",
            "error",
            "config.wsgi:application",
        ],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:

        def up():
            try:
                return requests.get("http://127.0.0.1:18991/health/live").ok
            except OSError:
                return False

        wait_until(up, 30, "up")
        t = subprocess.run(
            [
                ".venv/bin/schemathesis",
                "--config-file",
                "tests/system/schemathesis.toml",
                "run",
                "http://127.0.0.1:18991/schema/",
                "--url",
                "http://127.0.0.1:18991",
                "--header",
                f"Authorization: Bearer {token}",
                "--checks",
                "all",
                "--max-examples",
                "60",
                "--no-color",
                "--seed",
                "1",
                "--include-path",
                "/upload/",
            ],
            env=env | {"SCHEMATHESIS_HOOKS": "tests.system.schemathesis_hooks"},
            capture_output=True,
            text=True,
        )
        print(
            "PAT",
            requests.get("http://127.0.0.1:18991/schema/").json()["paths"]["/upload/"]["post"][
                "parameters"
            ],
        )
        print(t.returncode, t.stdout[-5000:], t.stderr[-500:])
        print(requests.get("http://127.0.0.1:18991/metrics").text.count("\n"))
    finally:
        p.terminate()
        p.wait()
    assert 0
