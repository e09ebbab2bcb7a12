# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller keeps: leases and exporters, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from hatci_lab.controller.selectors import Selector

TAG_PREFIX = "metadata.jumpstarter.dev/"

STATUS_UNSPECIFIED = 0
STATUS_OFFLINE = 1
STATUS_AVAILABLE = 2
STATUS_LEASE_READY = 4


@dataclass
class Condition:
    type: str
    status: bool
    reason: str
    message: str
    since: float


@dataclass
class Lease:
    """Times are seconds since the epoch; a lease that waits has no begin, one that runs no end."""

    name: str
    client: str
    duration: float
    created: float
    selector: str = ""
    exporter_name: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    allow_disabled: bool = False
    requested_begin: float | None = None
    conditions: list[Condition] = field(default_factory=list)
    exporter: str = ""
    begin: float | None = None
    end: float | None = None
    ended: bool = False
    released_at: float | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        conditions = [Condition(**item) for item in data["conditions"]]
        return cls(**{**data, "conditions": conditions})

    @property
    def released(self) -> bool:
        return self.released_at is not None

    @property
    def parsed_selector(self) -> Selector:
        return Selector.parse(self.selector)

    @property
    def labels(self) -> dict[str, str]:
        tags = {TAG_PREFIX + key: value for key, value in self.tags.items()}
        return {**self.parsed_selector.equalities, **tags}

    @property
    def ready(self) -> bool:
        return self.has("Ready")

    @property
    def expires(self) -> float | None:
        if self.begin is None:
            return None
        return (self.requested_begin or self.begin) + self.duration

    @property
    def state(self) -> str:
        """One word for people and tests; the protocol itself knows only the conditions."""
        for condition in ("Ready", "Unsatisfiable", "Invalid"):
            if self.has(condition):
                return condition
        if self.ended:
            return next((item.reason for item in self.conditions if item.type == "Ready"), "Ended")
        return "Pending"

    def has(self, condition_type: str) -> bool:
        return any(item.type == condition_type and item.status for item in self.conditions)

    def set_condition(self, condition: Condition) -> None:
        """Replace the condition of this type in place; its time moves only when its status does."""
        for index, old in enumerate(self.conditions):
            if old.type == condition.type:
                if old.status == condition.status:
                    condition.since = old.since
                self.conditions[index] = condition
                return
        self.conditions.append(condition)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "state": self.state, "expires": self.expires}


@dataclass
class Exporter:
    name: str
    labels: dict[str, str] = field(default_factory=dict)
    enabled: bool = True
    registered: bool = False
    status: int = STATUS_UNSPECIFIED
    status_message: str = ""
    last_seen: float = 0.0
    streams: int = 0

    def online(self, now: float, offline_after: float) -> bool:
        if not self.registered or self.status in (STATUS_UNSPECIFIED, STATUS_OFFLINE):
            return False
        return self.streams > 0 or now - self.last_seen <= offline_after
