# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text in the columns of a terminal: a letter of East Asia takes two, a combining character none."""

from __future__ import annotations

import collections
import itertools
import re
import typing as t
import unicodedata

from ansible_collections.hatci.automation.plugins.module_utils._text import printable


def columns(text: str) -> int:
    """Return how many columns a terminal shows a text in."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me") or "\u1160" <= char <= "\u11ff":  # the latter: parts of a syllable
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cell(text: str) -> str:
    """Return a text without what would break the line or the table that it stands in."""
    return text if text.isprintable() else printable(text)


def cut(text: str, width: int) -> str:
    """Return the longest beginning of a text that has room in so many columns."""
    return text[: _fitting(text, width)]


def ending(text: str, width: int) -> str:
    """Return the longest end of a text that has room in so many columns."""
    return text[len(text) - _fitting(reversed(text), width) :]


def _fitting(chars: t.Iterable[str], width: int) -> int:
    """Return how many of these characters have room in so many columns."""
    used = itertools.accumulate(map(columns, chars))
    return sum(1 for _fits in itertools.takewhile(lambda total: total <= width, used))


def pad(text: str, width: int) -> str:
    """Return a text that takes exactly so many columns: cut, or filled up with spaces."""
    shown = cut(text, width)
    return shown + " " * (width - columns(shown))


def wrap(text: str, width: int, indent: str = "") -> list[str]:
    """Return the lines of a text, none of them wider than so many columns; a longer word is broken.

    :param indent: what each line begins with.
    """
    room = width - len(indent)
    left = collections.deque(re.findall(r" +|[^ ]+", cell(text)))
    lines: list[str] = []
    while left:
        if lines and left[0].isspace():
            left.popleft()
        line, used = list[str](), 0
        while left and used + columns(left[0]) <= room:
            used += columns(left[0])
            line.append(left.popleft())
        if left and columns(left[0]) > room:
            line.append(cut(left[0], room - used))
            left[0] = left[0][len(line[-1]) :]
        if line and not line[-1].strip():
            line.pop()
        if line:
            lines.append(indent + "".join(line))
    return lines
