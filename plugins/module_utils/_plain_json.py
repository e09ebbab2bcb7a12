# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading JSON that anyone may have written, and refusing what cannot be handed on as JSON."""

from __future__ import annotations

import json
import typing as t

MAX_DEPTH = 64
"""Deeper than any record that is read here, and not deep enough to exhaust what reads a task's result."""


def parse_json(text: str | bytes) -> t.Any:
    """Parse JSON.

    :raises ValueError: it is not JSON, gives a name two values, or holds what JSON has not; see :func:`refuse_odd`.
    """
    try:
        value = json.loads(
            text if isinstance(text, str) else text.decode("utf-8"), object_pairs_hook=_refuse_second_values
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    refuse_odd(value)
    return value


def refuse_odd(value: t.Any) -> None:
    """Refuse a value that was read from JSON or YAML and yet is nothing that every reader of JSON takes.

    :raises ValueError: NaN or an infinite number, broken Unicode, endless depth, or a type that JSON has not.
    """
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("broken Unicode") from None
    except TypeError as error:
        raise ValueError(str(error)) from None
    _refuse_depth(value, MAX_DEPTH)


def _refuse_second_values(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
    value = dict(pairs)
    if len(value) < len(pairs) and any(value[name] != first for name, first in pairs):
        raise ValueError("one name with two values")
    return value


def _refuse_depth(value: t.Any, left: int) -> None:
    if not left:
        raise ValueError("nested too deeply")
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            _refuse_depth(item, left - 1)
