"""Any order of claims, lapses and endings of one file, against a model of three numbers."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from filesvc import claims
from filesvc.claims import Claim
from tests.filesvc.claiming import ENDINGS, lapse, row_of
from tests.filesvc.conftest import new_row

WAITING = ("release", "put_off")


class OneFile(RuleBasedStateMachine):
    """One real row and what it should be."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        user, _ = get_user_model().objects.get_or_create(username="alice")
        self.file = new_row(owner=user)
        self.file.save(force_insert=True)
        self.status, self.attempts, self.fence, self.is_lapsed = "queued", 0, 0, False

    @rule(target=held)
    def claim(self) -> Claim | None:
        free = self.status == "queued" or (self.status == "processing" and self.is_lapsed)
        taken = claims.claim(self.file.id)
        assert (taken is not None) == (free and self.attempts < claims.MAX_ATTEMPTS)
        if taken:
            self.status, self.is_lapsed = "processing", False
            self.attempts, self.fence = self.attempts + 1, self.fence + 1
        return taken

    @rule()
    def lapse(self) -> None:
        if self.status == "processing":
            lapse(self.file)
            self.is_lapsed = True

    @rule(claim=held, ending=st.sampled_from(sorted(ENDINGS)))
    def end(self, claim: Claim | None, ending: str) -> None:
        if claim is None:
            return
        mine = self.status == "processing" and claim.fence == self.fence
        assert ENDINGS[ending](claim) == mine
        if mine:
            self.is_lapsed = False
            then = {"finish": "processed", "fail": "failed"} | dict.fromkeys(WAITING, "queued")
            self.status = then.get(ending, self.status)
            self.attempts -= ending == "put_off"

    @invariant()
    def the_row_is_as_the_model_says(self) -> None:
        row = row_of(self.file)
        assert (row["status"], row["attempts"], row["fence"]) == (
            self.status,
            self.attempts,
            self.fence,
        )
        assert (row["lease_until"] is not None) == (self.status == "processing")
        assert row["processed"] == (row["processed_at"] is not None)
        assert (row["failure"] is not None) == (self.status == "failed")


@pytest.mark.django_db
@pytest.mark.property
def test_any_order_of_events_ends_where_the_model_says() -> None:
    run_state_machine_as_test(OneFile, settings=settings(stateful_step_count=25))
