"""Draws the rates and ratios of a run of `make bench`: `python -m tests.load.draw CSV SVG`."""

from __future__ import annotations

import csv
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

COLOURS = {"baseline": "#9aa5b1", "service": "#1f6feb"}
NAMES = {"baseline": "plain solution", "service": "filesvc"}
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


def main() -> None:
    """Two panels: requests a second by size, and the ratio of each round."""
    rates = read_rates(Path(sys.argv[1]))
    sizes = list(rates["service"])
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), constrained_layout=True)
    for offset, name in ((-0.2, "baseline"), (0.2, "service")):
        medians = [statistics.median(rates[name][size]) for size in sizes]
        places = [number + offset for number in range(len(sizes))]
        bars = left.bar(places, medians, 0.38, label=NAMES[name], color=COLOURS[name])
        left.bar_label(bars, fmt="%.3g", fontsize=8)
    left.set_xticks(range(len(sizes)), sizes)
    left.set(
        yscale="log", ylabel="uploads per second", title="Rate, 8 connections (100m: 2), median"
    )
    left.set_ylim(1, 700)
    left.set_yticks(TICKS, [f"{rate:g}" for rate in TICKS])
    left.minorticks_off()
    left.legend()
    for number, size in enumerate(sizes):
        pairs = zip(rates["service"][size], rates["baseline"][size], strict=True)
        ratios = [service / baseline for service, baseline in pairs]
        right.plot([number] * len(ratios), ratios, "o", color=COLOURS["service"], alpha=0.5)
        right.plot(number, statistics.median(ratios), "_", color="black", markersize=30)
    right.axhline(1, color=COLOURS["baseline"], linestyle="--")
    right.set_xticks(range(len(sizes)), sizes)
    right.set(ylim=0, ylabel="filesvc / plain solution", title="Ratio, each round and median")
    figure.savefig(sys.argv[2], metadata={"Date": None})


def read_rates(path: Path) -> dict[str, dict[str, list[float]]]:
    """Requests a second by target and size, a value for each round."""
    rates: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with path.open() as file:
        for line in csv.DictReader(file):
            rate = float(line["requests"]) / float(line["seconds"])
            rates[line["target"]][line["size"]].append(rate)
    return rates


if __name__ == "__main__":
    main()
