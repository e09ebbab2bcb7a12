# SPDX-License-Identifier: GPL-3.0-or-later
"""Text in the columns of a terminal."""

from __future__ import annotations

import random
import textwrap

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._columns import columns, cut, ending, pad, wrap


@pytest.mark.parametrize(
    ("text", "width"),
    [("abc", 3), ("車両", 4), ("e\u0301te\u0301", 3), ("\u1112\u1161\u11ab", 2), ("ｶﾞ", 2), ("\uff21", 2), ("é", 1)],
)
def test_what_a_text_takes_in_a_terminal(text: str, width: int) -> None:
    assert columns(text) == width


@pytest.mark.parametrize(
    ("width", "begin", "end", "padded"),
    [(5, "車両", "両両1", "車両 "), (4, "車両", "両1", "車両"), (3, "車", "両1", "車 "), (1, "", "1", " ")],
)
def test_no_letter_is_cut_in_two(width: int, begin: str, end: str, padded: str) -> None:
    assert (cut("車両両1", width), ending("車両両1", width), pad("車両両1", width)) == (begin, end, padded)


def test_a_letter_is_not_parted_from_its_accent() -> None:
    assert cut("e\u0301te\u0301", 1) == "e\u0301"


def test_plain_text_is_wrapped_as_python_does_it() -> None:
    chance = random.Random(1)
    for _unused in range(2000):
        text = "".join(chance.choice("ab -  ") for _char in range(chance.randrange(60)))
        assert wrap(text, 12, "    ") == textwrap.wrap(
            text, 12, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
        )


def test_wide_words_are_wrapped_by_columns() -> None:
    assert wrap("abc 車両車両車両 de", 8, "  ") == ["  abc 車", "  両車両", "  車両", "  de"]
