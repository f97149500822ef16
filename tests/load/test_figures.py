"""What the measuring programs count with, where no server is needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.load.concurrency import Answers, pairs_of, put_beside
from tests.load.figures import Line, percentile, print_table, read_csv, read_table, tell, write_csv
from tests.load.memory import read_kib
from tests.load.model import make_model
from tests.load.processing_delay import arrivals
from tests.load.system_calls import COLUMN, count_calls, summarize

times = st.lists(st.floats(0, 1e6), min_size=1)


@given(values=times, percent=st.floats(0.1, 100))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    values: list[float], percent: float
) -> None:
    found = percentile(values, percent)

    within = [value for value in values if value <= found]
    below = [value for value in values if value < found]
    assert found in values
    assert len(within) * 100 >= len(values) * percent * (1 - 1e-9)
    assert len(below) * 100 < len(values) * percent


def test_percentiles_of_a_hundred_values_are_their_ranks() -> None:
    values = [float(value) for value in range(100, 0, -1)]

    assert [percentile(values, each) for each in (50, 95, 99, 100)] == [50, 95, 99, 100]


@pytest.mark.parametrize(
    ("figure", "told"),
    [("1k", "1k"), (1234, "1,234"), (1234.5, "1,234"), (12.34, "12.3"), (1.234, "1.23")],
)
def test_a_figure_is_told_without_digits_nobody_measured(figure: str | float, told: str) -> None:
    assert tell(figure) == told


def test_a_table_aligns_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"size": "1k", "rate": 12.34}, {"size": "1m", "rate": 100.5}])

    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["| size | rate |", "| --- | ---: |"]
    assert lines[2:] == ["| 1k | 12.3 |", "| 1m | 100 |"]


def test_a_table_is_read_as_it_was_told(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"who": "a", "rate": 12.34}, {"who": "b c", "rate": 1000}])

    assert read_table(f"Before it.\n\n{capsys.readouterr().out}\nAfter it.") == [
        {"who": "a", "rate": "12.3"},
        {"who": "b c", "rate": "1,000"},
    ]


def test_lines_written_as_csv_are_read_as_they_were(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "figures.csv")

    write_csv(path, [{"size": "1k", "rate": 0.1 + 0.2}, {"size": "a, b", "rate": 3}])

    assert read_csv(path) == [
        {"size": "1k", "rate": str(0.1 + 0.2)},
        {"size": "a, b", "rate": "3"},
    ]


def test_no_path_writes_nothing() -> None:
    write_csv(None, [{"size": "1k"}])


def test_answers_count_from_when_the_last_client_began() -> None:
    early, late, refused = (201, 0.0, 900.0), (201, 800.0, 1500.0), (503, 1500.0, 3000.0)
    told = Answers(began_ms=1000.0, answers=[early, late, refused], others=0)

    assert told.times(201) == [700.0]
    assert (told.rate(201), told.rate(503)) == (0.5, 0.5)


SUMMARY = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.10    0.918240          37     24410      3187 futex
 10.00    0.100000           1       120           fsync
------ ----------- ----------- --------- --------- ----------------
100.00    1.502830          30     24530      3187 total
"""


def test_calls_are_counted_by_name_and_their_total_is_no_call() -> None:
    assert count_calls(SUMMARY) == {"futex": 24410, "fsync": 120}


def test_a_summary_without_calls_is_no_measurement() -> None:
    with pytest.raises(AssertionError):
        count_calls("strace: Process 7 detached\n")


def test_waiting_for_other_threads_is_told_apart_from_other_calls() -> None:
    calls = {"futex": 60.0, "read": 3.0, "write": 4.0}
    lines: list[Line] = [
        {"size": "1k", "target": "service", "call": name, COLUMN: each}
        for name, each in calls.items()
    ]

    told = summarize(lines)

    assert (told["all but futex"], told["futex"]) == (7.0, 60.0)
    assert told["most frequent"] == "write 4, read 3"


def test_both_targets_stand_in_one_line_for_each_number_of_clients() -> None:
    times: Line = {"p50 ms": 5.0, "p95 ms": 6.0, "p99 ms": 7.0, "refused/s": 0.5}
    lines: list[Line] = [
        {"size": "1k", "target": target, "clients": clients, "uploads/s": 1.0 * clients} | times
        for target in ("baseline", "service")
        for clients in (1, 2)
    ]

    told = [put_beside(*pair) for pair in pairs_of(lines)]

    assert [line["clients"] for line in told] == [1, 2]
    assert (told[1]["plain/s"], told[1]["filesvc/s"], told[1]["p99 ms"]) == (2.0, 2.0, "7 / 7")


def test_a_line_of_proc_is_read_by_its_whole_name() -> None:
    assert read_kib("VmHWM:\t  2048 kB\nSwapPss: 1 kB\nPss:    512 kB\n", "Pss") == 512


def test_arrivals_come_in_order_and_as_often_as_asked() -> None:
    moments = list(arrivals(50, 200))

    assert moments == sorted(moments)
    assert moments[-1] < 200
    assert len(moments) == pytest.approx(10_000, rel=0.05)


@given(each=st.floats(0.1, 100), megabyte=st.floats(0.1, 100), second=st.floats(100, 8000))
def test_the_model_finds_the_costs_it_was_made_from(
    each: float, megabyte: float, second: float
) -> None:
    costs = {"1k": each + megabyte * 0.001, "10m": each + megabyte * 10}
    model = make_model(costs, {size: second / cost for size, cost in costs.items()})

    assert model.cost_ms(500_000) == pytest.approx(each + megabyte / 2, rel=1e-6)
    assert model.rate(1_000_000) == pytest.approx(second / (each + megabyte), rel=1e-6)
