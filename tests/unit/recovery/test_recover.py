# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that died: each open test event is closed once, with what is known, and no outcome is ever overwritten."""

from __future__ import annotations

import json
import os
import random
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from play_support import VIN
from recovery_support import HOST, NOW, STEPS, TEMPLATE, Lab, event, moment
from sums_support import validated

from ansible_collections.hatci.automation.plugins.module_utils._aap import job_history
from ansible_collections.hatci.automation.plugins.module_utils._aap.api import Aap, AapError, Forbidden
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import Lease
from ansible_collections.hatci.automation.plugins.module_utils._recovery import handover
from ansible_collections.hatci.automation.plugins.module_utils._recovery.recover import NotRecovered, Recovery
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import resumed_mark
from ansible_collections.hatci.automation.plugins.module_utils._sums import retry
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import Connection


class FakeController:
    """Holds one lease of job 41."""

    lease = Lease(
        {"name": "hatci-41-car", "tags": {"hatci-job": "41"}, "conditions": [{"type": "Ready", "status": "True"}]}
    )

    def __init__(self) -> None:
        self.deleted: list[str] = []

    def find(self, _name: str) -> Lease:
        return self.lease

    def delete(self, name: str) -> bool:
        self.deleted.append(name)
        return True


@pytest.fixture
def controller(monkeypatch: pytest.MonkeyPatch) -> FakeController:
    """Return the controller that the recovery finds."""
    made = FakeController()
    monkeypatch.setattr(Recovery, "_leases", lambda _self: (made, [made.lease]))
    return made


@pytest.mark.parametrize("step", STEPS)
def test_a_job_that_died_at_a_step_leaves_one_closed_test_event(lab: Lab, step: str) -> None:
    ids = lab.die(step)
    result = lab.recover()
    (closed,) = result["closed"]
    held = lab.test_event(ids["test_event_id"])
    assert (held["status"], held["metadata"]["outcome"]) == ("FAIL", "ABORTED")
    assert held["metadata"]["job_url"] == "https://aap/41"
    assert held["event_id"] == ids.get("target", "pending")
    assert held["summary"].startswith("ABORTED: the play of job 41 ended before it reported an outcome.")
    if "deployment" in ids:
        assert f"Deployment {ids['deployment']} is " in held["summary"]
    assert (closed["job"], closed["host"], closed["outcome"]) == ("41", HOST, "ABORTED")

    again = lab.recover()
    assert (again["changed"], again["closed"]) == (False, [])
    assert again["left_alone"][0]["reason"] == "SUMS has its outcome, ABORTED"
    assert lab.statuses(ids["test_event_id"]) == ["FAIL"]


def test_an_outcome_that_sums_has_is_never_overwritten(lab: Lab) -> None:
    ids = lab.die("deployment")
    lab.run("test_event_update", test_event_id=ids["test_event_id"], status="PASS", metadata={"outcome": "PASS"})
    result = lab.recover()
    assert not result["changed"]
    assert lab.test_event(ids["test_event_id"])["status"] == "PASS"


def test_an_outcome_that_came_while_the_recovery_tried_again_stands(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = lab.die("deployment")

    def decide(_seconds: float) -> None:
        lab.run("test_event_update", test_event_id=ids["test_event_id"], status="PASS", metadata={"outcome": "PASS"})

    lab.sums.add_fault(kind="status", status=500, method="PATCH", path="/test_events/.*", skip=2)  # after two looks
    monkeypatch.setattr(retry, "rest", decide)
    result = lab.recover(retry_timeout=30)
    assert lab.statuses(ids["test_event_id"]) == ["PASS"]
    assert [one["reason"] for one in result["left_alone"]] == ["SUMS has its outcome, PASS"]


def test_a_job_that_has_reported_is_not_even_asked_about(lab: Lab) -> None:
    ids = lab.die("deployment", status="failed")
    arguments = {"test_event_id": ids["test_event_id"], "status": "FAIL"}
    reported = lab.run("test_event_update", **arguments)
    lab.aap.add_events(41, [event("hatci_test_event_update", reported, **arguments)])
    lab.sums.clear_requests()
    assert lab.recover()["lines"] == ["No job has left anything open."]
    assert lab.sums.requests() == []


def test_a_report_that_could_not_be_sent_is_sent(lab: Lab) -> None:
    ids = lab.die("deployment", status="failed")
    report = {"status": "FAIL", "summary": "battery low", "event_id": ids["target"], "metadata": {"outcome": "FAIL"}}
    failed = event("hatci_test_event_update", {"msg": "no"}, failed=True, test_event_id=ids["test_event_id"], **report)
    lab.aap.add_events(41, [failed])
    (closed,) = lab.recover()["closed"]
    assert (closed["outcome"], closed["summary"]) == ("FAIL", "battery low")
    held = lab.test_event(ids["test_event_id"])
    assert (held["summary"], held["metadata"]["outcome"]) == ("battery low", "FAIL")


def test_jobs_of_other_templates_and_of_long_ago_are_left_alone(lab: Lab) -> None:
    lab.die("target", job=41, finished=-7200)
    lab.die("target", job=42)
    lab.aap.put_job(42, name="Something else")
    assert not lab.recover(within_hours=1)["changed"]


def test_a_job_that_ended_just_now_is_waited_for(lab: Lab) -> None:
    ids = lab.die("target", finished=-20)
    lab.recover(grace_seconds=120)
    assert lab.slept == [pytest.approx(100)]
    assert lab.statuses(ids["test_event_id"]) == ["FAIL"]


def test_a_job_that_is_over_for_aap_and_still_lives_is_left_alone(lab: Lab) -> None:
    ids = lab.die("target", status="error", finished=-20)

    def live() -> None:
        lab.aap.add_events(41, [event("hatci_update_status", {"state": "PENDING"}, at=60)])

    result = lab.recover(sleep=live)
    assert result["left_alone"] == [
        {"job": "41", "what": "all of it", "reason": "it is error in AAP, but it still lives"}
    ]
    assert lab.statuses(ids["test_event_id"]) == []


def test_what_a_job_reported_while_it_was_waited_for_stands(lab: Lab) -> None:
    ids = lab.die("target", status="error", finished=-20)
    arguments = {"test_event_id": ids["test_event_id"], "status": "PASS"}

    def report() -> None:
        lab.aap.add_events(
            41, [event("hatci_test_event_update", lab.run("test_event_update", **arguments), **arguments)]
        )

    assert not lab.recover(sleep=report)["closed"]
    assert lab.statuses(ids["test_event_id"]) == ["PASS"]


@pytest.mark.parametrize("by", ["ota_resume_job_id", "hatci_test_event_id"])
def test_a_test_that_a_living_job_goes_on_with_is_left_alone(lab: Lab, by: str) -> None:
    ids = lab.die("deployment")
    value = 41 if by == "ota_resume_job_id" else ids["test_event_id"]
    lab.aap.put_job(52, name="HATCI OTA resume", status="running", extra_vars={by: value})
    assert lab.recover()["left_alone"][0]["reason"] == "job 52 goes on with it"
    assert lab.statuses(ids["test_event_id"]) == []


@pytest.mark.parametrize(("seconds", "is_closed"), [(3600, False), (-1, True)])
def test_a_test_that_somebody_resumed_elsewhere_is_left_alone_until_its_time_is_over(
    lab: Lab, seconds: float, is_closed: bool
) -> None:
    ids = lab.die("deployment")
    mark = {"resumed": resumed_mark("manual", NOW, seconds)}
    lab.run("test_event_update", test_event_id=ids["test_event_id"], metadata=mark)
    assert bool(lab.recover()["closed"]) is is_closed


def test_check_mode_lists_and_sends_nothing(lab: Lab) -> None:
    ids = lab.die("deployment", finished=-20)
    lab.sums.clear_requests()
    result = lab.recover(check_mode=True)
    assert [one["test_event_id"] for one in result["closed"]] == [ids["test_event_id"]]
    assert "would be closed" in result["lines"][0]
    assert (lab.slept, lab.sums.requests()) == ([], [])


@pytest.mark.parametrize("hidden", [{"censored": "hidden"}, {}], ids=["censored", "too long"])
def test_a_test_event_that_cannot_be_read_is_told(lab: Lab, hidden: dict[str, t.Any]) -> None:
    lab.aap.put_job(41, name=TEMPLATE, status="canceled", finished=moment(-300))
    lab.aap.add_events(41, [event("hatci_test_event", hidden)])
    (left,) = lab.recover()["left_alone"]
    assert left["reason"] == "its id cannot be read; look in SUMS for test events of job 41"


def test_a_test_event_that_was_made_while_its_job_died_is_told(lab: Lab) -> None:
    begun = {**event("hatci_test_event", {}), "event": "runner_on_start"}
    lab.aap.put_job(41, name=TEMPLATE, status="canceled", finished=moment(-300))
    lab.aap.add_events(41, [begun])
    (left,) = lab.recover()["left_alone"]
    assert (left["what"], left["reason"]) == (
        f"the test of {HOST}",
        "its id cannot be read; look in SUMS for test events of job 41",
    )
    lab.aap.add_events(41, [event("hatci_test_event", {"msg": "no"}, failed=True)])
    assert lab.recover()["left_alone"] == []


@pytest.mark.parametrize("hidden", [{"censored": "hidden"}, {}], ids=["censored", "too long"])
def test_a_report_that_cannot_be_read_counts_as_sent(lab: Lab, hidden: dict[str, t.Any]) -> None:
    ids = lab.die("deployment", status="failed")
    lab.aap.add_events(41, [event("hatci_test_event_update", hidden)])
    assert not lab.recover()["changed"]
    assert lab.statuses(ids["test_event_id"]) == []


def test_every_page_of_events_is_read(lab: Lab) -> None:
    lab.aap.add_events(41, [event("hatci_health", {"status": "up"})] * 450)
    ids = lab.die("deployment")
    lab.recover()
    assert lab.test_event(ids["test_event_id"])["event_id"] == ids["target"]


def test_a_job_whose_events_have_no_end_does_not_keep_others_from_being_cleared(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, controller: FakeController
) -> None:
    monkeypatch.setattr(job_history, "MOST_EVENT_PAGES", 1)
    endless, ids = lab.die("test_event"), lab.die("deployment", job=42)
    lab.aap.add_events(41, [event("hatci_health", {"status": "up"})] * 450)

    words = r"Job 41 could not be looked at: \S+ lists job events without end; its tests and leases were left alone\."
    with pytest.raises(NotRecovered, match=words) as failure:
        lab.recover()

    result = failure.value.as_result()
    assert ([one["job"] for one in result["closed"]], result["changed"]) == (["42"], True)
    assert (lab.statuses(ids["test_event_id"]), lab.statuses(endless["test_event_id"])) == (["FAIL"], [])
    assert controller.deleted == [], "it may be kept on purpose"


def test_a_job_whose_events_the_token_may_not_see_is_left_alone_with_its_lease(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, controller: FakeController
) -> None:
    lab.die("deployment", job=42)
    hidden = lab.die("deployment")
    asked = job_history.results_of

    def refuse(aap: t.Any, job_id: str) -> t.Any:
        if job_id == "41":
            raise Forbidden("403", method="GET", path="/", status=403)
        return asked(aap, job_id)

    monkeypatch.setattr(job_history, "results_of", refuse)
    result = lab.recover()
    assert [one["job"] for one in result["closed"]] == ["42"]
    assert [(one["job"], one["what"]) for one in result["left_alone"]] == [("41", "its tests and leases")]
    assert (controller.deleted, lab.statuses(hidden["test_event_id"])) == ([], [])


def test_with_aap_away_after_devices_were_given_back_the_message_says_what_was_not_done(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, controller: FakeController
) -> None:
    lab.die("deployment")
    find = job_history.find_living_jobs

    def find_living(aap: t.Any) -> t.Any:
        if controller.deleted:
            raise AapError(f"AAP gave no answer. {aap.consequence}")
        return find(aap)

    monkeypatch.setattr(job_history, "find_living_jobs", find_living)
    with pytest.raises(NotRecovered, match=r"^AAP gave no answer\. No test event was closed\.") as failure:
        lab.recover()
    assert failure.value.as_result()["released"] == controller.deleted == ["hatci-41-car"]


def test_a_record_that_sums_gave_to_another_test_is_told_and_not_tried_again(lab: Lab) -> None:
    ids = lab.die("deployment")
    other = {"test_event_id": ids["test_event_id"], "vin": "1HGBH41JXMN109187", "status": "RUNNING"}
    lab.sums.add_fault(kind="replace", status=200, path="/test_events/.*", body=other, times=0)
    (left,) = lab.recover()["left_alone"]
    assert left["reason"] == "SUMS has the record of another test under its id; look there"


def test_a_report_that_was_refused_as_that_of_another_test_is_not_sent_again(lab: Lab) -> None:
    ids = lab.die("deployment", status="failed")
    report = {"test_event_id": ids["test_event_id"], "status": "FAIL", "summary": "battery low"}
    refused = event("hatci_test_event_update", {"msg": "no", "another_record": True}, failed=True, **report)
    lab.aap.add_events(41, [refused])
    assert not lab.recover()["changed"]
    assert lab.statuses(ids["test_event_id"]) == []


def test_a_token_that_does_not_see_every_job_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.die("deployment")
    lab.aap.put_user("weak", "erika")
    monkeypatch.setenv("CONTROLLER_OAUTH_TOKEN", "weak")
    with pytest.raises(AapError, match="neither a system auditor nor an administrator") as refused:
        lab.recover()
    assert "Nothing was closed or released." in refused.value.message


@pytest.mark.parametrize("missing", ["CONTROLLER_HOST", "CONTROLLER_OAUTH_TOKEN"])
def test_without_a_way_to_aap_one_sentence_says_what_to_set(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing)
    with pytest.raises(AapError, match="CONTROLLER_HOST and CONTROLLER_OAUTH_TOKEN are not both set"):
        lab.recover()


def test_with_aap_away_nothing_is_done(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = lab.die("deployment")
    monkeypatch.setenv("CONTROLLER_HOST", "http://127.0.0.1:9")
    with pytest.raises(AapError, match=r"AAP gave no answer .* Nothing was closed or released"):
        lab.recover()
    assert lab.statuses(ids["test_event_id"]) == []


def test_with_sums_away_it_is_red_and_does_its_work_later(lab: Lab) -> None:
    ids = lab.die("deployment")
    lab.sums.add_fault(kind="status", status=500, path="/test_events/.*", times=50)
    with pytest.raises(NotRecovered, match=r"was not closed: .*Run the recovery again later") as failure:
        lab.recover()
    assert failure.value.as_result()["closed"] == []
    lab.sums.clear_faults()
    assert lab.recover()["changed"]
    assert lab.statuses(ids["test_event_id"]) == ["FAIL"]


def test_with_sums_away_not_every_open_test_costs_all_its_retries(lab: Lab) -> None:
    for job in range(41, 47):
        lab.die("test_event", job=job)
    lab.sums.add_fault(kind="status", status=500, path="/test_events/.*", times=0)
    with pytest.raises(NotRecovered, match=r"3 more test events were not looked at, since SUMS is away\.") as failure:
        lab.recover()
    assert failure.value.message.count("was not closed") == 3
    lab.sums.clear_faults()
    assert len(lab.recover()["closed"]) == 6


def test_a_look_takes_no_link_away_that_cannot_be_known(lab: Lab) -> None:
    ids = lab.die("test_event")
    lab.aap.add_events(41, [event("hatci_create_event", {"censored": "hidden"})])
    lab.run("test_event_update", test_event_id=ids["test_event_id"], event_id="ev-9")
    lab.sums.clear_requests()
    lab.sums.add_fault(kind="status", status=400, method="PATCH", path="/test_events/.*", times=0)
    (left,) = lab.recover()["left_alone"]
    assert left["reason"] == "its target event cannot be read, without which SUMS does not show it; look there"
    assert [call["body"] for call in lab.sums.requests() if call["method"] == "PATCH"] == [{}]


def test_the_job_that_resumed_a_test_and_died_as_well_is_the_one_that_is_told(lab: Lab) -> None:
    ids = lab.die("deployment")
    taken = {
        "test_event_id": ids["test_event_id"],
        "target_event_id": ids["target"],
        "deployment_id": ids["deployment"],
    }
    lab.aap.put_job(52, name="HATCI OTA resume", status="canceled", finished=moment(-250))
    lab.aap.add_events(52, [event("hatci_resume", taken, job_id="41")])
    result = lab.recover()
    assert [one["job"] for one in result["closed"]] == ["52"]
    assert result["left_alone"] == [
        {"job": "41", "what": f"test event {ids['test_event_id']}", "reason": "job 52 went on with it"}
    ]
    assert lab.statuses(ids["test_event_id"]) == ["FAIL"]


def test_of_two_recoveries_at_once_one_acts(lab: Lab) -> None:
    wrong = 0
    with ThreadPoolExecutor(2) as pool:
        for job in range(100, 150):
            ids = lab.die("test_event", job=job)
            list(pool.map(lambda _n: lab.recover(), range(2)))
            wrong += lab.statuses(ids["test_event_id"]) != ["FAIL"]
            lab.aap.delete_job(job)
    assert wrong == 0


def test_of_a_recovery_and_a_job_that_lives_on_the_job_has_the_last_word(lab: Lab) -> None:
    """It reports while the recovery has waited for it and looks again, and AAP hears of that late."""
    arguments = {"status": "PASS", "metadata": {"outcome": "PASS"}}
    chance = random.Random(1)
    wrong = []
    with ThreadPoolExecutor(1) as pool:
        for job in range(100, 150):
            given = {**arguments, "test_event_id": lab.die("deployment", job=job, status="error")["test_event_id"]}
            lab.aap.put_job(job, finished=moment(-20))

            def report(job: int = job, given: dict[str, t.Any] = given) -> None:
                time.sleep(chance.uniform(0, 0.02))
                reported = lab.run("test_event_update", **given)
                lab.aap.add_events(job, [event("hatci_test_event_update", reported, at=90, **given)])

            reporting = []
            lab.recover(sleep=lambda reporting=reporting, report=report: reporting.append(pool.submit(report)))
            reporting[0].result()
            if (statuses := lab.statuses(given["test_event_id"])) != ["PASS"]:
                wrong.append(statuses)
            lab.aap.delete_job(job)
    assert wrong == []


def test_a_deployment_that_failed_meanwhile_is_the_outcome(lab: Lab) -> None:
    lab.sums.set_vehicle(VIN, outcome="FAILED", reason="battery low", update_seconds=0)
    ids = lab.die("deployment")
    lab.recover()
    held = lab.test_event(ids["test_event_id"])
    assert held["metadata"]["outcome"] == "FAIL"
    assert "battery low" in held["summary"]


def test_a_scenario_is_not_judged_by_how_its_deployment_ended(lab: Lab) -> None:
    lab.sums.set_vehicle(VIN, outcome="FAILED", reason="battery low", update_seconds=0)
    ids = lab.die("deployment", metadata={"scenario": "low_battery", "expect": "refused"})
    lab.recover()
    held = lab.test_event(ids["test_event_id"])
    assert held["metadata"]["outcome"] == "ABORTED"
    assert held["summary"].endswith(f"Deployment {ids['deployment']} is FAILED at 60 %: battery low.")


@pytest.mark.parametrize(("seconds", "is_kept"), [(900, True), (-1, False)])
@pytest.mark.parametrize("status", ["failed", "successful"])
def test_a_device_that_is_kept_on_purpose_is_told_and_given_back_only_after_its_time(
    lab: Lab, controller: FakeController, seconds: float, is_kept: bool, status: str
) -> None:
    lab.aap.put_job(41, name=TEMPLATE, status=status, finished=moment(-300))
    kept = {"lease_name": "hatci-41-car", "kept_until_seconds": NOW + seconds}
    lab.aap.add_events(41, [event("jumpstarter_lease", kept, state="kept")])
    result = lab.recover()
    assert controller.deleted == result["released"] == ([] if is_kept else ["hatci-41-car"])
    told = [one["reason"] for one in result["left_alone"] if one["what"] == "lease hatci-41-car"]
    assert told == (["it is kept until 2026-11-25 12:15:00 UTC for whoever looks into the test"] if is_kept else [])


@pytest.mark.parametrize(("handover", "is_kept"), [(None, False), (900, True), (-1, False)])
def test_a_device_that_was_to_be_handed_on_is_given_back_where_nobody_is_to_go_on(
    lab: Lab, controller: FakeController, handover: float | None, is_kept: bool
) -> None:
    lab.die("deployment")
    kept = {"lease_name": "hatci-41-car", "kept_until_seconds": NOW + 604800}
    lab.aap.add_events(41, [event("jumpstarter_lease", kept, state="kept")])
    if handover is not None:
        lab.aap.add_events(41, [event("hatci_handover", {"handed_over": {"until": NOW + handover}})])
    assert lab.recover()["released"] == controller.deleted == ([] if is_kept else ["hatci-41-car"])


@pytest.mark.parametrize("is_sent", [True, False])
def test_a_device_that_is_kept_for_whoever_looks_into_a_test_stays_once_the_test_was_judged(
    lab: Lab, controller: FakeController, is_sent: bool
) -> None:
    ids = lab.die("deployment", status="failed")
    kept = {"lease_name": "hatci-41-car", "kept_until_seconds": NOW + 900}
    report = {"test_event_id": ids["test_event_id"], "status": "FAIL", "summary": "battery low"}
    reported = event("hatci_test_event_update", {"msg": "no"}, failed=not is_sent, **report)
    lab.aap.add_events(41, [event("jumpstarter_lease", kept, state="kept"), reported])
    lab.recover()
    assert controller.deleted == []


def test_a_job_that_goes_on_is_known_where_lists_of_jobs_do_not_show_with_what_they_were_launched(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = lab.die("deployment")
    heir = {"hatci_test_event_id": ids["test_event_id"]}
    lab.aap.put_job(52, name="HATCI OTA resume", status="running", extra_vars=heir)
    pages = Aap.pages

    def without(self: Aap, path: str, *given: t.Any, **more: t.Any) -> t.Iterator[list[t.Any]]:
        for page in pages(self, path, *given, **more):
            yield [{name: value for name, value in one.items() if name != "extra_vars"} for one in page]

    monkeypatch.setattr(Aap, "pages", without)
    assert [one["reason"] for one in lab.recover()["left_alone"]] == ["job 52 goes on with it"]
    assert lab.statuses(ids["test_event_id"]) == []


def test_a_lease_that_was_handed_on_stays_with_the_job_that_goes_on_with_it(
    lab: Lab, controller: FakeController
) -> None:
    ids = lab.die("deployment", status="successful")
    kept = {"lease_name": "hatci-41-car", "kept_until_seconds": NOW - 1}
    lab.aap.add_events(41, [event("jumpstarter_lease", kept, state="kept")])
    heir = {"hatci_test_event_id": ids["test_event_id"]}
    lab.aap.put_job(52, name="HATCI OTA resume", status="running", extra_vars=heir)
    assert lab.recover()["left_alone"][0]["reason"] == "job 52 goes on with it"
    lab.aap.put_job(52, status="successful", finished=moment(-1), extra_vars=heir)
    assert lab.recover()["released"] == ["hatci-41-car"]


def test_a_lease_stays_with_whoever_took_its_test_over_outside_of_aap(lab: Lab, controller: FakeController) -> None:
    ids = lab.die("deployment")
    mark = {"resumed": resumed_mark("manual", NOW, 3600)}
    lab.run("test_event_update", test_event_id=ids["test_event_id"], metadata=mark)

    left = lab.recover()["left_alone"]

    assert [one["what"] for one in left] == ["lease hatci-41-car", f"test event {ids['test_event_id']}"]
    assert all(one["reason"].startswith("a run without a job goes on with it") for one in left)
    lab.run("test_event_update", test_event_id=ids["test_event_id"], status="PASS", metadata={"outcome": "PASS"})
    assert lab.recover()["released"] == ["hatci-41-car"]


def test_a_lease_stays_with_whoever_goes_on_with_a_test_that_had_ended_without_a_result(
    lab: Lab, controller: FakeController
) -> None:
    ids = lab.die("deployment")
    mark = {"outcome": "TIMEOUT", "resumed": resumed_mark("manual", NOW, 3600)}
    lab.run("test_event_update", test_event_id=ids["test_event_id"], status="FAIL", metadata=mark)
    assert "lease hatci-41-car" in [one["what"] for one in lab.recover()["left_alone"]]
    assert controller.deleted == []


def test_with_sums_away_a_device_is_given_back(lab: Lab, controller: FakeController) -> None:
    lab.die("deployment")
    lab.sums.add_fault(kind="status", status=500, path="/test_events/.*", times=50)
    with pytest.raises(NotRecovered):
        lab.recover()
    assert controller.deleted == ["hatci-41-car"]


def hand_over(lab: Lab, ids: dict[str, str], **options: t.Any) -> dict[str, t.Any]:
    """Hand a test over as the play of job 41 did, at NOW."""
    given = {"vin": VIN, "test_event_id": ids["test_event_id"], "deployment_id": ids["deployment"]}
    given |= {"target_event_id": ids["target"], "job_id": "41"}
    given |= {"hatci_base_url": lab.sums.url, "hatci_token": lab.sums.token, "retry_timeout": 0}
    checked = validated("hatci_handover", {**given, **options})
    with SumsClient(Connection.from_options(checked)) as client:
        return handover.hand_over(client, checked, False, lambda: NOW)


@pytest.mark.parametrize("is_readable", [True, False])
@pytest.mark.parametrize(("seconds", "is_closed"), [(3600.0, False), (-1.0, True)])
def test_a_test_that_was_handed_over_is_left_to_its_heir_for_its_time(
    lab: Lab, is_readable: bool, seconds: float, is_closed: bool
) -> None:
    ids = lab.die("deployment", status="failed")
    left = hand_over(lab, ids)
    left["handed_over"]["until"] = NOW + seconds
    lab.run("test_event_update", test_event_id=ids["test_event_id"], metadata={"handed_over": left["handed_over"]})
    lab.aap.add_events(41, [event("hatci_handover", left if is_readable else {})])
    result = lab.recover()
    assert lab.statuses(ids["test_event_id"]) == (["FAIL"] if is_closed else [])
    if not is_closed:
        assert "ota_resume may take it up until 2026-11-25T13:00:00" in result["left_alone"][0]["reason"]


@pytest.mark.parametrize(("hours", "is_closed"), [(25, True), (49, False)])
def test_what_was_handed_over_is_closed_after_its_day_although_its_job_is_older_than_others_that_are_looked_at(
    lab: Lab, hours: int, is_closed: bool
) -> None:
    ids = lab.die("deployment", status="failed", finished=-hours * 3600)
    other = lab.die("deployment", job=42, status="failed", finished=-hours * 3600)
    left = hand_over(lab, ids)
    left["handed_over"]["until"] = NOW - 3600
    lab.run("test_event_update", test_event_id=ids["test_event_id"], metadata={"handed_over": left["handed_over"]})
    lab.aap.add_events(41, [event("hatci_handover", left)])
    lab.recover()
    assert lab.statuses(ids["test_event_id"]) == (["FAIL"] if is_closed else [])
    assert lab.statuses(other["test_event_id"]) == []


def left_to_nobody(lab: Lab, until: float, status: str = "successful") -> dict[str, str]:
    """Let job 41 hand its test over, which somebody is to take up until then, and end; return the ids."""
    ids = lab.die("deployment", status=status, finished=-30 * 3600)
    lab.aap.put_job(41, name="HATCI OTA begin", playbook="playbooks/ota_begin.yml")
    left = hand_over(lab, ids)
    left["handed_over"]["until"] = NOW + until
    lab.run("test_event_update", test_event_id=ids["test_event_id"], metadata={"handed_over": left["handed_over"]})
    lab.aap.add_events(41, [event("hatci_handover", left)])
    return ids


@pytest.mark.parametrize(
    ("until", "update_seconds", "outcomes", "words"),
    [
        (3600, 0, [], ""),
        (-3600, 0, ["FAIL"], ""),
        (-3600, 3600, [], "its update may still go on, so ota_resume may take it up until 2026-11-26T11:00:00"),
        (-25 * 3600, 3600, ["FAIL"], ""),
    ],
    ids=["in time", "ended", "runs", "runs for ever"],
)
def test_a_test_that_a_job_handed_over_and_nobody_took_up_does_not_stay_open_for_ever(
    lab: Lab, until: float, update_seconds: float, outcomes: list[str], words: str
) -> None:
    lab.sums.set_vehicle(VIN, update_seconds=update_seconds)
    ids = left_to_nobody(lab, until)

    result = lab.recover()

    assert lab.statuses(ids["test_event_id"]) == outcomes
    assert [one["reason"] for one in result["left_alone"]] == ([f"{words}Z"] if words else [])
    if outcomes:
        held = lab.test_event(ids["test_event_id"])
        assert held["metadata"]["outcome"] == "ABORTED"
        assert held["metadata"]["handed_over"]["deployment_id"] == ids["deployment"], "ota_resume may go on after all"
        assert held["event_id"] == ids["target"]
    assert not lab.recover()["closed"]


def test_while_the_deployment_cannot_be_looked_at_what_was_handed_over_counts_as_running(lab: Lab) -> None:
    lab.sums.set_vehicle(VIN, update_seconds=0)
    ids = left_to_nobody(lab, -3600)
    lab.sums.add_fault(kind="status", status=500, path="/deployments/.*", times=0)
    assert "its update may still go on" in lab.recover()["left_alone"][0]["reason"]
    assert lab.statuses(ids["test_event_id"]) == []


def test_where_aap_knows_no_filter_for_playbooks_what_was_handed_over_is_found_all_the_same(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.sums.set_vehicle(VIN, update_seconds=0)
    ids = left_to_nobody(lab, -3600)
    lab.aap.put_job(43, name="HATCI OTA test", status="successful", finished=moment(-300))
    get = Aap.get
    unknown = ("playbook__endswith", "playbook__unheard_of")
    monkeypatch.setattr(Aap, "get", lambda self, url: get(self, url.replace(*unknown)))
    lab.recover()
    assert lab.statuses(ids["test_event_id"]) == ["FAIL"]
    assert lab.aap.requests().get("/api/v2/jobs/43/job_events/") is None


def test_what_was_handed_over_for_weeks_is_closed_after_them(lab: Lab) -> None:
    lab.sums.set_vehicle(VIN, update_seconds=0)
    ids = left_to_nobody(lab, -3600)
    lab.aap.put_job(41, finished=moment(-29 * 86400))
    lab.recover()
    assert lab.statuses(ids["test_event_id"]) == ["FAIL"]


@pytest.mark.parametrize("status", ["successful", "failed"])
def test_of_a_test_that_a_job_of_aap_finished_nothing_is_asked(lab: Lab, status: str) -> None:
    lab.sums.set_vehicle(VIN, update_seconds=0)
    ids = left_to_nobody(lab, -3600)
    heir = {"hatci_test_event_id": ids["test_event_id"]}
    report = {"test_event_id": ids["test_event_id"], "status": "FAIL", "metadata": {"outcome": "FAIL"}}
    lab.aap.put_job(52, name="HATCI OTA resume", playbook="playbooks/ota_resume.yml", extra_vars=heir)
    lab.aap.put_job(52, status=status, finished=moment(-7200))
    if status == "failed":
        taken = {"test_event_id": ids["test_event_id"]}
        reported = event("hatci_test_event_update", lab.run("test_event_update", **report), **report)
        lab.aap.add_events(52, [event("hatci_resume", taken), reported])
    lab.sums.clear_requests()
    assert not lab.recover()["closed"]
    assert lab.sums.requests() == []


def test_a_lease_that_was_handed_on_is_not_taken_from_an_heir_of_whom_only_sums_knows(
    lab: Lab, controller: FakeController
) -> None:
    ids = lab.die("deployment")
    hand_over(lab, ids)  # its event did not come to AAP any more
    assert "ota_resume may take it up until" in lab.recover()["left_alone"][0]["reason"]
    assert controller.deleted == []


@pytest.mark.parametrize("is_reported", [True, False])
def test_a_device_that_a_later_job_keeps_for_whoever_looks_into_the_test_stays(
    lab: Lab, controller: FakeController, is_reported: bool
) -> None:
    ids = lab.die("deployment")
    taken = {"test_event_id": ids["test_event_id"], "lease_name": "hatci-41-car"}
    report = {"test_event_id": ids["test_event_id"], "status": "FAIL", "metadata": {"outcome": "FAIL"}}
    kept = {"lease_name": "hatci-41-car", "kept_until_seconds": NOW + 900}
    lab.aap.put_job(52, name="HATCI OTA resume", status="failed", finished=moment(-300))
    acquired = event("jumpstarter_lease", {"lease_name": "hatci-41-car"}, state="acquire")
    lab.aap.add_events(52, [event("hatci_resume", taken), acquired, event("jumpstarter_lease", kept, state="kept")])
    if is_reported:
        lab.aap.add_events(52, [event("hatci_test_event_update", lab.run("test_event_update", **report), **report)])
    assert lab.recover()["released"] == controller.deleted == ([] if is_reported else ["hatci-41-car"])


@pytest.mark.parametrize(("playbook", "is_closed"), [("ota_fleet.yml", True), ("ota_single_vehicle.yml", False)])
@pytest.mark.parametrize("is_sent", [True, False])
def test_a_vehicle_that_its_fleet_may_lose_does_not_leave_its_test_event_open(
    lab: Lab, playbook: str, is_closed: bool, is_sent: bool
) -> None:
    ids = lab.die("deployment", status="successful")
    lab.aap.put_job(41, playbook=f"playbooks/{playbook}")
    report = {"test_event_id": ids["test_event_id"], "status": "FAIL", "summary": "battery low"}
    if not is_sent:
        lab.aap.add_events(41, [event("hatci_test_event_update", {"msg": "no"}, failed=True, **report)])
    result = lab.recover()
    assert [one["summary"] for one in result["closed"]][:is_closed] == (
        [] if not is_closed else [lab.test_event(ids["test_event_id"])["summary"]]
    )
    assert lab.statuses(ids["test_event_id"]) == (["FAIL"] if is_closed else [])
    if is_closed and not is_sent:
        assert lab.test_event(ids["test_event_id"])["summary"] == "battery low"


def test_of_a_fleet_that_has_reported_nothing_is_asked(lab: Lab) -> None:
    ids = lab.die("deployment", status="successful")
    lab.aap.put_job(41, playbook="playbooks/ota_fleet.yml")
    report = {"test_event_id": ids["test_event_id"], "status": "FAIL"}
    lab.aap.add_events(41, [event("hatci_test_event_update", lab.run("test_event_update", **report), **report)])
    lab.sums.clear_requests()
    assert lab.recover()["lines"] == ["No job has left anything open."]
    assert lab.sums.requests() == []


@pytest.mark.parametrize(("finished", "is_closed"), [(-300, True), (None, False)])
def test_a_job_that_died_while_it_took_a_test_over_does_not_keep_it_open(
    lab: Lab, controller: FakeController, finished: float | None, is_closed: bool
) -> None:
    ids = lab.die("deployment")
    mark = {"resumed": resumed_mark("52", NOW - 900, 86400)}  # of which AAP has no result
    lab.run("test_event_update", test_event_id=ids["test_event_id"], metadata=mark)
    ended = {"status": "running"} if finished is None else {"status": "canceled", "finished": moment(finished)}
    lab.aap.put_job(52, name="HATCI OTA resume", **ended)
    result = lab.recover()
    assert lab.statuses(ids["test_event_id"]) == (["FAIL"] if is_closed else [])
    assert controller.deleted == (["hatci-41-car"] if is_closed else [])
    assert is_closed or "job 52 goes on with it" in result["left_alone"][0]["reason"]


def test_time_that_the_events_took_leaves_time_to_give_devices_back(
    lab: Lab, controller: FakeController, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = lab.die("deployment")
    results_of = job_history.results_of

    def late(aap: Aap, *given: t.Any) -> t.Any:
        found = results_of(aap, *given)
        aap._usual_is_over = True  # type: ignore[attr-defined]
        return found

    get = Aap.get

    def expiring(self: Aap, url: str) -> t.Any:
        usual = self.__dict__.setdefault("_usual", self._deadline)
        if getattr(self, "_usual_is_over", False) and self._deadline is usual:
            raise AapError("no time is left")
        return get(self, url)

    monkeypatch.setattr(job_history, "results_of", late)
    monkeypatch.setattr(Aap, "get", expiring)
    lab.recover()
    assert controller.deleted == ["hatci-41-car"]
    assert lab.statuses(ids["test_event_id"]) == ["FAIL"]


@pytest.mark.parametrize("answer", [{}, {"detail": "starting"}, {"id": 99, "status": "failed"}])
def test_a_job_of_which_aap_says_something_odd_does_not_count_as_deleted(
    lab: Lab, controller: FakeController, monkeypatch: pytest.MonkeyPatch, answer: dict[str, t.Any]
) -> None:
    get = Aap.get
    monkeypatch.setattr(Aap, "get", lambda self, url: answer if url.endswith("/jobs/41/") else get(self, url))
    with pytest.raises(AapError, match="something else than job 41"):
        lab.recover()
    assert controller.deleted == []


def test_the_device_of_a_job_that_aap_lists_as_running_stays(
    lab: Lab, controller: FakeController, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.aap.put_job(41, name="Something else", status="running")
    get = Aap.get
    monkeypatch.setattr(Aap, "get", lambda self, url: None if url.endswith("/jobs/41/") else get(self, url))
    (left,) = lab.recover()["left_alone"]
    assert left["reason"] == "AAP lists it among the jobs that run"
    assert controller.deleted == []


def test_a_line_that_does_not_fit_on_the_disk_leaves_nothing_in_the_file(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, deployments, write = lab.die("deployment"), tmp_path / "deployments.jsonl", os.write
    deployments.write_text("dep-0\n")
    with monkeypatch.context() as patched, pytest.raises(InputError, match="No space left on device"):
        patched.setattr(handover.os, "write", lambda descriptor, line: write(descriptor, line[:20]))
        hand_over(lab, ids, deployments_file=str(deployments))
    assert deployments.read_text() == "dep-0\n"


def test_the_second_half_finds_what_the_first_left_and_its_death_is_noticed(lab: Lab, tmp_path: Path) -> None:
    ids = lab.die("deployment", status="successful")
    deployments = tmp_path / "deployments.jsonl"
    before = {"vin": VIN, "ecus": []}
    left = {"before": before, "lease_name": "hatci-41-car", "source_event_id": ids["source"]}
    hand_over(lab, ids, **left, deployments_file=str(deployments), metadata={"bench": "7"})
    line = json.loads(deployments.read_text(encoding="utf-8"))
    assert (line["deployment_id"], line["test_event_id"]) == (ids["deployment"], ids["test_event_id"])

    given = {"test_event_id": ids["test_event_id"], "deployment_id": ids["deployment"], "job_id": "52"}
    resumed = lab.run("resume", vin=VIN, **given)
    assert (resumed["before"], resumed["lease_name"]) == (before, "hatci-41-car")
    assert (resumed["source_event_id"], resumed["target_event_id"]) == (ids["source"], ids["target"])
    metadata = lab.test_event(ids["test_event_id"])["metadata"]
    assert metadata["bench"] == "7" and metadata["resumed"]["job"] == "52"

    lab.aap.put_job(52, name="HATCI OTA resume", status="canceled", finished=moment(-300))
    lab.aap.add_events(52, [event("hatci_resume", resumed, job_id="52")])
    assert [one["job"] for one in lab.recover()["closed"]] == ["52"]
