"""What a refusal carries: sentence, public details, places, and a way through a pickle."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors.base import Fault, ServiceError
from tests.errors.examples import any_error


@dataclass(eq=False, kw_only=True)
class TooManyApples(ServiceError):
    """More than {max_apples} apples of {kind}.

    A second paragraph is for readers of the code.
    """

    code, status, title = "too_many_apples", 422, "Too many apples"
    place = "part", "basket"
    max_apples: int
    kind: str


def test_the_sentence_is_the_first_line_with_its_details() -> None:
    assert TooManyApples(max_apples=3, kind="cox").sentence == "More than 3 apples of cox."


def test_only_declared_details_are_public_and_in_their_order() -> None:
    error = TooManyApples(kind="cox", max_apples=3, note="secret", retry_after_seconds=4)

    assert list(error.meta.items()) == [("max_apples", 3), ("kind", "cox")]


def test_a_class_tells_its_details_before_there_is_an_instance() -> None:
    assert TooManyApples.meta_names() == ("max_apples", "kind")
    assert TooManyApples.meta_types() == {"max_apples": "int", "kind": "str"}


def test_a_refusal_is_final_and_adds_no_header_unless_its_class_says_so() -> None:
    error = TooManyApples(max_apples=3, kind="cox")

    assert (error.retryable, error.retry_after_seconds, error.headers) == (False, None, {})


def test_the_note_is_for_the_log_and_not_for_the_sentence() -> None:
    error = TooManyApples(max_apples=3, kind="cox", note="from the north field")

    assert str(error) == "too_many_apples: from the north field"
    assert "north" not in error.sentence


def test_without_a_note_the_code_says_it_all() -> None:
    assert str(TooManyApples(max_apples=3, kind="cox")) == "too_many_apples"


def test_the_fault_lies_where_the_class_says() -> None:
    faults = TooManyApples(max_apples=3, kind="cox").faults

    assert faults == (Fault("too_many_apples", "More than 3 apples of cox.", "part", "basket"),)


def test_places_of_one_refusal_replace_the_place_of_its_class() -> None:
    error = TooManyApples(max_apples=3, kind="cox", places=(("query", "a"), ("header", "B")))

    assert [(fault.place, fault.name) for fault in error.faults] == [
        ("query", "a"),
        ("header", "B"),
    ]


def test_an_error_without_a_place_has_no_faults() -> None:
    from errors.catalogue import NotFound

    assert NotFound().faults == ()


def test_a_misnamed_detail_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="max_pears"):
        TooManyApples(max_pears=3, kind="cox")  # type: ignore[call-arg]  # wrong on purpose


def test_a_detail_left_out_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="max_apples"):
        TooManyApples(kind="cox")  # type: ignore[call-arg]  # wrong on purpose


def test_nothing_is_told_by_its_position() -> None:
    with pytest.raises(TypeError, match="positional"):
        ServiceError(4)  # type: ignore[call-arg]  # wrong on purpose


@pytest.mark.parametrize(("status", "is_reported"), [(499, False), (500, True), (501, True)])
def test_an_operator_hears_of_what_is_ours(status: int, is_reported: bool) -> None:
    class Plain(ServiceError):
        pass

    class Said(ServiceError):
        is_ours = not is_reported

    Plain.status = Said.status = status

    assert Plain.is_reported() is is_reported
    assert Said.is_reported() is not is_reported


def test_two_alike_are_two_errors() -> None:
    first = TooManyApples(max_apples=3, kind="cox")
    second = TooManyApples(max_apples=3, kind="cox")

    assert first != second
    assert len({first, second}) == 2


def test_it_keeps_its_traceback_and_its_cause() -> None:
    error = TooManyApples(max_apples=3, kind="cox")
    with pytest.raises(TooManyApples) as raised:
        raise error from KeyError("basket")

    assert raised.value is error
    assert isinstance(error.__cause__, KeyError)


@pytest.mark.property
@given(error=any_error(), protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_a_pickled_error_comes_back_whole(error: ServiceError, protocol: int) -> None:
    back = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - made here

    assert type(back) is type(error)
    assert vars(back) == vars(error)
    assert (back.meta, back.sentence, back.faults) == (error.meta, error.sentence, error.faults)


@pytest.mark.property
@given(error=any_error())
def test_a_copied_error_is_as_complete_as_the_first(error: ServiceError) -> None:
    twin = copy.deepcopy(error)

    assert twin is not error
    assert vars(twin) == vars(error)
