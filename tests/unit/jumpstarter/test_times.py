# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.times import clock_form, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("60m", 3600),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1d 2h 3m 4s", 93784),
        ("01:30:00", 5400),
        ("100:00:01", 360001),
        (" 30M ", 1800),
    ],
)
def test_every_form_gives_its_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text, "duration") == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0m", "-5m", "soon", "1.5h", "30 minutes", "1:2", "00:60:00", "5x", "999999999d"]
)
def test_anything_else_is_refused_with_what_to_give(text: str) -> None:
    with pytest.raises(InputError, match=r"^duration is .*; give a duration such as 30m, 1h30m, 01:30:00 or 90"):
        parse_duration(text, "duration")


@given(st.integers(1, 366 * 86400))
def test_the_form_for_jmp_means_the_same(seconds: int) -> None:
    assert parse_duration(clock_form(seconds), "duration") == seconds


@pytest.mark.parametrize(("seconds", "form"), [(0.2, "00:00:01"), (59.01, "00:01:00"), (3600.0, "01:00:00")])
def test_parts_of_a_second_are_rounded_up(seconds: float, form: str) -> None:
    assert clock_form(seconds) == form
