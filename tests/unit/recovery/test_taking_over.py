# SPDX-License-Identifier: GPL-3.0-or-later
"""A test that is taken over: it is found in three ways, marked once, and refused where nothing is left to do."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from play_support import VIN
from recovery_support import EVENT, NOW, Lab, event, moment
from sums_support import client_of, validated

from ansible_collections.hatci.automation.plugins.filter.report_metadata import report_metadata
from ansible_collections.hatci.automation.plugins.module_utils._aap.api import AapError
from ansible_collections.hatci.automation.plugins.module_utils._evidence import journal
from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._recovery import own_deployment
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resume import OTHERS_SECONDS, resume
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import (
    resumed_elsewhere,
    resumed_mark,
    waits_for_heir,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._sums.open_test_events import OpenTestEvent
from ansible_collections.hatci.automation.plugins.module_utils._sums.own_test_event import what_was_created
from ansible_collections.hatci.automation.plugins.module_utils._sums.reports import keep_report
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import (
    send_left_report,
    update_test_event,
)

OTHER_VIN = "1HGBH41JXMN109187"


def take_over(
    lab: Lab, check_mode: bool = False, live: t.Callable[[], None] = lambda: None, **options: t.Any
) -> dict[str, t.Any]:
    """Resume at NOW.

    :param live: what happens while it waits.
    """
    now = [NOW]

    def sleep(seconds: float) -> None:
        lab.slept.append(seconds)
        now[0] += seconds
        live()

    given = {"hatci_base_url": lab.sums.url, "hatci_token": lab.sums.token, "vin": VIN, "job_id": "52", **options}
    with client_of(lab.sums.url, token=lab.sums.token) as client:
        return resume(client, validated("hatci_resume", given), check_mode, now=lambda: now[0], sleep=sleep)


def by_ids(ids: dict[str, str]) -> dict[str, str]:
    return {"test_event_id": ids["test_event_id"], "deployment_id": ids["deployment"]}


def test_by_its_ids_the_target_event_is_found_and_the_record_says_who_went_on(lab: Lab) -> None:
    ids = lab.die("deployment")
    result = take_over(lab, **by_ids(ids))
    assert (result["target_event_id"], result["deployment_id"]) == (ids["target"], ids["deployment"])
    held = lab.test_event(ids["test_event_id"])
    assert (held["status"], held["metadata"]["resumed"]["job"]) == ("RUNNING", "52")
    assert held["metadata"]["job_url"] == "https://aap/41"


def test_by_the_job_whose_events_tell_of_it(lab: Lab) -> None:
    ids = lab.die("deployment")
    looked = event("hatci_vehicle_check", {"record": {"vin": VIN, "ecus": []}}, moment="before")
    lab.aap.add_events(41, [looked])
    result = take_over(lab, resume_job_id=41)
    assert (result["test_event_id"], result["source_event_id"]) == (ids["test_event_id"], ids["source"])
    assert result["before"] == {"vin": VIN, "ecus": []}


@pytest.mark.parametrize(
    ("state", "is_judged", "is_held"),
    [("acquire", False, True), ("release", False, False), ("kept", False, True), ("kept", True, False)],
)
def test_the_lease_that_its_job_held_when_it_died_is_gone_on_with_unless_it_is_for_people(
    lab: Lab, state: str, is_judged: bool, is_held: bool
) -> None:
    ids = lab.die("deployment")
    lab.aap.add_events(41, [event("jumpstarter_lease", {"lease_name": "hatci-41-car"}, state=state)])
    if is_judged:
        report = {"test_event_id": ids["test_event_id"], "status": "FAIL", "metadata": {"outcome": "TIMEOUT"}}
        lab.aap.add_events(41, [event("hatci_test_event_update", lab.run("test_event_update", **report), **report)])
    assert take_over(lab, resume_job_id="41")["lease_name"] == ("hatci-41-car" if is_held else "")


def test_by_its_evidence(lab: Lab, tmp_path: Path) -> None:
    ids = lab.die("deployment")
    journal.create(tmp_path)
    record = {"vin": VIN, "ansible_job_id": "41"}
    for number, (module, result) in enumerate(
        [
            ("hatci_test_event", {"test_event_id": ids["test_event_id"], "test_event": record}),
            ("jumpstarter_lease", {"lease_name": "hatci-41-car"}),
            ("hatci_deploy_event", {"deployment_id": ids["deployment"]}),
        ]
    ):
        journal.append(
            tmp_path, "begin", {"id": str(number), "module": module, "arguments": {"event_id": ids["target"]}}
        )
        journal.append(tmp_path, "end", {"id": str(number), "module": module, "outcome": "changed", "result": result})
    result = take_over(lab, evidence_dir=str(tmp_path))
    assert (result["deployment_id"], result["target_event_id"]) == (ids["deployment"], ids["target"])
    assert result["lease_name"] == "", "the play may still live"


def test_a_job_that_ended_just_now_is_waited_for_before_its_vehicle_is_driven(lab: Lab) -> None:
    ids = lab.die("deployment", status="error", finished=-20)
    assert take_over(lab, resume_job_id="41", grace_seconds=120)["deployment_id"] == ids["deployment"]
    assert lab.slept[0] == pytest.approx(100)


def test_a_job_that_was_cancelled_is_gone_on_with_at_once(lab: Lab) -> None:
    ids = lab.die("deployment", status="canceled", finished=-1)
    assert take_over(lab, resume_job_id="41", grace_seconds=120)["deployment_id"] == ids["deployment"]
    assert lab.slept == [OTHERS_SECONDS]


def test_a_job_that_is_over_for_aap_and_still_lives_is_not_gone_on_with(lab: Lab) -> None:
    ids = lab.die("deployment", status="error", finished=-20)

    def live() -> None:
        lab.aap.add_events(41, [event("hatci_update_status", {"state": "PENDING"}, at=60)])

    with pytest.raises(InputError, match="Job 41 is error in AAP, but it still lives"):
        take_over(lab, resume_job_id="41", live=live)
    assert "resumed" not in lab.test_event(ids["test_event_id"])["metadata"]


def test_a_job_that_has_reported_is_not_waited_for(lab: Lab) -> None:
    ids = lab.die("deployment", status="failed", finished=-5)
    report = {"test_event_id": ids["test_event_id"], "status": "FAIL", "metadata": {"outcome": "TIMEOUT"}}
    lab.aap.add_events(41, [event("hatci_test_event_update", lab.run("test_event_update", **report), **report)])
    assert take_over(lab, resume_job_id="41")["deployment_id"] == ids["deployment"]
    assert lab.slept == [OTHERS_SECONDS]


def test_what_ended_before_its_deployment_is_refused(lab: Lab) -> None:
    lab.die("target")
    with pytest.raises(InputError, match="nothing to go on with; run the test again"):
        take_over(lab, resume_job_id="41")


def test_a_job_that_runs_is_refused(lab: Lab) -> None:
    lab.die("deployment", status="running")
    with pytest.raises(InputError, match="Job 41 is running; cancel it first"):
        take_over(lab, resume_job_id="41")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "It is not said which test goes on"),
        ({"test_event_id": "te-1"}, "deployment_id is empty"),
        ({"resume_job_id": "99"}, "AAP has no job 99"),
        ({"evidence_dir": "/nowhere"}, "has no journal of a test that can be read"),
    ],
)
def test_one_sentence_says_what_to_give(lab: Lab, options: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        take_over(lab, **options)


@pytest.mark.parametrize(
    ("outcome", "goes_on"), [("PASS", False), ("FAIL", False), ("INVALID", False), ("TIMEOUT", True), ("ABORTED", True)]
)
def test_only_an_outcome_that_says_nothing_of_the_vehicle_is_replaced(lab: Lab, outcome: str, goes_on: bool) -> None:
    ids = lab.die("deployment")
    status = "PASS" if outcome == "PASS" else "FAIL"
    lab.run("test_event_update", test_event_id=ids["test_event_id"], status=status, metadata={"outcome": outcome})
    if goes_on:
        assert take_over(lab, **by_ids(ids))["changed"]
        return
    with pytest.raises(InputError, match=f"has its outcome, {outcome}, which stands"):
        take_over(lab, **by_ids(ids))


def test_a_test_with_a_scenario_is_not_finished_as_a_plain_one(lab: Lab) -> None:
    ids = lab.die("deployment")
    scenario = {"scenario": "power_loss_while_installing", "expect": "completed_or_restored"}
    lab.run("test_event_update", test_event_id=ids["test_event_id"], metadata=scenario)

    with pytest.raises(InputError, match="is of the scenario power_loss_while_installing, "):
        take_over(lab, **by_ids(ids))

    assert "resumed" not in lab.test_event(ids["test_event_id"])["metadata"]


def test_another_vehicle_is_refused(lab: Lab) -> None:
    ids = lab.die("deployment")
    with pytest.raises(Failure, match="another test event"):
        take_over(lab, vin="1HGBH41JXMN109187", **by_ids(ids))


def test_two_jobs_do_not_go_on_with_the_same_test(lab: Lab) -> None:
    ids = lab.die("deployment")
    take_over(lab, **by_ids(ids))
    with pytest.raises(InputError, match="job 52 goes on with it"):
        take_over(lab, job_id="53", **by_ids(ids))


def end(lab: Lab, resumed: dict[str, t.Any], outcome: str) -> dict[str, t.Any]:
    """Report as the play of a resumed test does."""
    metadata = report_metadata({"bench": "B7"}, outcome, resumed=resumed["resumed"])
    status = "PASS" if outcome == "PASS" else "FAIL"
    return lab.run("test_event_update", test_event_id=resumed["test_event_id"], status=status, metadata=metadata)


def test_what_the_first_play_reported_after_all_stands(lab: Lab) -> None:
    ids = lab.die("deployment")
    resumed = take_over(lab, **by_ids(ids))
    report = {"test_event_id": ids["test_event_id"], "status": "PASS", "metadata": {"outcome": "PASS"}}
    lab.run("test_event_update", **report)

    result = end(lab, resumed, "ERROR")

    assert (lab.statuses(ids["test_event_id"]), result["changed"]) == (["PASS"], False)
    assert f"Test event {ids['test_event_id']} has its outcome, PASS, which stands." in result["warnings"][-1]


@pytest.mark.parametrize("outcome", ["PASS", "ERROR"])
@pytest.mark.parametrize("by", ["kept report", "closer"])
def test_a_report_of_the_first_play_that_comes_late_takes_no_outcome_away_that_says_something(
    lab: Lab, tmp_path: Path, by: str, outcome: str
) -> None:
    ids = lab.die("deployment")
    created = what_was_created(lab.test_event(ids["test_event_id"]))
    late = {"status": "FAIL", "summary": "TIMEOUT: too long", "metadata": {"outcome": "TIMEOUT"}}
    end(lab, take_over(lab, **by_ids(ids)), outcome)
    connection = {"hatci_base_url": lab.sums.url, "hatci_token": lab.sums.token}

    if by == "closer":
        known = {"host": "vehicle_001", "job": "41", "metadata": {}, "keep_report_in": str(tmp_path)}
        left = OpenTestEvent(connection, ids["test_event_id"], **known, created=created, report=late)
        with client_of(lab.sums.url, token=lab.sums.token) as client:
            send_left_report(client, left, is_late=True)
    else:
        kept = keep_report(str(tmp_path), lab.sums.url, ids["test_event_id"], late, created)
        result = lab.run("test_event_update", kept_report=str(kept))
        assert result["changed"] is (outcome == "ERROR")

    held = lab.test_event(ids["test_event_id"])
    assert held["metadata"]["outcome"] == ("PASS" if outcome == "PASS" else "TIMEOUT")
    assert lab.statuses(ids["test_event_id"]) == (["PASS"] if outcome == "PASS" else ["FAIL", "FAIL"])


def test_a_report_whose_answer_was_lost_is_not_taken_for_that_of_somebody_else(lab: Lab) -> None:
    resumed = take_over(lab, **by_ids(lab.die("deployment")))
    lab.sums.add_fault(kind="drop_after", method="PATCH", path="/test_events/.*", skip=1)  # after the look
    report = {"status": "PASS", "metadata": {"outcome": "PASS", "resumed": resumed["resumed"]}}
    with client_of(lab.sums.url, token=lab.sums.token) as client:
        given = {"hatci_base_url": lab.sums.url, "hatci_token": lab.sums.token}
        options = validated("hatci_test_event_update", {**given, "test_event_id": resumed["test_event_id"], **report})
        result = update_test_event(client, options, check_mode=False)
    assert result["changed"] and lab.statuses(resumed["test_event_id"]) == ["PASS"]


def test_of_a_test_that_ended_without_a_result_one_goes_on_until_it_has_reported(lab: Lab) -> None:
    ids = lab.die("deployment")
    timeout = {"status": "FAIL", "metadata": {"outcome": "TIMEOUT"}}
    lab.run("test_event_update", test_event_id=ids["test_event_id"], **timeout)
    resumed = take_over(lab, **by_ids(ids))
    with pytest.raises(InputError, match="job 52 goes on with it"):
        take_over(lab, job_id="53", **by_ids(ids))

    end(lab, resumed, "TIMEOUT")
    resumed = take_over(lab, job_id="53", **by_ids(ids))
    end(lab, resumed, "PASS")

    with pytest.raises(InputError, match="has its outcome, PASS, which stands"):
        take_over(lab, job_id="54", **by_ids(ids))
    assert lab.test_event(ids["test_event_id"])["metadata"]["resumed"]["job"] == "53"


@pytest.mark.parametrize(
    ("job", "goes_on"),
    [
        ({"status": "canceled", "finished": moment(-300)}, True),
        ({"status": "canceled", "finished": moment(-10)}, False),
        ({"status": "running"}, False),
        (None, False),
    ],
    ids=["dead", "just now", "lives", "unknown"],
)
def test_a_job_that_died_while_it_took_a_test_over_keeps_nobody_away(
    lab: Lab, job: dict[str, t.Any] | None, goes_on: bool
) -> None:
    ids = lab.die("deployment")
    take_over(lab, **by_ids(ids))  # of which AAP has no result
    if job:
        lab.aap.put_job(52, name="HATCI OTA resume", **job)
    if goes_on:
        assert take_over(lab, job_id="53", **by_ids(ids))["changed"]
        return
    with pytest.raises(InputError, match="job 52 goes on with it"):
        take_over(lab, job_id="53", **by_ids(ids))


def test_what_closes_a_resumed_test_lets_it_be_resumed_again(lab: Lab) -> None:
    ids = lab.die("deployment")
    resumed = take_over(lab, **by_ids(ids))
    lab.aap.put_job(52, name="HATCI OTA resume", status="canceled", finished=moment(-300))
    lab.aap.add_events(52, [event("hatci_resume", resumed, job_id="52")])
    assert [one["job"] for one in lab.recover()["closed"]] == ["52"]
    assert take_over(lab, job_id="53", **by_ids(ids))["changed"]


def test_a_job_that_died_while_it_went_on_is_gone_on_with_by_its_id(lab: Lab) -> None:
    ids = lab.die("deployment")
    resumed = take_over(lab, **by_ids(ids))
    lab.aap.put_job(52, name="HATCI OTA resume", status="canceled", finished=moment(-300))
    lab.aap.add_events(52, [event("hatci_resume", resumed, job_id="52")])
    with pytest.raises(InputError, match="job 52 goes on with it"):
        take_over(lab, job_id="53", resume_job_id="41")
    assert take_over(lab, job_id="53", resume_job_id="52")["deployment_id"] == ids["deployment"]


def test_the_lease_of_the_first_job_is_gone_on_with_although_the_second_died_before_it_had_it(lab: Lab) -> None:
    lab.die("deployment")
    lab.aap.add_events(41, [event("jumpstarter_lease", {"lease_name": "hatci-41-car"}, state="acquire")])
    resumed = take_over(lab, resume_job_id="41")
    lab.aap.put_job(52, name="HATCI OTA resume", status="canceled", finished=moment(-300))
    lab.aap.add_events(52, [event("hatci_resume", resumed, job_id="52")])
    assert take_over(lab, job_id="53", resume_job_id="52")["lease_name"] == "hatci-41-car"


@pytest.mark.parametrize(("other", "words"), [("53", "job 53 goes on"), ("manual", "a run without a job goes on")])
def test_of_two_that_went_on_at_once_in_two_containers_the_later_one_does(lab: Lab, other: str, words: str) -> None:
    ids = lab.die("deployment")

    def live() -> None:
        mark = {"resumed": resumed_mark(other, NOW, 7200)}
        lab.run("test_event_update", test_event_id=ids["test_event_id"], metadata=mark)

    with pytest.raises(InputError, match=words):
        take_over(lab, live=live, job_id="52" if other == "53" else "manual", **by_ids(ids))


def test_two_runs_without_a_job_do_not_go_on_with_the_same_test(lab: Lab) -> None:
    ids = lab.die("deployment")
    take_over(lab, job_id="manual", **by_ids(ids))
    with pytest.raises(InputError, match="a run without a job goes on with it, at most until 2026-11-25T14:00:00Z"):
        take_over(lab, job_id="manual", **by_ids(ids))


def test_the_deployment_of_another_test_is_refused_and_changes_nothing(lab: Lab) -> None:
    ids, other = lab.die("deployment"), lab.die("deployment", job=43)
    mark = {"deployment_id": ids["deployment"], "target_event_id": ids["target"]}
    change = {"event_id": ids["target"], "metadata": {"handed_over": mark}}
    lab.run("test_event_update", test_event_id=ids["test_event_id"], **change)

    with pytest.raises(InputError, match=f"has nothing to do with deployment {other['deployment']}: .* handed over"):
        take_over(lab, test_event_id=ids["test_event_id"], deployment_id=other["deployment"])

    held = lab.test_event(ids["test_event_id"])
    assert (held["event_id"], "resumed" in held["metadata"]) == (ids["target"], False)


def test_a_deployment_that_is_older_than_the_test_proves_nothing_about_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_deployment, "CLOCK_SECONDS", 0.0)
    other, ids = lab.die("deployment"), lab.die("deployment", job=43)
    with pytest.raises(InputError, match="the deployment is older than the test; give the ids of one test"):
        take_over(lab, test_event_id=ids["test_event_id"], deployment_id=other["deployment"])


def test_the_deployment_of_another_vehicle_is_refused_and_nothing_is_sent(lab: Lab) -> None:
    ids = lab.die("deployment")
    event_id = lab.run("create_event", **{**EVENT, "vin": OTHER_VIN}, update_type="UROM")["event_id"]
    lab.run("fix_event", event_id=event_id)
    deployment = lab.run("deploy_event", event_id=event_id)["deployment_id"]

    with pytest.raises(InputError, match=f"is for the vehicle with VIN {OTHER_VIN} and not for {VIN}"):
        take_over(lab, test_event_id=ids["test_event_id"], deployment_id=deployment)

    assert lab.test_event(ids["test_event_id"])["event_id"] == "pending"


def test_a_deployment_that_no_log_hides_is_not_called_missing(lab: Lab) -> None:
    lab.die("target")
    lab.aap.add_events(41, [event("hatci_deploy_event", {"censored": "hidden"})])
    with pytest.raises(InputError, match=r"hides results of its tasks .* look in SUMS and give test_event_id"):
        take_over(lab, resume_job_id="41")


@pytest.mark.parametrize("job_id", ["abc", "../jobs/41", "41/job_events/?x=", "-1"])
def test_what_is_not_the_id_of_a_job_is_not_asked_for(lab: Lab, job_id: str) -> None:
    lab.die("deployment")
    with pytest.raises(InputError, match="which is not the id of a job of AAP; give a number"):
        take_over(lab, resume_job_id=job_id)


@pytest.mark.parametrize("until", [9e99, float("inf"), 10**400, NOW + 400 * 86400])
def test_a_mark_that_never_ends_keeps_nobody_away(lab: Lab, until: float) -> None:
    held = {"metadata": {"resumed": {"job": "7", "until": until}}}
    assert resumed_elsewhere(held, {"52"}, NOW) == waits_for_heir({"until": until}, NOW) == ""


def test_check_mode_sends_nothing(lab: Lab) -> None:
    ids = lab.die("deployment")
    take_over(lab, check_mode=True, **by_ids(ids))
    assert "resumed" not in lab.test_event(ids["test_event_id"])["metadata"]


def test_whoever_comes_first_a_resumed_test_ends_with_its_true_outcome(lab: Lab) -> None:
    def go_on(ids: dict[str, str]) -> bool:
        try:
            take_over(lab, job_id="manual", **by_ids(ids))
        except InputError:
            return False
        lab.run("test_event_update", test_event_id=ids["test_event_id"], status="PASS", metadata={"outcome": "PASS"})
        return True

    wrong = 0
    with ThreadPoolExecutor(2) as pool:
        for job in range(100, 150):
            ids = lab.die("deployment", job=job)
            recovery, resumed = pool.submit(lab.recover), pool.submit(go_on, ids)
            recovery.result()
            statuses = lab.statuses(ids["test_event_id"])
            expected = (["PASS"], ["FAIL", "PASS"]) if resumed.result() else (["FAIL"],)
            wrong += lab.statuses(ids["test_event_id"]) not in expected
            lab.aap.delete_job(job)
    assert wrong == 0, statuses


@pytest.mark.parametrize("by", ["ids", "evidence"])
def test_a_test_whose_job_runs_is_not_gone_on_with_by_its_ids_either(lab: Lab, tmp_path: Path, by: str) -> None:
    ids = lab.die("deployment", status="running")
    given = by_ids(ids)
    if by == "evidence":
        made = {"test_event_id": ids["test_event_id"], "test_event": {"vin": VIN, "ansible_job_id": "41"}}
        journal.create(tmp_path)
        for module, result in (
            ("hatci_test_event", made),
            ("hatci_deploy_event", {"deployment_id": ids["deployment"]}),
        ):
            journal.append(tmp_path, "end", {"id": module, "module": module, "outcome": "changed", "result": result})
        given = {"evidence_dir": str(tmp_path)}
    with pytest.raises(InputError, match="Job 41 is running; cancel it first, or wait until it has ended"):
        take_over(lab, **given)
    assert "resumed" not in lab.test_event(ids["test_event_id"])["metadata"]


def test_a_test_whose_job_ended_just_now_is_gone_on_with_by_its_ids_once_it_is_surely_dead(lab: Lab) -> None:
    ids = lab.die("deployment", status="error", finished=-20)
    resumed = take_over(lab, **by_ids(ids), seconds=60)
    assert lab.slept == [pytest.approx(100), OTHERS_SECONDS]
    assert resumed["resumed"]["until"] == pytest.approx(NOW + 100 + 60), "its time begins with the test's"


@pytest.mark.parametrize("outcome", ["PASS", "TIMEOUT"])
def test_what_the_job_reported_while_it_was_waited_for_is_seen(lab: Lab, outcome: str) -> None:
    ids = lab.die("deployment", status="error", finished=-20)
    report = {"status": "PASS" if outcome == "PASS" else "FAIL", "metadata": {"outcome": outcome}}

    def live() -> None:
        if not lab.statuses(ids["test_event_id"]):
            lab.run("test_event_update", test_event_id=ids["test_event_id"], **report)

    if outcome == "TIMEOUT":
        assert take_over(lab, live=live, **by_ids(ids))["changed"]
        return
    with pytest.raises(InputError, match="has its outcome, PASS, which stands"):
        take_over(lab, live=live, **by_ids(ids))


def test_a_job_that_still_lives_is_not_gone_on_with_by_the_ids_of_its_test(lab: Lab) -> None:
    ids = lab.die("deployment", status="error", finished=-20)

    def live() -> None:
        lab.aap.add_events(41, [event("hatci_update_status", {"state": "PENDING"}, at=60)])

    with pytest.raises(InputError, match="Job 41 is error in AAP, but it still lives"):
        take_over(lab, live=live, **by_ids(ids))


def test_a_job_that_went_on_with_a_test_and_still_runs_keeps_others_away_beyond_its_time(lab: Lab) -> None:
    ids = lab.die("deployment")
    mark = {"resumed": resumed_mark("52", NOW - 7200, 3600)}
    lab.run("test_event_update", test_event_id=ids["test_event_id"], metadata=mark)
    lab.aap.put_job(52, name="HATCI OTA resume", status="running")
    for way in (by_ids(ids), {"resume_job_id": "41"}):
        with pytest.raises(InputError, match="Job 52 is running; cancel it first"):
            take_over(lab, job_id="53", **way)


@pytest.mark.parametrize("left", ["handed over", "reported"])
def test_a_job_that_has_done_with_a_test_may_run_on(lab: Lab, left: str) -> None:
    ids = lab.die("deployment", status="running")
    if left == "reported":
        report = {"status": "FAIL", "metadata": {"outcome": "TIMEOUT"}}
    else:
        report = {"metadata": {"handed_over": {"job": "41", "deployment_id": ids["deployment"]}}}
    lab.run("test_event_update", test_event_id=ids["test_event_id"], **report)
    assert take_over(lab, **by_ids(ids))["changed"]


def test_a_job_that_aap_has_deleted_keeps_nobody_away_and_one_that_it_does_not_show_does(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = lab.die("deployment")
    with monkeypatch.context() as weak:
        lab.aap.put_user("weak", "erika")
        weak.setenv("CONTROLLER_OAUTH_TOKEN", "weak")
        with pytest.raises(AapError, match=r"jobs/41/: AAP answered 403; .* The test was not taken over\."):
            take_over(lab, **by_ids(ids))
    lab.aap.delete_job(41)
    assert take_over(lab, **by_ids(ids))["changed"]


def test_without_aap_a_test_is_gone_on_with_by_its_ids(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = lab.die("deployment", status="running")
    monkeypatch.delenv("CONTROLLER_HOST")
    assert take_over(lab, **by_ids(ids))["changed"]


@pytest.mark.parametrize("lives", [False, True])
def test_a_job_that_ended_tomorrow_by_a_wrong_clock_is_waited_for_no_longer_than_others(lab: Lab, lives: bool) -> None:
    ids = lab.die("deployment", status="error", finished=86400)
    lab.aap.add_events(41, [event("hatci_update_status", {"state": "PENDING"}, at=86300)])

    def live() -> None:
        if lives:
            lab.aap.add_events(41, [event("hatci_update_status", {"state": "PENDING"}, at=86420)])

    if lives:
        with pytest.raises(InputError, match="Job 41 is error in AAP, but it still lives"):
            take_over(lab, live=live, resume_job_id="41")
    else:
        assert take_over(lab, live=live, resume_job_id="41")["deployment_id"] == ids["deployment"]
    assert lab.slept[0] == pytest.approx(120)


@pytest.mark.parametrize("seconds", [-5, 0, float("nan"), float("inf"), 1e300, 30 * 86400 + 1])
def test_a_time_that_cannot_be_meant_is_refused_before_anything_is_asked(lab: Lab, seconds: float) -> None:
    with pytest.raises(InputError, match=r"^seconds is \S+; give more than 0 and at most 30 days\.$"):
        take_over(lab, resume_job_id="41", seconds=seconds)
    assert (lab.aap.requests(), lab.sums.requests()) == ({}, [])
