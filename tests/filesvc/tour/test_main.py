"""The tour as a program of its own: its arguments, and what its exit status says."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from filesvc.tour import walk
from filesvc.tour.client import NoTour


def run(monkeypatch: pytest.MonkeyPatch, tour: Any, *arguments: str) -> int | str | None:
    """The exit status of `python -m filesvc.tour`, where this is the tour."""
    monkeypatch.setattr(walk, "take_tour", tour)
    monkeypatch.setattr(sys, "argv", ["tour", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("filesvc.tour", run_name="__main__")
    return ended.value.code


@pytest.mark.parametrize(("is_as_expected", "status"), [(True, 0), (False, 1)])
def test_the_exit_status_tells_whether_something_differs(
    monkeypatch: pytest.MonkeyPatch, *, is_as_expected: bool, status: int
) -> None:
    taken: list[Any] = []

    def tour(url: str, token: str, ca_file: Path | None) -> bool:
        taken.extend((url, token, ca_file))
        return is_as_expected

    asked = ("--url", "https://here", "--token", "a-token", "--ca", "ca.pem")

    assert run(monkeypatch, tour, *asked) == status
    assert taken == ["https://here", "a-token", Path("ca.pem")]


def test_a_tour_that_cannot_be_taken_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def tour(*_: Any, **__: Any) -> bool:
        raise NoTour("nobody is there")

    assert run(monkeypatch, tour, "--token", "a-token") == 2
    assert capsys.readouterr() == ("", "no tour: nobody is there\n")


def test_without_a_token_there_is_no_tour(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, None) == 2
    assert "--token" in capsys.readouterr().err


def test_importing_it_takes_no_tour(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []
    monkeypatch.setattr(walk, "take_tour", lambda *told, **_: taken.append(told))

    runpy.run_module("filesvc.tour.__main__")

    assert taken == []
