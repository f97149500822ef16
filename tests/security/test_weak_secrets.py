"""What counts as a secret: generated, long enough, and no word of an example."""

from __future__ import annotations

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from security.weak_secrets import MIN_LENGTH, is_weak


@pytest.mark.property
@given(secret=st.binary(min_size=9, max_size=64).map(base64.urlsafe_b64encode).map(bytes.decode))
def test_a_generated_secret_is_strong(secret: str) -> None:
    # Not those that hypothesis makes and no generator would.
    assume(len(set(secret)) >= 8)

    assert len(secret) >= MIN_LENGTH
    assert not is_weak(secret)


@pytest.mark.parametrize("length", range(MIN_LENGTH))
def test_a_short_one_is_weak(length: int) -> None:
    assert is_weak("Vq3mT0yLr8Wc"[:length])
    assert not is_weak("Vq3mT0yLr8Wc")


@pytest.mark.parametrize(("letters", "weak"), [("abcdefg", True), ("abcdefgh", False)])
def test_one_of_few_different_letters_is_weak(letters: str, *, weak: bool) -> None:
    assert is_weak(letters * 5) is weak


@pytest.mark.parametrize(
    "word", ["change", "INSECURE", "Example", "placeholder", "secret", "default", "passWord"]
)
def test_one_with_a_word_of_examples_is_weak(word: str) -> None:
    assert is_weak(f"Vq3mT0yLr8Wc-{word}-Vq3mT0yLr8Wc")


@pytest.mark.parametrize("user", ["filesvc-at-work", "Filesvc-At-Work"])
def test_the_name_of_its_user_is_weak(user: str) -> None:
    assert is_weak("filesvc-at-work", user)
    assert not is_weak("filesvc-at-work", "somebody")
