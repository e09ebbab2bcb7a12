# SPDX-License-Identifier: GPL-3.0-or-later
"""After a recovery no mark keeps anybody away, whether SUMS merges metadata or replaces it."""

from __future__ import annotations

import typing as t

import pytest
from play_support import VIN
from recovery_support import NOW, Lab, moment
from sums_support import client_of, validated

from ansible_collections.hatci.automation.plugins.module_utils._recovery.resume import resume
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import resumed_mark


def unmarking(lab: Lab) -> list[dict[str, t.Any]]:
    """Return the changes that took a mark away."""
    sent = [call["body"] or {} for call in lab.sums.requests() if call["method"] == "PATCH"]
    return [body for body in sent if body.get("metadata", {}).get("recovering", "") is None]


def test_where_sums_merges_metadata_the_mark_goes(lab: Lab) -> None:
    ids = lab.die("deployment")
    assert lab.recover()["closed"]
    held = lab.test_event(ids["test_event_id"])
    assert (held["metadata"].pop("recovering"), held["metadata"]["outcome"]) == (None, "ABORTED")
    assert [body.keys() for body in unmarking(lab)] == [{"metadata"}]
    assert lab.statuses(ids["test_event_id"]) == ["FAIL"]


def test_where_sums_replaces_metadata_nothing_more_is_sent(lab: Lab) -> None:
    ids = lab.die("deployment")
    answer = {"test_event_id": ids["test_event_id"], "status": "FAIL", "metadata": {"outcome": "ABORTED"}}
    # Each of the three looks sends two changes, then there is the mark.
    lab.sums.add_fault(kind="replace", status=200, method="PATCH", path="/test_events/.*", body=answer, skip=7)
    assert lab.recover()["closed"]
    assert unmarking(lab) == []


def test_a_mark_that_cannot_be_taken_away_costs_no_recovery(lab: Lab) -> None:
    ids = lab.die("deployment")
    lab.sums.add_fault(kind="status", status=422, method="PATCH", path="/test_events/.*", skip=8)
    assert lab.recover()["closed"]
    assert lab.test_event(ids["test_event_id"])["metadata"]["outcome"] == "ABORTED"
    assert not lab.recover()["changed"]


def test_the_mark_of_a_job_that_died_while_it_went_on_keeps_nobody_away_from_a_test_that_was_closed(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = lab.die("deployment")
    mark = {"resumed": resumed_mark("52", NOW - 900, 86400)}  # of which AAP has no result
    lab.run("test_event_update", test_event_id=ids["test_event_id"], metadata=mark)
    lab.aap.put_job(52, name="HATCI OTA resume", status="canceled", finished=moment(-300))
    assert lab.recover()["closed"]
    assert lab.test_event(ids["test_event_id"])["metadata"]["resumed"].keys() == {"job", "at", "by"}

    monkeypatch.delenv("CONTROLLER_HOST")
    given = {"hatci_base_url": lab.sums.url, "hatci_token": lab.sums.token, "vin": VIN, "job_id": "53"}
    by_ids = {"test_event_id": ids["test_event_id"], "deployment_id": ids["deployment"]}
    with client_of(lab.sums.url, token=lab.sums.token) as client:
        options = validated("hatci_resume", {**given, **by_ids})
        assert resume(client, options, False, now=lambda: NOW, sleep=lambda _seconds: None)["changed"]
