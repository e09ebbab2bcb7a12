# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that must stay text, and answers that were left empty, in the arguments of a task.

Ansible's own ``type: str`` makes text of anything. What YAML has changed before that, such as 1.10 to 1.1 or 0123 to
83, can then no longer be seen, and would be recorded as if somebody had meant it.
"""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Iterator, Mapping


class TextType(str):
    """A type in an argument spec that Ansible reads as ``str``.

    :param takes_int: whether an int may stand for its digits.
    """

    takes_int: bool

    def __new__(cls, takes_int: bool = False) -> TextType:
        made = super().__new__(cls, "str")
        made.takes_int = takes_int
        return made


TEXT = TextType()
TEXT_OR_INT = TextType(takes_int=True)
"""For a model year, and for ids, since SUMS and AAP hand out ids that may be numbers."""

COMPARED_ECUS: Mapping[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {
        "ecu_name": {"type": TEXT, "required": True},
        "part_number": {"type": TEXT},
        "sw_version": {"type": TEXT},
    },
    "required_one_of": [["part_number", "sw_version"]],
}
"""Software that ECUs should have; of one without either nothing would be compared."""

RIVALS: Mapping[str, str] = {"hatci_token_file": "hatci_token", "client_key": "client_cert"}
"""Options that win over another one, or are joined to it: the variable of the environment for the first must not do
that to the second where a task gives only that."""

Spec = Mapping[str, Mapping[str, t.Any]]

CURE = "put it into quotes"


def describe_other(value: object, kind: TextType = TEXT) -> str | None:
    """Return what a value is in words, such as "the number 1.2"; None if it may stand as text."""
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int):
        if kind.takes_int and value >= 0:
            return None
        return f"the number {value}" if abs(value) < 10**40 else "a number of more than 40 digits"
    if isinstance(value, float):
        return f"the number {float(value)!r}"
    if isinstance(value, datetime.date):
        return f"the date {value.isoformat()}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "a list"
    if isinstance(value, Mapping):
        return "a mapping"
    return "binary data" if isinstance(value, (bytes, bytearray)) else None


def text_problem(name: str, value: object, kind: TextType = TEXT) -> str | None:
    """Return a sentence if a value is not text, such as "region is the boolean false; put it into quotes."."""
    other = describe_other(value, kind)
    if other is None:
        return None
    if other in ("a list", "a mapping", "binary data"):
        return f"{name} is {other}; give text."
    return f"{name} is {other}; {CURE}."


def hidden_problem(name: str, value: object) -> str | None:
    """Return a sentence if a text has what nobody sees: blanks around it, line breaks, characters without a shape."""
    text = str(value)
    found = next((c for c in text if not c.isprintable()), None)
    if found is not None:
        return f"{name} is {text[:60]!a}, which holds the invisible character U+{ord(found):04X}; write it anew."
    if text != text.strip():
        return f"{name} is {text[:60]!r}, with a blank at its begin or end; write it without."
    return None


def text_problems(spec: Spec, arguments: Mapping[t.Any, t.Any]) -> list[str]:
    """Return a sentence for each argument that must be text and is not."""
    return [problem for name, option in spec.items() for problem in _problems_of(name, option, arguments.get(name))]


def refusal(problems: list[str]) -> str:
    """Return all problems as one message."""
    changed = any(problem.endswith(f"{CURE}.") for problem in problems)
    return " ".join([*problems, *(["YAML changes some of what is written without them."] if changed else [])])


def without_empty(spec: Spec, arguments: Mapping[t.Any, t.Any]) -> dict[t.Any, t.Any]:
    """Return the arguments without empty text that can only mean "not given", as a survey sends it.

    That is where the option has a default, or cannot be text at all.
    """
    return {
        name: value
        for name, value in arguments.items()
        if not (isinstance(value, str) and not value.strip() and _may_be_left_out(spec.get(name, {"type": "str"})))
    }


def without_rivals(spec: Spec, arguments: Mapping[t.Any, t.Any]) -> dict[t.Any, t.Any]:
    """Return the arguments with None for each rival of a given one, so that the environment does not add it."""
    return {**dict.fromkeys(name for name in rivals_of(arguments) if name in spec), **arguments}


def rivals_of(given: Mapping[t.Any, t.Any]) -> list[str]:
    """Return the options that the environment must not add to those that were given."""
    return [name for name, other in RIVALS.items() if _has_text(given.get(other)) and not _has_text(given.get(name))]


def _has_text(value: object) -> bool:
    return value is not None and bool(str(value).strip())


def _may_be_left_out(option: Mapping[str, t.Any]) -> bool:
    return option.get("default") is not None or option.get("type") in ("bool", "dict", "float", "int", "list")


def _problems_of(name: str, option: Mapping[str, t.Any], value: t.Any) -> Iterator[str]:
    kind, elements = option.get("type"), option.get("elements")
    if isinstance(kind, TextType):
        if problem := text_problem(name, value, kind):
            yield problem
    elif isinstance(elements, TextType) and isinstance(value, (list, tuple)):
        for number, item in enumerate(value, start=1):
            if problem := text_problem(f"number {number} of {name}", item, elements):
                yield problem
    elif "options" in option:
        yield from _problems_of_list(name, option["options"], value)


def _problems_of_list(name: str, parts: Spec, value: t.Any) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        yield f"{name} is text; give a list."
    texts = {part: option["type"] for part, option in parts.items() if isinstance(option["type"], TextType)}
    for number, item in enumerate(value if isinstance(value, (list, tuple)) else (), start=1):
        for part, kind in texts.items() if isinstance(item, Mapping) else ():
            if problem := text_problem(f"{name}: {part} of {called(item, number)}", item.get(part), kind):
                yield problem


def called(item: Mapping[t.Any, t.Any], number: int) -> str:
    """Return what an ECU in a list is called in a message."""
    name = item.get("ecu_name")
    return f"ECU {name}" if isinstance(name, str) and name.strip() else f"ECU number {number}"
