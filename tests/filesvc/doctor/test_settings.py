"""What the start-up checks say of the settings, as findings."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.core.checks import CheckMessage, Error, Warning
from hypothesis import given
from hypothesis import strategies as st

from filesvc.doctor import settings as doctor
from filesvc.doctor.finding import State
from filesvc.doctor.settings import examine_settings

OURS = st.builds(
    lambda kind, hint: kind("told", hint=hint, id="filesvc.X001"),
    st.sampled_from([Error, Warning]),
    st.none() | st.just("do that"),
)
DJANGOS = st.sampled_from([Warning("about sites", id="security.W004"), Error("no id")])


def test_settings_fit_for_production_are_well(settings: Any) -> None:
    settings.DEBUG = False
    settings.SECRET_KEY = hashlib.sha256(b"no placeholder").hexdigest()
    settings.REQUIRE_OFFICIAL_SIGNATURES = True

    assert [(one.state, one.name) for one in examine_settings()] == [(State.OK, "settings")]


@pytest.mark.property
@given(messages=st.lists(OURS | DJANGOS, max_size=5))
def test_each_message_of_ours_is_a_finding_and_none_of_djangos(
    messages: list[CheckMessage],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor, "run_checks", lambda **_: messages)
        found = list(examine_settings())

    ours = [message for message in messages if message.id == "filesvc.X001"]
    expected = [State.FAILED if isinstance(one, Error) else State.WARNING for one in ours]
    assert [one.state for one in found] == (expected or [State.OK])
