"""Draws a run of tests.load.concurrency: `python -m tests.load.draw_concurrency CSV SVG`."""

from __future__ import annotations

import sys

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from tests.load.draw import COLOURS, NAMES
from tests.load.figures import read_csv

MILLISECONDS = (10, 30, 100, 300, 1000)


def main() -> None:
    """Two panels for each size: files taken a second, and p50 to p99, by number of clients."""
    lines = read_csv(sys.argv[1])
    sizes = list(dict.fromkeys(line["size"] for line in lines))
    figure, panels = plt.subplots(
        2, len(sizes), figsize=(10, 7), constrained_layout=True, sharex=True, squeeze=False
    )
    for column, size in enumerate(sizes):
        for name in COLOURS:
            chosen = [line for line in lines if (line["size"], line["target"]) == (size, name)]
            draw(panels[0][column], panels[1][column], name, chosen)
        panels[0][column].set(title=f"{size}: files taken a second", ylim=0)
        panels[1][column].set(title=f"{size}: p50 to p99, milliseconds", yscale="log")
        panels[1][column].set_yticks(MILLISECONDS, [str(number) for number in MILLISECONDS])
        panels[1][column].minorticks_off()
        panels[1][column].set_xlabel("clients at a time")
        panels[0][column].legend()
    figure.savefig(sys.argv[2], metadata={"Date": None})


def draw(rates: Axes, times: Axes, name: str, lines: list[dict[str, str]]) -> None:
    """One target: its rate, its p50 as a line and up to its p99 as a band."""
    clients = [int(line["clients"]) for line in lines]
    colour = COLOURS[name]
    rates.plot(clients, pick(lines, "uploads/s"), "o-", color=colour, label=NAMES[name])
    refused = pick(lines, "refused/s")
    if any(refused):
        rates.plot(clients, refused, "x:", color=colour, label=f"{NAMES[name]}, refused with 503")
    middle, highest = pick(lines, "p50 ms"), pick(lines, "p99 ms")
    times.plot(clients, middle, "o-", color=colour)
    times.fill_between(clients, middle, highest, color=colour, alpha=0.2)
    rates.set_xscale("log", base=2)
    rates.set_xticks(clients, [str(number) for number in clients])


def pick(lines: list[dict[str, str]], name: str) -> list[float]:
    """One column."""
    return [float(line[name]) for line in lines]


if __name__ == "__main__":
    main()
