# SPDX-License-Identifier: GPL-3.0-or-later
"""Which exporter a lease gets now, and in the controller's words why it gets none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hatci_lab.controller.model import STATUS_AVAILABLE, Exporter, Lease
from hatci_lab.controller.policies import Approved, Policy, approve

READY = "Ready"
PENDING = "Pending"
UNSATISFIABLE = "Unsatisfiable"
INVALID = "Invalid"

_LOST_NAME = ""
"""The real controller names an exporter that its filter has just cleared."""


@dataclass(frozen=True)
class Verdict:
    """A condition that comes true; ``exporter`` is the one that the lease gets."""

    condition: str
    reason: str
    message: str
    exporter: str = ""

    @property
    def final(self) -> bool:
        return self.condition in (UNSATISFIABLE, INVALID)


@dataclass(frozen=True)
class Fleet:
    """What there is to lease."""

    exporters: Mapping[str, Exporter]
    policies: Sequence[Policy]
    is_online: Callable[[Exporter], bool]
    is_leased: Callable[[Exporter], bool]


def schedule(lease: Lease, fleet: Fleet, *, held_back: bool = False) -> Verdict:
    """:param held_back: no exporter counts as ready."""
    found = _wanted(lease, fleet)
    if isinstance(found, Verdict):
        return found
    approved, descriptions = approve(lease, found, fleet.policies)
    if not approved:
        return _no_access(len(found), descriptions)
    online = [item for item in approved if fleet.is_online(item.exporter)]
    if not online:
        there = f"While there are {len(approved)} available exporters (i.e. {_LOST_NAME})"
        return Verdict(PENDING, "Offline", f"{there}, none of them are online")
    free = sorted((item for item in online if not fleet.is_leased(item.exporter)), key=_rank)
    if not free:
        there = f"There are {len(online)} approved exporters, (i.e. {_LOST_NAME})"
        return Verdict(PENDING, "NotAvailable", f"{there} but all of them are already leased")
    ready = [item for item in free if item.exporter.status == STATUS_AVAILABLE]
    if held_back or not ready:
        there = f"There are {len(free)} online exporters"
        return Verdict(PENDING, "NotReady", f"{there}, but none are ready (still cleaning up previous lease)")
    return Verdict(READY, "Ready", "An exporter has been acquired for the client", ready[0].exporter.name)


def _wanted(lease: Lease, fleet: Fleet) -> list[Exporter] | Verdict:
    if lease.exporter_name:
        return _named(lease, fleet)
    selector = lease.parsed_selector
    if not selector:
        return Verdict(INVALID, "InvalidSelector", "The selector for the lease is empty, a selector is required")
    matching = [item for item in fleet.exporters.values() if selector.matches(item.labels)]
    enabled = [item for item in matching if item.enabled]
    if matching and not enabled:
        message = f"All {len(matching)} exporters matching the selector are disabled"
        return Verdict(UNSATISFIABLE, "AllDisabled", message)
    return enabled


def _named(lease: Lease, fleet: Fleet) -> list[Exporter] | Verdict:
    exporter = fleet.exporters.get(lease.exporter_name)
    if exporter is None:
        message = f"Requested exporter {lease.exporter_name} was not found"
        return Verdict(UNSATISFIABLE, "ExporterNotFound", message)
    if not lease.parsed_selector.matches(exporter.labels):
        message = f"Requested exporter {exporter.name} does not match selector {lease.parsed_selector}"
        return Verdict(UNSATISFIABLE, "SelectorMismatch", message)
    if not exporter.enabled and not lease.allow_disabled:
        message = (
            f"Requested exporter {exporter.name} is disabled. To lease a disabled exporter, set spec.allowDisabled: "
            "true on the Lease, or use --allow-disabled with jmp create lease or jmp shell"
        )
        return Verdict(UNSATISFIABLE, "ExporterDisabled", message)
    return [exporter]


def _no_access(matching: int, descriptions: list[str]) -> Verdict:
    message = (
        f"While there are {matching} exporters matching the selector, "
        "none of them are approved by any policy for your client"
    )
    if descriptions:
        message += f". Matching policies: {'; '.join(descriptions)}"
    return Verdict(UNSATISFIABLE, "NoAccess", message)


def _rank(item: Approved) -> tuple[int, str]:
    return -item.priority, item.exporter.name
