# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease state machine: what is granted to whom, when it ends, and why not.

It knows nothing of gRPC or of files. ``reconcile`` is the only place where a lease changes
its state by itself; every other method records a wish, as a Kubernetes API server does.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hatci_lab.controller.errors import Refused, not_found
from hatci_lab.controller.model import Condition, Exporter, Lease
from hatci_lab.controller.names import check_name, is_label_value
from hatci_lab.controller.policies import Policy
from hatci_lab.controller.queueing import Order, oldest_first
from hatci_lab.controller.scheduling import Fleet, schedule
from hatci_lab.controller.selectors import Selector, SelectorError

MAX_TAGS = 10


@dataclass
class LeaseRequest:
    duration: float
    lease_id: str = ""
    selector: str = ""
    exporter_name: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    allow_disabled: bool = False
    begin_time: float | None = None


@dataclass
class LeaseChange:
    duration: float | None = None
    begin_time: float | None = None
    client: str | None = None


class LeaseBook:
    def __init__(
        self,
        clients: Iterable[str],
        *,
        offline_after: float = 60.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clients = {name: new_uid() for name in clients}
        """Who may call, with the id that is in their tokens."""
        self.leases: dict[str, Lease] = {}
        self.exporters: dict[str, Exporter] = {}
        self.policies: list[Policy] = []
        self.order: Order = oldest_first
        self.scheduling_delay = 0.0
        self.release_delay = 0.0
        self._offline_after = offline_after
        self._clock = clock

    def create(self, client: str, request: LeaseRequest) -> Lease:
        if not request.selector and not request.exporter_name:
            raise Refused("INVALID_ARGUMENT", "one of selector or exporter_name is required")
        _check_tags(request.tags)
        selector = _parse_selector(request.selector)
        if request.duration <= 0:
            raise Refused("UNKNOWN", f"duration must be positive, got {request.duration:g}s")
        name = request.lease_id or new_uid()
        check_name("Lease", name)
        if name in self.leases:
            raise Refused("UNKNOWN", f'leases.jumpstarter.dev "{name}" already exists')
        lease = Lease(
            name=name,
            client=client,
            duration=request.duration,
            created=self._clock(),
            selector=str(selector) if selector else "",
            exporter_name=request.exporter_name,
            tags=dict(request.tags),
            allow_disabled=request.allow_disabled,
            requested_begin=request.begin_time,
        )
        self.leases[name] = lease
        return lease

    def add_ended(self, client: str, count: int) -> None:
        """Add leases that ended long ago."""
        now = self._clock()
        for number in range(count):
            past = Lease(f"past-{number:06}", client, 60.0, now - 86400.0, selector="exporter=past")
            past.begin = _whole_second(past.created)
            self._end(past, past.begin + 30.0, "Released", "The lease was marked for release")
            self.leases[past.name] = past

    def get(self, name: str) -> Lease:
        if name not in self.leases:
            raise not_found("leases", name)
        return self.leases[name]

    def select(self, *, label_filter: str = "", tag_filter: str = "", only_active: bool = True) -> list[Lease]:
        wanted = _parse_selector(label_filter)
        tags = _parse_selector(tag_filter)
        return sorted(
            (
                lease
                for lease in self.leases.values()
                if not (only_active and lease.ended) and wanted.matches(lease.labels) and tags.matches(lease.tags)
            ),
            key=lambda lease: lease.name,
        )

    def update(self, client: str, name: str, change: LeaseChange) -> Lease:
        lease = self.get(name)
        if lease.client != client:
            raise Refused("UNKNOWN", "UpdateLease permission denied")
        if change.duration is not None and change.duration <= 0:
            raise Refused("UNKNOWN", f"duration must be positive, got {change.duration:g}s")
        if change.begin_time is not None and lease.exporter and change.begin_time != lease.requested_begin:
            raise Refused("FAILED_PRECONDITION", "cannot update BeginTime: lease has already started")
        if change.client is not None:
            self._check_transfer(lease, change.client)
            lease.client = change.client
        if not lease.ended:
            lease.duration = change.duration or lease.duration
            lease.requested_begin = change.begin_time or lease.requested_begin
        return lease

    def delete(self, client: str, name: str) -> None:
        lease = self.get(name)
        if lease.client != client:
            raise Refused("UNKNOWN", "DeleteLease permission denied")
        if lease.released:
            raise Refused("FAILED_PRECONDITION", f'lease "{name}" has already been released')
        self._release(lease)

    def release_as_exporter(self, exporter: str, name: str) -> None:
        lease = self.get(name)
        if lease.exporter != exporter:
            raise Refused("FAILED_PRECONDITION", f"lease {name} is not held by exporter {exporter}")
        self._release(lease)

    def release_of(self, exporter: str) -> None:
        """Release whatever lease an exporter has, since it says so itself."""
        held = self.holder(exporter)
        if held is not None:
            self._release(held)

    def remove_lease(self, name: str) -> None:
        """Delete the object, as an administrator does; nobody can see any more that there was one."""
        self.get(name)
        del self.leases[name]

    def remove_exporter(self, name: str) -> None:
        """Delete an exporter and the leases that had it, which Kubernetes collects as garbage."""
        self.exporter(name)
        del self.exporters[name]
        self.leases = {lease.name: lease for lease in self.leases.values() if lease.exporter != name}

    def remove_client(self, name: str) -> None:
        """Delete a client; its leases stay until their time is over."""
        self.uid(name)
        del self.clients[name]

    def uid(self, client: str) -> str:
        if client not in self.clients:
            raise not_found("clients", client)
        return self.clients[client]

    def exporter(self, name: str) -> Exporter:
        if name not in self.exporters:
            raise not_found("exporters", name)
        return self.exporters[name]

    def exporter_online(self, exporter: Exporter) -> bool:
        return exporter.online(self._clock(), self._offline_after)

    def holder(self, exporter: str) -> Lease | None:
        return next((lease for lease in self.leases.values() if lease.exporter == exporter and not lease.ended), None)

    def reconcile(self) -> float | None:
        """Move every lease to where it belongs now; return the next time at which that may change."""
        now = self._clock()
        for lease in self.leases.values():
            if not lease.ended:
                self._end_if_over(lease, now)
        for lease in self.order(self.leases.values()):
            if not lease.ended and not lease.exporter:
                self._schedule(lease, now)
        return min((moment for moment in self._deadlines() if moment > now), default=None)

    def _check_transfer(self, lease: Lease, client: str) -> None:
        if not lease.exporter:
            raise Refused("FAILED_PRECONDITION", "cannot transfer lease: lease has not started yet")
        if lease.ended:
            raise Refused("FAILED_PRECONDITION", "cannot transfer lease: lease has already ended")
        if client not in self.clients:
            raise Refused("INVALID_ARGUMENT", f'target client "{client}" not found')

    def _end_if_over(self, lease: Lease, now: float) -> None:
        if lease.released_at is not None and lease.released_at + self.release_delay <= now:
            self._end(lease, now, "Released", "The lease was marked for release")
        elif lease.expires is not None and lease.expires < now:
            self._end(lease, now, "Expired", "The lease has expired")

    def _release(self, lease: Lease) -> None:
        lease.released_at = self._clock()

    def _end(self, lease: Lease, now: float, reason: str, message: str) -> None:
        lease.set_condition(Condition("Ready", False, reason, message, now))
        lease.ended = True
        lease.end = _whole_second(now)

    def _schedule(self, lease: Lease, now: float) -> None:
        if lease.requested_begin is not None and lease.requested_begin > now:
            return
        verdict = schedule(lease, self._fleet, held_back=lease.created + self.scheduling_delay > now)
        lease.set_condition(Condition(verdict.condition, True, verdict.reason, verdict.message, now))
        if verdict.exporter:
            lease.exporter = verdict.exporter
            lease.begin = _whole_second(now)
        if verdict.final:
            lease.ended = True
            lease.end = _whole_second(now)

    @property
    def _fleet(self) -> Fleet:
        return Fleet(
            self.exporters,
            self.policies,
            is_online=self.exporter_online,
            is_leased=lambda exporter: self.holder(exporter.name) is not None,
        )

    def _deadlines(self) -> Iterable[float]:
        for lease in self.leases.values():
            if lease.ended:
                continue
            if lease.released_at is not None:
                yield lease.released_at + self.release_delay
            if lease.expires is not None:
                yield lease.expires + 0.001
            else:
                yield lease.created + self.scheduling_delay
                yield lease.requested_begin or 0.0
        for exporter in self.exporters.values():
            if exporter.registered and not exporter.streams:
                yield exporter.last_seen + self._offline_after + 0.001


def new_uid() -> str:
    return str(uuid.uuid4())


def _whole_second(moment: float) -> float:
    """Kubernetes stores times in whole seconds."""
    return float(int(moment))


def _parse_selector(text: str) -> Selector:
    try:
        return Selector.parse(text)
    except SelectorError as error:
        raise Refused("UNKNOWN", f"failed to parse label selector: {error}") from error


def _check_tags(tags: dict[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise Refused("INVALID_ARGUMENT", f"invalid lease tags: too many tags: {len(tags)} (maximum {MAX_TAGS})")
    for key, value in tags.items():
        if not key or not is_label_value(key):
            raise Refused("INVALID_ARGUMENT", f'invalid lease tags: tag key "{key}" is not a valid label key')
        if not is_label_value(value):
            raise Refused(
                "INVALID_ARGUMENT", f'invalid lease tags: tag value for key "{key}" is not a valid label value'
            )
