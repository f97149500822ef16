"""Draws docker/grafana's dashboard from a real Prometheus over a real service under a small load.

`python -m tests.load.draw_dashboard docs/dashboard.png` starts a clone with `make run`, and a
Prometheus beside it; sends files for two minutes, stops Redis and clamd for a while, and draws what
every panel's own query answers: a rendering of the queries, not a screenshot of Grafana.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import requests
from PIL import Image

from tests.system.service import Service, cloned, free_port, wait_until

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parent.parent.parent
DASHBOARD = ROOT / "docker/grafana/dashboards/filesvc.json"
LOAD_SECONDS, STEP_SECONDS, RATE = 120.0, 2, "20s"
COLUMNS, ROW_INCHES, COLUMN_INCHES = 24, 0.46, 0.72
COLOURS = plt.get_cmap("tab20").colors  # type: ignore[attr-defined]  # a listed map


Outage = tuple[str, float, float]


@dataclass(frozen=True)
class Span:
    """What is drawn: from when to when, and what was away in between (Unix times)."""

    began: float
    ended: float
    outages: list[Outage]


def main() -> None:
    """Start, load, ask, draw, stop."""
    target = Path(sys.argv[1])
    with running_service() as service, running_prometheus(service) as prometheus:
        began = time.time()
        outages = load(service)
        draw(prometheus, Span(began, time.time(), outages), target)


@contextlib.contextmanager
def running_service() -> Iterator[Service]:
    """`make run` in a clone of its own."""
    with cloned(UPLOAD_RATE="400/m") as service:
        service.start()
        try:
            yield service
        finally:
            service.stop()


@contextlib.contextmanager
def running_prometheus(service: Service) -> Iterator[str]:
    """A Prometheus that asks the service every two seconds; its URL."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "prometheus.yml"
        jobs = [{"job_name": "filesvc", "static_configs": [{"targets": [service.url[7:]]}]}]
        config.write_text(json.dumps({"global": {"scrape_interval": "2s"}, "scrape_configs": jobs}))
        address = f"127.0.0.1:{free_port()}"
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={address}",
                "--log.level=error",
            ]
        )
        try:
            wait_until(lambda: is_up(f"http://{address}"), 30, "Prometheus is up")
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait()


def is_up(url: str) -> bool:
    """Whether it has seen the service."""
    with contextlib.suppress(requests.ConnectionError):
        answer = requests.get(f"{url}/api/v1/query", {"query": "up == 1"}, timeout=5)
        return answer.ok and bool(answer.json()["data"]["result"])
    return False


def load(service: Service) -> list[Outage]:
    """Four clients that send what is taken in and what is not; Redis and clamd rest once each."""
    outages = []
    tokens = [service.issue_token(name) for name in ("ada", "bob", "cy", "di")]
    end = time.monotonic() + LOAD_SECONDS
    with ThreadPoolExecutor(len(tokens)) as clients:
        work = [clients.submit(send_until, service, token, end) for token in tokens]
        for part, after in (("redis", 0.35), ("clamd", 0.65)):
            wait_for(end - LOAD_SECONDS * (1 - after))
            stopped = time.time()
            service.control("stop", f"backends:{part}")
            wait_for(end - LOAD_SECONDS * (1 - after - 0.08))
            service.control("start", f"backends:{part}")
            outages.append((part, stopped, time.time()))
        for each in work:
            each.result()
    wait_for(end + 10)
    return outages


def wait_for(moment: float) -> None:
    """Until then by the monotonic clock."""
    time.sleep(max(0.0, moment - time.monotonic()))


def send_until(service: Service, token: str, end: float) -> None:
    """One client's uploads, three in five of them good."""
    chance = random.Random(token)
    while time.monotonic() < end:
        name, content = chance.choice(SENT)
        with contextlib.suppress(requests.RequestException):
            service.upload(
                token,
                content + bytes(f"{chance.random()}", "ascii")
                if name.endswith(".txt")
                else content,
                name,
            )
        time.sleep(chance.uniform(0.1, 0.5))


def picture(pixels: int) -> bytes:
    """A PNG of noise."""
    noise = random.Random(pixels).randbytes(pixels * pixels * 3)
    written = io.BytesIO()
    Image.frombytes("RGB", (pixels, pixels), noise).save(written, "PNG")
    return written.getvalue()


SENT = (
    ("note.txt", b"hello " * 200),
    ("log.txt", b"one line\n" * 40_000),
    ("photo.png", picture(300)),
    ("table.csv", b"a,b,c\n" + b"1,2,3\n" * 5_000),
    ("rows.json", b"[" + b"1," * 5_000 + b"1]"),
    ("photo.png", b"no picture at all"),
    ("run.exe", b"MZ"),
    (
        "eicar.txt",
        b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR"
        + bytes("-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*", "ascii"),
    ),
)


def draw(prometheus: str, span: Span, target: Path) -> None:
    """Every panel in its place."""
    dashboard = json.loads(DASHBOARD.read_text())
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    rows = max(place["y"] + place["h"] for place in places)
    plt.rcParams.update({"font.size": 8, "axes.titlesize": 9, "axes.titleweight": "bold"})
    figure = plt.figure(figsize=(COLUMNS * COLUMN_INCHES, rows * ROW_INCHES + 0.8), dpi=100)
    grid = figure.add_gridspec(
        rows, COLUMNS, hspace=0.6, wspace=1.6, left=0.035, right=0.985, top=0.94, bottom=0.035
    )
    figure.suptitle(
        "filesvc: the dashboard's own queries (docker/grafana), asked of a real Prometheus over"
        " `make run` under a small load;\ndrawn by tests/load/draw_dashboard.py, not by Grafana."
        " Redis and clamd were stopped for ten seconds each (grey).",
        fontsize=10,
    )
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        axes = figure.add_subplot(
            grid[
                place["y"] : place["y"] + place["h"] - (1 if panel["type"] == "stat" else 2),
                place["x"] : place["x"] + place["w"],
            ]
        )
        axes.set_title(panel["title"], loc="left")
        lines = [
            line
            for each in panel["targets"]
            for line in ask(prometheus, each, span.began, span.ended)
        ]
        if panel["type"] == "stat":
            draw_stat(axes, panel, lines)
        else:
            draw_lines(axes, panel, lines)
            mark_outages(axes, span)
    target.parent.mkdir(exist_ok=True)
    figure.savefig(target)


Line = tuple[str, list[float], list[float]]


def ask(prometheus: str, query: dict[str, Any], began: float, ended: float) -> Iterator[Line]:
    """Label, seconds since the beginning, and values of each series."""
    answer = requests.get(
        f"{prometheus}/api/v1/query_range",
        {
            "query": query["expr"].replace("$__rate_interval", RATE).replace("[10m]", "[30s]"),
            "start": str(began),
            "end": str(ended),
            "step": str(STEP_SECONDS),
        },
        timeout=30,
    )
    for series in answer.json()["data"]["result"]:
        label = query["legendFormat"]
        for name, value in series["metric"].items():
            label = label.replace(f"{{{{{name}}}}}", value)
        points = [(float(at) - began, float(value)) for at, value in series["values"]]
        yield label, [at for at, _ in points], [0.0 if v != v else v for _, v in points]


def draw_stat(axes: Any, panel: dict[str, Any], lines: list[Line]) -> None:
    """The last value, in the colour of its threshold."""
    axes.axis("off")
    if not lines:
        axes.text(0, 0.3, "no data", fontsize=13, color="grey")
        return
    value = lines[0][2][-1]
    defaults = panel["fieldConfig"]["defaults"]
    steps = defaults.get("thresholds", {"steps": [{"color": "green", "value": None}]})["steps"]
    colour = [each["color"] for each in steps if each["value"] is None or value >= each["value"]][
        -1
    ]
    unit = {"s": " s", "reqps": " /s"}.get(defaults["unit"], "")
    axes.text(0, 0.2, f"{value:.3g}{unit}", fontsize=17, color=colour, fontweight="bold")


def draw_lines(axes: Any, panel: dict[str, Any], lines: list[Line]) -> None:
    """Stacked areas or lines, the busiest first in the legend."""
    defaults = panel["fieldConfig"]["defaults"]
    shown = sorted((line for line in lines if any(line[2])), key=lambda line: -max(line[2]))
    moments = sorted({at for _, times, _ in shown for at in times})
    values = [
        [dict(zip(times, told, strict=True)).get(at, 0.0) for at in moments]
        for _, times, told in shown
    ]
    if "stacking" in defaults["custom"] and shown:
        axes.stackplot(
            moments, values, colors=COLOURS, labels=[line[0] for line in shown], alpha=0.8
        )
    else:
        for number, ((label, _, _), told) in enumerate(zip(shown, values, strict=True)):
            axes.plot(moments, told, label=label, color=COLOURS[2 * number % 20], linewidth=1.4)
    axes.set_ylim(bottom=0)
    units = {"s": "seconds", "Bps": "bytes/s", "reqps": "requests/s", "ops": "per second"}
    axes.set_ylabel(units.get(defaults["unit"], ""), fontsize=7)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if shown:
        axes.legend(
            fontsize=7, loc="upper left", bbox_to_anchor=(0.0, -0.11), ncols=5, frameon=False
        )


def mark_outages(axes: Any, span: Span) -> None:
    """Grey bands; the axis begins when the load did, in seconds."""
    axes.set_xlim(0, span.ended - span.began)
    for part, since, until in span.outages:
        axes.axvspan(since - span.began, until - span.began, color="grey", alpha=0.25, linewidth=0)
        axes.text(
            (since + until) / 2 - span.began,
            axes.get_ylim()[1],
            f"no {part}",
            fontsize=6,
            ha="center",
            va="bottom",
        )


if __name__ == "__main__":
    main()
