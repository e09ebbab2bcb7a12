# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease state machine alone, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hatci_lab.controller.errors import Refused
from hatci_lab.controller.leases import LeaseBook, LeaseChange, LeaseRequest
from hatci_lab.controller.model import STATUS_AVAILABLE, STATUS_OFFLINE, Exporter, Lease
from hatci_lab.controller.queueing import Order, at_random, newest_first, oldest_first
from hatci_lab.controller.selectors import Selector, SelectorError


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(clock: Clock) -> LeaseBook:
    book = LeaseBook(["alice", "bob"], clock=clock)
    for name in ("car-1", "car-2"):
        book.exporters[name] = Exporter(
            name, {"exporter": name, "make": "hyundai"}, registered=True, status=STATUS_AVAILABLE, streams=1
        )
    return book


@pytest.fixture
def lease(book: LeaseBook) -> Callable[..., Lease]:
    def create(lease_id: str, client: str = "alice", **request: object) -> Lease:
        wanted = {"duration": 60.0, "selector": "exporter=car-1", **request}
        made = book.create(client, LeaseRequest(lease_id=lease_id, **wanted))  # type: ignore[arg-type]
        assert made.conditions == []
        book.reconcile()
        return made

    return create


def reason(lease: Lease, condition: str) -> str:
    return next(item.reason for item in lease.conditions if item.type == condition)


def test_a_queue_is_served_in_order_and_pending_stays_true(book: LeaseBook, lease: Callable[..., Lease]) -> None:
    first, second, third = lease("first"), lease("second", "bob"), lease("third")
    assert [item.state for item in (first, second, third)] == ["Ready", "Pending", "Pending"]
    assert reason(second, "Pending") == "NotAvailable"

    book.delete("alice", "first")
    book.reconcile()

    assert (first.state, reason(first, "Ready")) == ("Released", "Released")
    assert [item.state for item in (second, third)] == ["Ready", "Pending"]
    assert second.has("Pending")


def test_a_selector_takes_the_first_free_exporter_by_name(lease: Callable[..., Lease]) -> None:
    assert lease("one", selector="make in (hyundai, kia)").exporter == "car-1"
    assert lease("two", selector="make,exporter!=car-1").exporter == "car-2"
    assert lease("three", selector="make=hyundai").state == "Pending"


def test_an_exporter_that_cleans_up_is_not_ready(book: LeaseBook, lease: Callable[..., Lease]) -> None:
    book.exporters["car-1"].status = 4
    waiting = lease("waits")
    assert reason(waiting, "Pending") == "NotReady"
    book.exporters["car-1"].status = STATUS_AVAILABLE
    book.reconcile()
    assert waiting.ready


def test_an_exporter_goes_offline_by_word_or_by_silence(
    book: LeaseBook, lease: Callable[..., Lease], clock: Clock
) -> None:
    book.exporters["car-1"].status = STATUS_OFFLINE
    assert reason(lease("said-goodbye"), "Pending") == "Offline"
    silent = book.exporters["car-2"]
    silent.streams, silent.last_seen = 0, clock.now
    assert lease("still-believed", selector="exporter=car-2").ready
    book.delete("alice", "still-believed")
    clock.now += 61
    book.reconcile()
    assert reason(lease("silent", selector="exporter=car-2"), "Pending") == "Offline"


@pytest.mark.parametrize(
    ("request_", "state", "why"),
    [
        ({"selector": "exporter=car-9"}, "Unsatisfiable", "NoAccess"),
        ({"selector": "", "exporter_name": "car-9"}, "Unsatisfiable", "ExporterNotFound"),
        ({"selector": "make=kia", "exporter_name": "car-1"}, "Unsatisfiable", "SelectorMismatch"),
        ({"selector": "exporter=off"}, "Unsatisfiable", "AllDisabled"),
        ({"selector": "", "exporter_name": "off"}, "Unsatisfiable", "ExporterDisabled"),
        ({"selector": " "}, "Invalid", "InvalidSelector"),
    ],
)
def test_what_can_never_be_is_refused_for_good(
    book: LeaseBook, lease: Callable[..., Lease], request_: dict[str, str], state: str, why: str
) -> None:
    book.exporters["off"] = Exporter("off", {"exporter": "off"}, enabled=False)
    refused = lease("refused", **request_)
    assert (refused.state, reason(refused, state), refused.ended, refused.begin) == (state, why, True, None)


def test_a_lease_ends_at_begin_plus_duration(book: LeaseBook, lease: Callable[..., Lease], clock: Clock) -> None:
    held = lease("held")
    assert book.reconcile() == pytest.approx(1060, abs=0.01)
    clock.now = 1060.0
    book.reconcile()
    assert held.ready
    clock.now = 1060.01
    book.reconcile()
    assert (held.state, held.end) == ("Expired", 1060.0)


def test_an_update_sets_the_total_from_the_begin(book: LeaseBook, lease: Callable[..., Lease], clock: Clock) -> None:
    held = lease("held")
    clock.now = 1050.0
    book.update("alice", "held", LeaseChange(duration=70))
    assert held.expires == 1070.0
    book.update("alice", "held", LeaseChange(duration=10))
    book.reconcile()
    assert held.state == "Expired"
    assert book.update("alice", "held", LeaseChange(duration=600)).duration == 10


def test_a_transfer_gives_the_lease_to_another_client(book: LeaseBook, lease: Callable[..., Lease]) -> None:
    held = lease("held")
    book.update("alice", "held", LeaseChange(client="bob"))
    assert held.client == "bob"
    with pytest.raises(Refused, match="permission denied"):
        book.delete("alice", "held")
    with pytest.raises(Refused, match="not found"):
        book.update("bob", "held", LeaseChange(client="mallory"))


def test_a_scheduled_lease_waits_for_its_time(lease: Callable[..., Lease], book: LeaseBook, clock: Clock) -> None:
    later = lease("later", begin_time=1100.0)
    assert (later.state, book.reconcile()) == ("Pending", 1100.0)
    clock.now = 1100.0
    book.reconcile()
    assert later.ready


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"lease_id": "taken"}, "already exists"),
        ({"lease_id": "vehicle_001"}, "RFC 1123"),
        ({"selector": ""}, "one of selector or exporter_name"),
        ({"selector": "a b c"}, "failed to parse label selector"),
        ({"duration": 0.0}, "duration must be positive"),
        ({"tags": {"job": "no spaces please"}}, "not a valid label value"),
        ({"tags": {f"tag{number}": "x" for number in range(11)}}, "too many tags"),
    ],
)
def test_a_malformed_request_makes_no_lease(
    book: LeaseBook, lease: Callable[..., Lease], request_: dict[str, object], message: str
) -> None:
    lease("taken")
    with pytest.raises(Refused, match=message):
        book.create("alice", LeaseRequest(**{"duration": 60.0, "selector": "a=b", **request_}))  # type: ignore[arg-type]
    assert list(book.leases) == ["taken"]


def test_lists_show_active_leases_and_filter_by_tag(book: LeaseBook, lease: Callable[..., Lease]) -> None:
    lease("first", tags={"job": "1"})
    lease("second", tags={"job": "2"})
    book.delete("alice", "first")
    book.reconcile()
    assert [item.name for item in book.select()] == ["second"]
    assert [item.name for item in book.select(only_active=False)] == ["first", "second"]
    assert [item.name for item in book.select(only_active=False, tag_filter="job in (1,3)")] == ["first"]


@pytest.mark.parametrize(("order", "next_"), [(oldest_first, "second"), (newest_first, "third")])
def test_the_queue_can_be_served_in_another_order(
    book: LeaseBook, lease: Callable[..., Lease], order: Order, next_: str
) -> None:
    book.order = order
    lease("first")
    lease("second", "bob")
    lease("third")
    book.delete("alice", "first")
    book.reconcile()
    assert [item.name for item in book.leases.values() if item.ready] == [next_]


def test_a_random_order_leaves_nobody_out() -> None:
    leases = [Lease(str(number), "alice", 60.0, 0.0) for number in range(20)]
    first = {at_random(leases)[0].name for _unused in range(200)}
    assert sorted(at_random(leases), key=leases.index) == leases and len(first) > 1


def test_a_release_takes_its_time(book: LeaseBook, lease: Callable[..., Lease], clock: Clock) -> None:
    book.release_delay = 5.0
    held, waiting = lease("held"), lease("waiting", "bob")
    book.delete("alice", "held")
    assert (book.reconcile(), held.ready, waiting.state) == (1005.0, True, "Pending")
    with pytest.raises(Refused, match="already been released"):
        book.delete("alice", "held")
    clock.now = 1005.0
    book.reconcile()
    assert (held.state, waiting.state) == ("Released", "Ready")


def test_an_exporter_has_the_name_that_kubernetes_gives_it(lease: Callable[..., Lease], book: LeaseBook) -> None:
    book.exporters["vehicle-001"] = Exporter(
        "vehicle-001", {"exporter": "vehicle_001"}, registered=True, status=STATUS_AVAILABLE, streams=1
    )
    by_name = lease("by-name", selector="", exporter_name="vehicle_001")
    assert reason(by_name, "Unsatisfiable") == "ExporterNotFound"
    assert lease("by-label", selector="exporter=vehicle_001").exporter == "vehicle-001"


def test_the_words_name_no_exporter(lease: Callable[..., Lease], book: LeaseBook) -> None:
    """The real controller's filters clear the name before it is told."""
    lease("holds")
    waits = lease("waits")
    assert waits.conditions[0].message == ("There are 1 approved exporters, (i.e. ) but all of them are already leased")
    book.exporters["car-2"].status = STATUS_OFFLINE
    offline = lease("offline", selector="exporter=car-2")
    assert offline.conditions[0].message == ("While there are 1 available exporters (i.e. ), none of them are online")


def test_a_scheduled_lease_has_no_condition_before_its_time_and_may_have_to_wait_then(
    lease: Callable[..., Lease], book: LeaseBook, clock: Clock
) -> None:
    lease("holds", duration=500.0)
    later = lease("later", "bob", begin_time=1100.0)
    assert later.conditions == []
    clock.now = 1100.0
    book.reconcile()
    assert (later.state, reason(later, "Pending"), later.begin) == ("Pending", "NotAvailable", None)
    book.delete("alice", "holds")
    clock.now = 1130.0
    book.reconcile()
    assert (later.begin, later.expires) == (1130.0, 1160.0)


def test_what_an_administrator_deletes_is_not_found(book: LeaseBook, lease: Callable[..., Lease]) -> None:
    lease("held")
    book.remove_lease("held")
    with pytest.raises(Refused, match=r'^leases.jumpstarter.dev "held" not found$'):
        book.delete("alice", "held")
    lease("another")
    book.remove_exporter("car-1")
    assert book.leases == {}
    assert reason(lease("too-late", selector="", exporter_name="car-1"), "Unsatisfiable") == "ExporterNotFound"


def test_the_leases_of_a_deleted_client_stay(book: LeaseBook, lease: Callable[..., Lease]) -> None:
    held = lease("held")
    book.remove_client("alice")
    book.reconcile()
    assert held.ready
    with pytest.raises(Refused, match=r'^clients.jumpstarter.dev "alice" not found$'):
        book.uid("alice")


def test_selectors_have_one_canonical_text() -> None:
    assert str(Selector.parse("b==2, a in (y,x),c != 3,!d,e")) == "a in (x,y),b=2,c notin (3),!d,e"
    assert str(Selector.parse("")) == "<none>"
    with pytest.raises(SelectorError):
        Selector.parse("a=b,,c=d")
