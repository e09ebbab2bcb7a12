# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of vehicles on a simulated SUMS, and reading what became of them."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import threading
import time
import typing as t
from collections.abc import Callable, Iterator

import yaml
from play_support import PATHS, PLAYBOOKS, TEST_VARIABLES

from hatci_lab.sums.process import SumsProcess

VINS = {f"vehicle_{number:03}": f"1HGBH41JXMN{number:06}" for number in range(1, 201)}
DEVICE = {"jumpstarter_exporter_template", "jumpstarter_exporter_name", "ota_verify_ecus"}
WITHOUT_DEVICE = {name: value for name, value in TEST_VARIABLES.items() if name not in DEVICE}


REPORT_SECONDS = 240.0
"""No report takes that long once its update has ended; it waits for something else."""


BETWEEN_SECONDS = 5.0
"""Between a report and the end of the next update: what counted a device up to the end of the play would show it."""


@contextlib.contextmanager
def updates_that_end_in_turn(sums: SumsProcess, *vins: str) -> Iterator[None]:
    """Let the update of each vehicle end once the one before it was reported, however fast this machine is.

    Where a report does not come, the next update ends all the same, so that the play does too.
    """
    for vin in vins:
        sums.set_vehicle(vin, outcome="STUCK")
    stopped = threading.Event()
    thread = threading.Thread(target=_end_in_turn, args=(sums, vins, stopped))
    thread.start()
    yield
    stopped.set()
    thread.join()


def _end_in_turn(sums: SumsProcess, vins: tuple[str, ...], stopped: threading.Event) -> None:
    def wait_for(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + REPORT_SECONDS
        while not (condition() or stopped.is_set() or time.monotonic() > deadline):
            time.sleep(0.05)

    def deployments() -> dict[str, dict[str, t.Any]]:
        return {deployment["vin"]: deployment for deployment in sums.state()["deployments"]}

    def is_reported(vin: str) -> bool:
        return any(event["vin"] == vin and event["status"] != "RUNNING" for event in sums.state()["test_events"])

    wait_for(lambda: set(vins) <= set(deployments()))
    for vin in vins:
        if stopped.is_set():
            return
        sums.set_deployment(deployments()[vin]["deployment_id"], state="COMPLETE")
        wait_for(lambda vin=vin: is_reported(vin))  # type: ignore[misc]
        stopped.wait(BETWEEN_SECONDS)


@dataclasses.dataclass
class Fleet:
    """Runs ota_fleet.yml for some vehicles.

    :param ansible_playbook: the fixture of this name.
    """

    ansible_playbook: t.Any
    sums: SumsProcess

    def __call__(
        self, vehicles: dict[str, dict[str, t.Any]], *arguments: str, forks: int | None = None, **variables: t.Any
    ) -> FleetResult:
        """Run the playbook to its end.

        :param vehicles: the variables of each host; a VIN is given unless they have one.
        :param forks: as many as vehicles if not given.
        :param variables: of all vehicles.
        """
        shared = {
            "ansible_connection": "local",
            "hatci_base_url": self.sums.url,
            "hatci_token": self.sums.token,
            **PATHS,
            **WITHOUT_DEVICE,
            **variables,
        }
        hosts = {name: {"hatci_vin": VINS[name], **own} for name, own in vehicles.items()}
        inventory = self.ansible_playbook.directory / "fleet.yml"
        inventory.parent.mkdir(parents=True, exist_ok=True)
        inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": shared}}), encoding="utf-8")
        given = ("-i", str(inventory), "--forks", str(forks or max(1, len(vehicles))), *arguments)
        return FleetResult(self.ansible_playbook(PLAYBOOKS / "ota_fleet.yml", *given), self.sums)


@dataclasses.dataclass
class FleetResult:
    """A finished fleet.

    :param play: what ansible-playbook gave.
    """

    play: t.Any
    sums: SumsProcess

    @property
    def summary(self) -> list[str]:
        """The lines of the summary table, as people see them."""
        lines = self.play.task("Decide by the share of vehicles that failed")["lines"]
        assert "\n".join(lines) in self.play.stdout
        return list(lines)

    @property
    def rows(self) -> dict[str, list[str]]:
        """The words of each vehicle's row: vehicle, outcome, state, took, held, and what stands below it."""
        rows: dict[str, list[str]] = {}
        host = ""
        for line in self.summary[1:-1]:
            if line.startswith(" "):
                rows[host].append(line.strip())
            else:
                host = line.split()[0]
                rows[host] = line.split()
        return {host: [*row[:5], " ".join(row[5:])] for host, row in rows.items()}

    @property
    def warnings(self) -> list[str]:
        """The task that looks at forks, where it had something to say."""
        shown = [task.result.get("msg", "") for task in self.play.tasks if task.outcome == "ok"]
        return [message for message in shown if isinstance(message, str) and message.startswith("WARNING")]

    def reported(self) -> list[str]:
        """Return the VINs in the order in which their outcome was reported."""
        of_event = {event["test_event_id"]: event["vin"] for event in self.sums.state()["test_events"]}
        return [of_event[request["call"].split("/")[2]] for request in self._calls("PATCH", "/test_events/")]

    def most_at_once(self) -> int:
        """Return how many vehicles at most were between their deployment and their report."""
        begun = [(request["time"], 1) for request in self._calls("POST", "/deployments")]
        ended = [(request["time"], -1) for request in self._calls("PATCH", "/test_events/")]
        under_way = most = 0
        for _time, step in sorted(begun + ended):
            under_way += step
            most = max(most, under_way)
        return most

    def update_ended(self, vin: str) -> float:
        """Return when a vehicle's update had ended for SUMS, in epoch seconds."""
        (one,) = [deployment for deployment in self.sums.state()["deployments"] if deployment["vin"] == vin]
        return datetime.datetime.fromisoformat(one["timestamps"]["finished_at"]).timestamp()

    def report_time(self, vin: str) -> float:
        """Return when the outcome of a vehicle reached SUMS, in epoch seconds."""
        return float(self._calls("PATCH", "/test_events/")[self.reported().index(vin)]["time"])

    def outcomes(self) -> dict[str, str]:
        """Return what SUMS holds for each VIN."""
        return {event["vin"]: event["status"] for event in self.sums.state()["test_events"]}

    def position(self, host: str, action: str, **arguments: t.Any) -> int:
        """Return where in the order of results a task of a host stands that ran with these arguments."""
        (found,) = [
            place
            for place, task in enumerate(self.play.tasks)
            if task.host == host
            and task.action == f"hatci.automation.{action}"
            and task.outcome != "skipped"
            and arguments.items() <= task.result.get("invocation", {}).get("module_args", {}).items()
        ]
        return found

    def _calls(self, method: str, beginning: str) -> list[dict[str, t.Any]]:
        return [
            request
            for request in self.sums.requests()
            if request["method"] == method and request["call"].startswith(beginning) and request["status"] < 300
        ]


def pretty(result: FleetResult) -> str:
    """Return what to show when an assertion fails."""
    return json.dumps(result.outcomes()) + "\n" + result.play.output[-6000:]
