# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as they look in AAP, with the events that their tasks left, against the simulated SUMS."""

from __future__ import annotations

import datetime
import typing as t

from play_support import NEW, VIN
from sums_support import run_module, validated

from ansible_collections.hatci.automation.plugins.module_utils._recovery.recover import recover
from ansible_collections.hatci.automation.plugins.modules import hatci_recover
from hatci_lab.aap.process import AapProcess
from hatci_lab.sums.process import SumsProcess

TEMPLATE = "HATCI OTA test"
HOST = "vehicle_001"
NOW = datetime.datetime(2026, 11, 25, 12, 0, tzinfo=datetime.UTC).timestamp()
STEPS = ("test_event", "lease", "source", "target", "deployment")
"""How far a job can come before it dies."""


def moment(seconds: float) -> str:
    """Return a time as AAP shows it, seconds from NOW."""
    return datetime.datetime.fromtimestamp(NOW + seconds, datetime.UTC).isoformat().replace("+00:00", "Z")


def event(
    action: str, result: dict[str, t.Any], *, failed: bool = False, at: float = -600, **arguments: t.Any
) -> t.Any:
    """Return the event of a task of this collection."""
    res = {**result, "invocation": {"module_args": arguments}} if arguments else result
    return {
        "event": "runner_on_failed" if failed else "runner_on_ok",
        "created": moment(at),
        "event_data": {"host": HOST, "task_action": f"hatci.automation.{action}", "res": res},
    }


class Lab:
    """A SUMS and an AAP, in which a job has died at one of its steps."""

    def __init__(self, sums: SumsProcess, aap: AapProcess) -> None:
        self.sums, self.aap = sums, aap
        self.slept: list[float] = []

    def run(self, module: str, **arguments: t.Any) -> dict[str, t.Any]:
        """Run a module against the simulated SUMS."""
        result = run_module(f"hatci_{module}", self.sums.url, arguments, hatci_token=self.sums.token)
        assert not result.get("failed"), result
        return result

    def die(
        self,
        step: str,
        job: int = 41,
        status: str = "canceled",
        finished: float = -300,
        metadata: t.Mapping[str, t.Any] | None = None,
    ) -> dict[str, str]:
        """Let a job run up to a step and die; return the ids that it knew."""
        reached = STEPS[: STEPS.index(step) + 1]
        metadata = {"job_url": f"https://aap/{job}", **(metadata or {})}
        made = self.run("test_event", vin=VIN, ansible_job_id=str(job), suite_name="suite", metadata=metadata)
        ids = {"test_event_id": made["test_event_id"]}
        events = [event("hatci_test_event", made, vin=VIN)]
        if "lease" in reached:
            events.append(event("jumpstarter_lease", {"lease_name": f"hatci-{job}-car"}, state="acquire"))
        for name, kind in (("source", "RROM"), ("target", "UROM")):
            if name in reached:
                created = self.run("create_event", **EVENT, update_type=kind)
                self.run("fix_event", event_id=created["event_id"])
                ids[name] = created["event_id"]
                events.append(event("hatci_create_event", created, update_type=kind))
        if "deployment" in reached:
            deployed = self.run("deploy_event", event_id=ids["target"])
            ids["deployment"] = deployed["deployment_id"]
            events.append(event("hatci_deploy_event", deployed, event_id=ids["target"]))
        self.aap.put_job(job, name=TEMPLATE, status=status, finished=moment(finished))
        self.aap.add_events(job, events)
        return ids

    def recover(
        self, *, check_mode: bool = False, sleep: t.Any = None, later: float = 0.0, **options: t.Any
    ) -> dict[str, t.Any]:
        """Recover at NOW or seconds later, and return the result or raise the failure."""
        now = [NOW + later]

        def pause(seconds: float) -> None:
            self.slept.append(seconds)
            now[0] += seconds
            if sleep:
                sleep()

        arguments = {
            "hatci_base_url": self.sums.url,
            "hatci_token": self.sums.token,
            "mode": "local",
            "retry_timeout": 0,
        }
        given = validated("hatci_recover", {**arguments, **options})
        return recover(given, check_mode, clock=lambda: now[0], sleep=pause)

    def test_event(self, test_event_id: str) -> dict[str, t.Any]:
        """Return a test event as SUMS holds it."""
        (found,) = [one for one in self.sums.state()["test_events"] if one["test_event_id"] == test_event_id]
        return found

    def statuses(self, test_event_id: str) -> list[str]:
        """Return every outcome that a test event was ever given."""
        return [change["status"] for change in self.test_event(test_event_id)["history"] if "status" in change]


EVENT: dict[str, t.Any] = {
    "tester_name": "erika",
    "program_name": "OTA_Test",
    "model_year": "2024",
    "vin": VIN,
    "region": "US",
    "build_level": "2024.02.01",
    "ecus": NEW,
}
assert hatci_recover.OPERATION is recover
