# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes label selectors: parse, match, print in canonical form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_KEY = r"(?P<key>[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?)"
_VALUE = r"(?P<value>[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?|)"
_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^()]*\))")
_FORMS = (
    ("in", re.compile(rf"{_KEY}\s+in\s*\((?P<values>[^()]*)\)")),
    ("notin", re.compile(rf"{_KEY}\s+notin\s*\((?P<values>[^()]*)\)")),
    ("notin", re.compile(rf"{_KEY}\s*!=\s*{_VALUE}")),
    ("=", re.compile(rf"{_KEY}\s*==?\s*{_VALUE}")),
    ("!", re.compile(rf"!\s*{_KEY}")),
    ("exists", re.compile(_KEY)),
)


class SelectorError(ValueError):
    """The text is not a label selector."""


@dataclass(frozen=True, order=True)
class Requirement:
    key: str
    operator: str
    values: tuple[str, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        match self.operator:
            case "exists":
                return self.key in labels
            case "!":
                return self.key not in labels
            case "notin":
                return labels.get(self.key) not in self.values
            case _:
                return labels.get(self.key) in self.values

    def __str__(self) -> str:
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "=":
                return f"{self.key}={self.values[0]}"
            case _:
                return f"{self.key} {self.operator} ({','.join(self.values)})"


@dataclass(frozen=True)
class Selector:
    requirements: tuple[Requirement, ...]

    @classmethod
    def parse(cls, text: str) -> Selector:
        if not text.strip():
            return cls(())
        parts = [part.strip() for part in _COMMA_OUTSIDE_PARENTHESES.split(text)]
        return cls(tuple(sorted(_parse_requirement(part) for part in parts)))

    @property
    def equalities(self) -> dict[str, str]:
        return {item.key: item.values[0] for item in self.requirements if item.operator == "="}

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(item.matches(labels) for item in self.requirements)

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def __str__(self) -> str:
        return ",".join(str(item) for item in self.requirements) or "<none>"


def _parse_requirement(text: str) -> Requirement:
    for operator, form in _FORMS:
        found = form.fullmatch(text)
        if found is None:
            continue
        groups = found.groupdict()
        if "values" in groups:
            values = tuple(sorted(value.strip() for value in groups["values"].split(",")))
        else:
            values = (groups["value"],) if "value" in groups else ()
        return Requirement(groups["key"], operator, values)
    raise SelectorError(f"unable to parse requirement: {text!r}")
