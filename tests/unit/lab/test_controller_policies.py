# SPDX-License-Identifier: GPL-3.0-or-later
"""Access policies: who may have which exporter, for how long, and what those hear who may not."""

from __future__ import annotations

import pytest

from hatci_lab.controller.errors import Refused
from hatci_lab.controller.leases import LeaseBook, LeaseChange, LeaseRequest
from hatci_lab.controller.model import STATUS_AVAILABLE, Exporter, Lease
from hatci_lab.controller.policies import Policy

NONE_APPROVED = (
    "While there are 2 exporters matching the selector, none of them are approved by any policy for your client"
)


@pytest.fixture
def book() -> LeaseBook:
    book = LeaseBook(["alice", "bob"], clock=lambda: 1000.0)
    for name in ("car-1", "car-2"):
        book.exporters[name] = Exporter(
            name, {"exporter": name, "make": "hyundai"}, registered=True, status=STATUS_AVAILABLE, streams=1
        )
    return book


def ask(book: LeaseBook, name: str, client: str = "alice", duration: float = 60.0) -> Lease:
    lease = book.create(client, LeaseRequest(duration, lease_id=name, selector="make=hyundai"))
    book.reconcile()
    return lease


def why(lease: Lease) -> tuple[str, str]:
    return lease.conditions[-1].reason, lease.conditions[-1].message


def test_a_client_of_no_policy_hears_what_the_policies_say_of_themselves(book: LeaseBook) -> None:
    book.policies = [
        Policy("make=hyundai", ("bob",), "Night shift only"),
        Policy("exporter=car-1", ("bob",), "Night shift only"),
        Policy("exporter=car-2", ("carol",), "Carol's car"),
    ]
    assert why(ask(book, "alice")) == ("NoAccess", f"{NONE_APPROVED}. Matching policies: Night shift only; Carol's car")
    assert ask(book, "bob", "bob").ready


def test_a_longer_lease_than_allowed_is_refused_without_a_word_on_the_duration(book: LeaseBook) -> None:
    book.policies = [Policy("make=hyundai", ("alice",), "Everyone", maximum_duration=60.0)]
    assert why(ask(book, "long", duration=61.0)) == ("NoAccess", NONE_APPROVED)


def test_a_lease_that_is_held_may_be_made_longer_than_allowed(book: LeaseBook) -> None:
    book.policies = [Policy("make=hyundai", ("alice",), maximum_duration=60.0)]
    held = ask(book, "held")
    book.update("alice", "held", LeaseChange(duration=600.0))
    book.reconcile()
    assert held.ready and held.expires == 1600.0


def test_the_exporter_of_the_highest_priority_is_had_first(book: LeaseBook) -> None:
    book.policies = [Policy("make=hyundai", ("alice",)), Policy("exporter=car-2", ("alice",), priority=20)]
    assert [ask(book, name).exporter for name in ("first", "second")] == ["car-2", "car-1"]


@pytest.mark.parametrize(
    "data", [{"exporters": "a b c", "clients": []}, {"clients": []}, {"exporters": "", "clients": [], "colour": "red"}]
)
def test_what_is_not_a_policy_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(Refused, match="not a policy"):
        Policy.from_dict(data)
