# SPDX-License-Identifier: GPL-3.0-or-later
"""A real job as AAP and SUMS saw it, cut off where each of its tasks begins: what recovery and resumption make of it.

What the job had asked of SUMS until then is asked of an empty SUMS again, and AAP gets the events until then, with the
times at which that SUMS created its records. Jobs that are really killed are in test_killed_jobs.py.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import time
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aap_support import JOB_ID, job_for_vehicle
from play_support import VIN
from sums_support import client_of, run_module, validated

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import Lease
from ansible_collections.hatci.automation.plugins.module_utils._recovery.recover import Recovery, recover
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resume import resume
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import InputError
from hatci_lab.aap.process import AapProcess
from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

if t.TYPE_CHECKING:
    from playbook_runner import AnsiblePlaybook

TEST, BEGIN = "HATCI OTA test", "HATCI OTA begin"
NEXT_JOB = "5000"
DAY = 86400.0


@dataclasses.dataclass(frozen=True)
class Cut:
    """What was there when a task began.

    :param is_late: AAP did not hear of the last result any more.
    :param lease: the lease that was held; empty if none was.
    """

    task: str
    is_late: bool
    events: list[dict[str, t.Any]]
    requests: list[dict[str, t.Any]]
    lease: str

    @property
    def knows_test_event(self) -> bool:
        """Whether AAP has the id of the test event."""
        return any(is_result(event, "hatci_test_event") for event in self.events)

    @property
    def knows_deployment(self) -> bool:
        """Whether AAP has the id of the deployment."""
        return any(is_result(event, "hatci_deploy_event") for event in self.events)

    @property
    def is_handed_over(self) -> bool:
        """Whether SUMS knows that another job goes on with the test."""
        return any("handed_over" in (call["body"] or {}).get("metadata", {}) for call in self.requests)

    def __str__(self) -> str:
        return f"{self.task}{', whose last result was lost' if self.is_late else ''}"


def is_result(event: dict[str, t.Any], module: str) -> bool:
    return event["event"] == "runner_on_ok" and event["event_data"].get("task_action") == f"hatci.automation.{module}"


def lease_of(events: list[dict[str, t.Any]]) -> str:
    """Return the lease that is held after these events; empty if none is."""
    lease = ""
    for event in events:
        if is_result(event, "jumpstarter_lease"):
            result = event["event_data"]["res"]
            lease = "" if result["invocation"]["module_args"].get("state") == "release" else result["lease_name"]
    return lease


def seconds(moment: str) -> float:
    """Return a time of an event, which has no zone and is UTC."""
    found = datetime.datetime.fromisoformat(moment)
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()


def cuts_of(events: list[dict[str, t.Any]], requests: list[dict[str, t.Any]]) -> Iterator[Cut]:
    """Yield what was there at the begin of each task, with and without the last result of ours."""
    for place, begin in enumerate(events):
        if begin["event"] != "playbook_on_task_start":
            continue
        until = events[: place + 1]
        asked = [call for call in requests if call["time"] < seconds(begin["created"]) and call["method"] != "GET"]
        name = begin["event_data"]["task"].rpartition(" : ")[2]
        yield Cut(name, False, until, asked, lease_of(until))
        last = next((event for event in reversed(until) if event["event"] == "runner_on_ok"), None)
        if last and str(last["event_data"].get("task_action")).startswith("hatci."):
            yield Cut(name, True, [event for event in until if event is not last], asked, lease_of(until))


def created_in(sums: SumsProcess) -> dict[str, str]:
    """Return when each record of SUMS was created, by its id."""
    records = [*sums.state()["events"], *sums.state()["test_events"]]
    return {record.get("test_event_id") or record["event_id"]: record["created_at"] for record in records}


class HeldLease:
    """A controller that holds the lease of the job."""

    def __init__(self, name: str) -> None:
        conditions = [{"type": "Ready", "status": "True"}]
        self.leases = (
            [Lease({"name": name, "tags": {"hatci-job": str(JOB_ID)}, "conditions": conditions})] if name else []
        )

    def find(self, name: str) -> Lease | None:
        return next((lease for lease in self.leases if lease.name == name), None)

    def delete(self, name: str) -> bool:
        self.leases = [lease for lease in self.leases if lease.name != name]
        return True


class Bench:
    """A SUMS, as a job left it, and an AAP, into which a cut is put."""

    def __init__(self, template: str, sums: SumsProcess, aap: AapProcess, patch: pytest.MonkeyPatch) -> None:
        self.template, self.sums, self.aap = template, sums, aap
        self.created = created_in(sums)
        self.connection = {"hatci_base_url": sums.url, "hatci_token": sums.token}
        self.controller = HeldLease("")
        patch.setattr(Recovery, "_leases", lambda _self: (self.controller, list(self.controller.leases)))
        for name, value in aap.environment.items():
            patch.setenv(name, value)

    def put(self, cut: Cut) -> None:
        """Let everything be as it was when a task began."""
        self.sums.reset()
        self.sums.set_vehicle(VIN, update_seconds=0)
        for call in cut.requests:
            assert self.sums.api(call["method"], call["path"].removeprefix("/api/v1"), call["body"]).ok
        self.aap.reset()
        ended = datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")
        self.aap.put_job(JOB_ID, name=self.template, status="canceled", finished=ended)
        self.aap.add_events(JOB_ID, self.as_of_now(cut.events))
        self.controller = HeldLease(cut.lease)

    def as_of_now(self, events: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
        """Return events with the times at which SUMS created its present records."""
        text = json.dumps(events)
        for record, moment in created_in(self.sums).items():
            text = text.replace(self.created[record], moment)
        return t.cast("list[dict[str, t.Any]]", json.loads(text))

    @property
    def statuses(self) -> list[str]:
        """Return each outcome that the test event was ever given."""
        return [
            change["metadata"]["outcome"]
            for test_event in self.sums.state()["test_events"]
            for change in test_event["history"]
            if "status" in change
        ]

    def counts(self) -> list[int]:
        return [len(self.sums.state()[kind]) for kind in ("test_events", "events", "deployments")]

    def recover(self, later: float = 0.0) -> dict[str, t.Any]:
        given = {**self.connection, "mode": "local", "grace_seconds": 0}
        options = validated("hatci_recover", given)
        return recover(options, False, sleep=lambda _seconds: None, clock=lambda: time.time() + later)

    def resume(self) -> dict[str, t.Any]:
        given = {**self.connection, "vin": VIN, "resume_job_id": str(JOB_ID), "job_id": NEXT_JOB, "grace_seconds": 0}
        with client_of(self.sums.url, token=self.sums.token) as client:
            return resume(client, validated("hatci_resume", given), False, sleep=lambda _seconds: None)


def check_recovered(bench: Bench, cut: Cut) -> None:
    """Recover twice; where the test was handed over, its time is over then."""
    counts, before = bench.counts(), bench.statuses
    if cut.is_handed_over:
        leases = list(bench.controller.leases)
        assert not bench.recover()["changed"]
        assert (bench.statuses, bench.controller.leases) == (before, leases)
    later = DAY if cut.is_handed_over else 0.0
    first, second = bench.recover(later), bench.recover(later)

    is_lost = counts[0] > 0 and not cut.knows_test_event
    assert bench.statuses == (before or ["ABORTED"] * (counts[0] if not is_lost else 0))
    assert bench.counts() == counts
    assert bench.controller.leases == []
    assert not second["changed"]
    if is_lost:
        (left,) = first["left_alone"]
        assert left["reason"] == f"its id cannot be read; look in SUMS for test events of job {JOB_ID}"


def check_resumed(bench: Bench, cut: Cut) -> None:
    """Resume, report as the playbook does, and recover: the outcome stands, and the lease is in one hand."""
    counts, before = bench.counts(), bench.statuses
    if not cut.knows_deployment or before:
        with pytest.raises(InputError, match=r"nothing to go on with|which stands"):
            bench.resume()
        assert (bench.counts(), bench.statuses) == (counts, before)
        check_recovered(bench, cut)
        return
    resumed = bench.resume()
    assert resumed["lease_name"] == lease_of(cut.events), "what AAP has heard of; that it has ended is seen later"
    bench.aap.put_job(int(NEXT_JOB), status="running", extra_vars={"ota_resume_job_id": str(JOB_ID)})
    left = bench.recover()
    assert (left["closed"], left["released"]) == ([], [])
    report = {"test_event_id": resumed["test_event_id"], "status": "PASS", "metadata": {"outcome": "PASS"}}
    assert not run_module("hatci_test_event_update", bench.sums.url, {**report, **bench.connection}).get("failed")
    bench.controller.leases.clear()
    bench.aap.put_job(int(NEXT_JOB), status="successful")
    assert not bench.recover()["changed"]
    assert (bench.counts(), bench.statuses) == (counts, ["PASS"])


@pytest.mark.matrix
@pytest.mark.newest_core
@pytest.mark.parametrize(
    ("template", "answers"),
    [(TEST, {}), (BEGIN, {"ota_handover_lease_seconds": 900})],
    ids=["whole", "first half"],
)
def test_a_job_that_ends_where_each_of_its_tasks_begins(
    ansible_playbook: AnsiblePlaybook,
    sums: SumsProcess,
    controller: ControllerProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    template: str,
    answers: dict[str, t.Any],
) -> None:
    with job_for_vehicle(ansible_playbook, sums, controller, template=template, answers=answers) as job:
        ended = job.wait()
    assert ended.status == "successful", ended.stdout
    cuts = list(cuts_of(ended.events, sums.requests()))
    assert len({cut.task for cut in cuts}) > 30 and sum(cut.is_late for cut in cuts) > 10
    assert any(cut.is_handed_over for cut in cuts) is (template == BEGIN)

    wrong = []
    checks: list[Callable[[Bench, Cut], None]] = [check_recovered, check_resumed]
    with AapProcess(tmp_path / "aap.log") as aap:
        bench = Bench(template, sums, aap, monkeypatch)
        for cut in cuts:
            for check in checks:
                bench.put(cut)
                try:
                    check(bench, cut)
                except AssertionError as error:
                    wrong.append(f"{check.__name__} at {cut}: {error}")
    print(f"{len(cuts)} cuts, each recovered and resumed; wrong: {len(wrong)}")
    assert wrong == []
