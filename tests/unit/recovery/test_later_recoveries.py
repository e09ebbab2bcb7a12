# SPDX-License-Identifier: GPL-3.0-or-later
"""The recovery that a schedule starts every few minutes: what was closed is not touched again, nor what is foreign."""

from __future__ import annotations

import typing as t

import pytest
from recovery_support import TEMPLATE, Lab, event, moment

from ansible_collections.hatci.automation.plugins.module_utils._aap.api import AapError
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import Lease
from ansible_collections.hatci.automation.plugins.module_utils._recovery.recover import NotRecovered, Recovery

RECOVER = {"name": "HATCI release orphaned leases", "playbook": "playbooks/ota_recover.yml"}


class Controller:
    """Holds a lease of each of some jobs."""

    def __init__(self, *jobs: str) -> None:
        self.leases = [
            Lease({"name": f"hatci-{job}-car", "tags": {"hatci-job": job}, "conditions": [READY]}) for job in jobs
        ]
        self.deleted: list[str] = []

    def find(self, name: str) -> Lease:
        (found,) = [lease for lease in self.leases if lease.name == name]
        return found

    def delete(self, name: str) -> bool:
        self.deleted.append(name)
        return True


READY = {"type": "Ready", "status": "True"}


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., Controller]:
    """Return what makes a controller with leases of jobs, which the recovery finds."""

    def made(*jobs: str) -> Controller:
        controller = Controller(*jobs)
        monkeypatch.setattr(Recovery, "_leases", lambda _self: (controller, controller.leases))
        return controller

    return made


def recover_by_schedule(lab: Lab, job: int, status: str = "successful", **options: t.Any) -> dict[str, t.Any]:
    """Recover as a job of AAP does, which keeps its result."""
    result = lab.recover(later=60.0 * job, **options)
    lab.aap.put_job(job, **RECOVER, status=status, finished=moment(60.0 * job))
    lab.aap.add_events(job, [event("hatci_recover", result, at=60.0 * job)])
    return result


@pytest.mark.parametrize("is_closed_before", [False, True])
def test_what_a_recovery_closed_or_saw_closed_is_not_looked_at_by_those_after_it(
    lab: Lab, is_closed_before: bool
) -> None:
    ids = lab.die("deployment")
    closed = {"test_event_id": ids["test_event_id"], "status": "FAIL", "metadata": {"outcome": "FAIL"}}
    if is_closed_before:
        lab.run("test_event_update", **closed)
    recover_by_schedule(lab, 60)
    lab.run("test_event_update", test_event_id=ids["test_event_id"], event_id="ev-corrected")
    before = lab.test_event(ids["test_event_id"])
    lab.sums.clear_requests()

    for job in (61, 62, 63):
        result = recover_by_schedule(lab, job)
        assert (result["changed"], result["lines"]) == (False, ["No job has left anything open."])

    assert lab.sums.requests() == []
    assert lab.test_event(ids["test_event_id"]) == before


def test_what_ended_tomorrow_by_the_clock_of_its_node_is_not_looked_at_again_either(lab: Lab) -> None:
    lab.die("deployment", finished=86400)
    assert recover_by_schedule(lab, 60)["closed"]
    lab.sums.clear_requests()
    assert recover_by_schedule(lab, 61)["left_alone"] == []
    assert lab.sums.requests() == []


def test_of_many_recoveries_the_last_one_is_enough(lab: Lab) -> None:
    lab.die("deployment")
    for job in range(60, 64):
        recover_by_schedule(lab, job)
    asked = lab.aap.requests()
    assert [asked.get(f"/api/v2/jobs/{job}/job_events/", 0) for job in range(60, 64)] == [1, 1, 1, 0]


def test_a_test_that_a_later_job_went_on_with_and_left_is_looked_at(lab: Lab) -> None:
    ids = lab.die("deployment")
    recover_by_schedule(lab, 50)
    taken = {"test_event_id": ids["test_event_id"], "deployment_id": ids["deployment"]}
    lab.aap.put_job(52, name="HATCI OTA resume", status="canceled", finished=moment(-250))
    lab.aap.add_events(52, [event("hatci_resume", taken, job_id="41")])
    left = recover_by_schedule(lab, 60)["left_alone"]
    assert [(one["job"], one["reason"]) for one in left] == [("52", "SUMS has its outcome, ABORTED")]
    lab.sums.clear_requests()
    assert recover_by_schedule(lab, 61)["left_alone"] == []
    assert lab.sums.requests() == []


def test_what_a_recovery_only_listed_is_closed_later(lab: Lab) -> None:
    ids = lab.die("deployment")
    recover_by_schedule(lab, 60, check_mode=True)
    assert lab.statuses(ids["test_event_id"]) == []
    assert recover_by_schedule(lab, 61)["closed"]


def test_a_recovery_whose_result_cannot_be_read_is_passed_over(lab: Lab) -> None:
    lab.die("deployment")
    recover_by_schedule(lab, 60)
    for job, odd in enumerate([{"censored": "hidden"}, {}, {"settled": [None, {"job": "x"}]}, {"settled": 7}], 61):
        lab.aap.put_job(job, **RECOVER, status="failed", finished=moment(0))
        lab.aap.add_events(job, [event("hatci_recover", odd)])
    lab.aap.put_job(70, **RECOVER, status="successful", finished=moment(0))
    lab.aap.add_fault(kind="json", status=500, path="/api/v2/jobs/70/job_events/")
    lab.sums.clear_requests()
    assert not lab.recover()["left_alone"]
    assert lab.sums.requests() == []


def test_a_job_in_check_mode_has_left_nothing(lab: Lab) -> None:
    made = {"test_event_id": "check-mode", "test_event": {"vin": "1HGBH41JXMN109186"}}
    for job, kind in ((41, "check"), (42, "run")):
        lab.aap.put_job(job, name=TEMPLATE, job_type=kind, status="failed", finished=moment(-300))
        lab.aap.add_events(job, [event("hatci_test_event", made)])
    assert lab.recover()["lines"] == ["No job has left anything open."]
    assert lab.aap.requests().get("/api/v2/jobs/41/job_events/") is None


def test_a_lease_whose_job_aap_cannot_show_keeps_nothing_else_from_being_cleared(
    lab: Lab, holding: t.Callable[..., Controller]
) -> None:
    controller = holding("41", "99")
    ids = lab.die("deployment")
    lab.aap.add_fault(kind="json", status=500, path="/api/v2/jobs/99/", times=0)

    words = r"Job 99 could not be looked at: .* AAP answered 500; .* Nothing of this job was closed or released\."
    with pytest.raises(NotRecovered, match=words) as failure:
        lab.recover()

    assert failure.value.as_result()["released"] == controller.deleted == ["hatci-41-car"]
    assert lab.statuses(ids["test_event_id"]) == ["FAIL"]


def test_of_a_job_of_another_template_only_its_device_is_given_back(
    lab: Lab, holding: t.Callable[..., Controller]
) -> None:
    controller, ids = holding("41"), lab.die("deployment")
    lab.aap.put_job(41, name="Something else")
    result = lab.recover()
    assert (result["closed"], controller.deleted) == ([], ["hatci-41-car"])
    assert lab.statuses(ids["test_event_id"]) == []
    assert [(one["what"], one["reason"]) for one in result["left_alone"]] == [
        (
            f"test event {ids['test_event_id']}",
            "its job is of the template 'Something else', which is not among job_templates",
        )
    ]


@pytest.mark.parametrize("lives", [False, True])
def test_a_job_that_ended_tomorrow_by_the_clock_of_its_node_is_waited_for_no_longer_than_others(
    lab: Lab, lives: bool
) -> None:
    ids = lab.die("deployment", status="error", finished=86400)
    lab.aap.add_events(41, [event("hatci_update_status", {"state": "PENDING"}, at=86300)])

    def go_on() -> None:
        lab.aap.add_events(41, [event("hatci_update_status", {"state": "PENDING"}, at=86420)] if lives else [])

    result = lab.recover(sleep=go_on, grace_seconds=120)

    assert lab.slept == [pytest.approx(120)]
    assert lab.statuses(ids["test_event_id"]) == ([] if lives else ["FAIL"])
    assert [one["reason"] for one in result["left_alone"]] == (
        ["it is error in AAP, but it still lives"] if lives else []
    )


@pytest.mark.parametrize(
    "names",
    [
        {"task_action": "jumpstarter.jumpstarter.jumpstarter_lease"},
        {
            "task_action": "jumpstarter.jumpstarter.jumpstarter_lease",
            "resolved_action": "hatci.automation.jumpstarter_lease",
        },
        {"task_action": "our.own.name", "resolved_action": "hatci.automation.jumpstarter_lease"},
        {"task_action": "jumpstarter_lease", "resolved_action": None},
    ],
    ids=["companion", "resolved", "redirected", "short"],
)
def test_a_lease_is_known_under_each_name_of_its_module(
    lab: Lab, holding: t.Callable[..., Controller], names: dict[str, t.Any]
) -> None:
    """It is not taken from the job that goes on with its test."""
    controller, ids = holding("41"), lab.die("test_event")
    acquired = event("jumpstarter_lease", {"lease_name": "hatci-41-car"}, state="acquire")
    acquired["event_data"] |= names
    lab.aap.add_events(41, [acquired])
    heir = {"hatci_test_event_id": ids["test_event_id"]}
    lab.aap.put_job(52, name="HATCI OTA resume", status="running", extra_vars=heir)
    left = {one["what"]: one["reason"] for one in lab.recover()["left_alone"]}
    assert left["lease hatci-41-car"] == "job 52 goes on with it"
    assert controller.deleted == []


def test_an_aap_that_does_not_tell_what_the_token_may_see_is_told_as_such(lab: Lab) -> None:
    ids = lab.die("deployment")
    lab.aap.add_fault(kind="json", status=404, path="/api/v2/me/")
    words = r"does not tell what the user of CONTROLLER_OAUTH_TOKEN may see .* Nothing was closed or released\.$"
    with pytest.raises(AapError, match=words) as refused:
        lab.recover()
    assert "neither" not in refused.value.message
    assert lab.statuses(ids["test_event_id"]) == []
