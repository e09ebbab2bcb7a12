# SPDX-License-Identifier: GPL-3.0-or-later
"""Access policies: which clients may have which exporters, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from hatci_lab.controller.errors import Refused
from hatci_lab.controller.model import Exporter, Lease
from hatci_lab.controller.selectors import Selector, SelectorError


@dataclass(frozen=True)
class Policy:
    """``exporters`` is a label selector, ``clients`` are names. Without any policy every client may have everything."""

    exporters: str
    clients: tuple[str, ...]
    description: str = ""
    maximum_duration: float | None = None
    priority: int = 0

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        try:
            Selector.parse(data["exporters"])
            return cls(**{**data, "clients": tuple(data["clients"])})
        except (KeyError, TypeError, SelectorError) as error:
            raise Refused("INVALID_ARGUMENT", f"not a policy: {error}") from error


@dataclass(frozen=True)
class Approved:
    exporter: Exporter
    priority: int = 0


def approve(
    lease: Lease, exporters: Iterable[Exporter], policies: Sequence[Policy]
) -> tuple[list[Approved], list[str]]:
    """The exporters that this lease may get, and what the policies that are for other clients say of themselves."""
    if not policies:
        return [Approved(exporter) for exporter in exporters], []
    approved: list[Approved] = []
    descriptions: list[str] = []
    for exporter in exporters:
        for policy in policies:
            if not Selector.parse(policy.exporters).matches(exporter.labels):
                continue
            if lease.client not in policy.clients:
                descriptions.append(policy.description)
            elif policy.maximum_duration is None or lease.duration <= policy.maximum_duration:
                approved.append(Approved(exporter, policy.priority))
    return approved, [text for text in dict.fromkeys(descriptions) if text]
