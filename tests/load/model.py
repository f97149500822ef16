"""The model of LOADTEST.md: made from two measured sizes, checked against the other two.

    python -m tests.load.model COSTS_CSV [RATES_CSV]

One upload costs a + b × megabytes processor milliseconds; a and b come from 1 KB and 10 MB of
tests.load.cost. How many milliseconds a second the machine gives the service (the generator takes
its share) comes from the same two. Both are then held against 100 KB and 1 MB: the cost in the same
file, and the rates of `make bench` where its CSV is given.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.load.bench import SIZES
from tests.load.draw import read_rates
from tests.load.figures import Line, print_table, read_csv

FROM, CHECKED = ("1k", "10m"), ("100k", "1m")


@dataclass(frozen=True)
class Model:
    """What an upload costs, and how much of it the machine has in a second (milliseconds)."""

    each_ms: float
    megabyte_ms: float
    second_ms: float

    def cost_ms(self, size_bytes: float) -> float:
        """Processor milliseconds of one upload of this size."""
        return self.each_ms + self.megabyte_ms * size_bytes / 1e6

    def rate(self, size_bytes: float) -> float:
        """Uploads a second of this size."""
        return self.second_ms / self.cost_ms(size_bytes)


def main() -> None:
    """Print the model, and each prediction beside what was measured."""
    lines = [line for line in read_csv(sys.argv[1]) if line["target"] == "service"]
    costs = {line["size"]: float(line["all ms"]) for line in lines}
    rates = {line["size"]: float(line["uploads/s"]) for line in lines}
    model = make_model(costs, rates)
    print(
        f"a = {model.each_ms:.1f} ms, b = {model.megabyte_ms:.1f} ms/MB,"
        f" {model.second_ms:,.0f} ms in a second\n"
    )
    told = read_rates(Path(sys.argv[2]))["service"] if len(sys.argv) > 2 else {}
    print_table(
        [compare(model, size, costs[size], told.get(size, [rates[size]])) for size in CHECKED]
    )


def make_model(costs: dict[str, float], rates: dict[str, float]) -> Model:
    """The line through both sizes, and the mean of what a second held."""
    small, large = FROM
    per_byte = (costs[large] - costs[small]) / (SIZES[large] - SIZES[small])
    second_ms = statistics.mean(costs[size] * rates[size] for size in FROM)
    return Model(costs[small] - per_byte * SIZES[small], per_byte * 1e6, second_ms)


def compare(model: Model, size: str, cost_ms: float, rates: list[float]) -> Line:
    """One line: predicted beside measured."""
    predicted, measured = model.rate(SIZES[size]), statistics.median(rates)
    return {
        "size": size,
        "cost predicted, ms": model.cost_ms(SIZES[size]),
        "cost measured, ms": cost_ms,
        "predicted uploads/s": predicted,
        "measured uploads/s": measured,
        "off by": f"{100 * (predicted / measured - 1):+.0f} %",
    }


if __name__ == "__main__":
    main()
