# SPDX-License-Identifier: GPL-3.0-or-later
"""A suite of many vehicles, whose events are too many to be kept: its tests are cleared all the same.

Its events are made while they are read, so that it is seen that none is kept.
"""

from __future__ import annotations

import itertools
import tracemalloc
import typing as t
from collections.abc import Iterator

import pytest
from play_support import VIN
from recovery_support import HOST, NOW, TEMPLATE, Lab, event, moment
from sums_support import client_of, validated

from ansible_collections.hatci.automation.plugins.module_utils._aap.api import Aap
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resume import resume

VEHICLES, CYCLES, LOOKS = 21, 100, 98
"""With two events more, those of a test and its report, 210,000 events."""

MOST_MIB = 40
"""The tests themselves are told of; all of their events are ten times as much."""


def of_host(host: str, one: dict[str, t.Any]) -> dict[str, t.Any]:
    return {**one, "event_data": {**one["event_data"], "host": host}}


def events_of_suite(last: dict[str, t.Any]) -> Iterator[dict[str, t.Any]]:
    """Yield the events of a suite in which all tests but the last one of a vehicle were reported."""
    numbers = itertools.count(1)
    for cycle, vehicle in itertools.product(range(CYCLES), range(VEHICLES)):
        host, test_event_id = f"vehicle_{vehicle}", f"te-{cycle}-{vehicle}"
        made = {"test_event_id": test_event_id, "test_event": {"vin": host, "ansible_job_id": "41"}}
        report = {"test_event_id": test_event_id, "status": "PASS"}
        yield {**of_host(host, event("hatci_test_event", made)), "counter": next(numbers)}
        for _look in range(LOOKS):
            look = event("hatci_update_status", {"state": "IN_PROGRESS", "log": f"{next(numbers):0500}"})
            yield {**of_host(host, look), "counter": next(numbers)}
        yield {**of_host(host, event("hatci_test_event_update", {}, **report)), "counter": next(numbers)}
    yield {**of_host(HOST, last), "counter": next(numbers)}


@pytest.fixture
def long_job(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Let a suite die in its last test, with events that come page by page; return the ids of that test."""
    ids = lab.die("deployment")
    events = [dict(one) for one in lab.aap.get("/jobs/41/job_events/?page_size=200").json()["results"]]
    pages = Aap.pages

    def made(self: Aap, path: str, *given: t.Any, **more: t.Any) -> Iterator[list[t.Any]]:
        if "/41/job_events/" not in path:
            yield from pages(self, path, *given, **more)
            return
        assert more["most"] * 200 > VEHICLES * CYCLES * (LOOKS + 2)
        suite = events_of_suite(events[0])
        while page := list(itertools.islice(suite, 200)):
            yield page
        yield events[1:]

    monkeypatch.setattr(Aap, "pages", made)
    lab.aap.put_job(41, name=TEMPLATE, status="canceled", finished=moment(-300))
    return ids


@pytest.mark.slow
@pytest.mark.parametrize("act", ["recover", "resume"])
def test_the_last_test_of_a_suite_with_very_many_events_is_found(lab: Lab, long_job: dict[str, str], act: str) -> None:
    tracemalloc.start()
    try:
        if act == "recover":
            assert [one["test_event_id"] for one in lab.recover()["closed"]] == [long_job["test_event_id"]]
        else:
            given = {"hatci_base_url": lab.sums.url, "hatci_token": lab.sums.token, "vin": VIN, "job_id": "52"}
            with client_of(lab.sums.url, token=lab.sums.token) as client:
                options = validated("hatci_resume", {**given, "resume_job_id": "41"})
                found = resume(client, options, False, now=lambda: NOW, sleep=lambda _seconds: None)
            assert found["deployment_id"] == long_job["deployment"]
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    print(f"{act}: {VEHICLES * CYCLES * (LOOKS + 2):,} events, at most {most / 2**20:.0f} MiB")
    assert most < MOST_MIB * 2**20
