# SPDX-License-Identifier: GPL-3.0-or-later
"""Real jobs whose container dies where a task begins, and what ota_recover and ota_resume make of what they left.

`HATCI_KILLS=all` lets a job die at each of its tasks, `HATCI_KILLS=5` at every fifth, others with each commit, and
`HATCI_KILLS=unread` at each of a test that does not read ECUs, which takes half as long. Without it, jobs of a fleet,
of a suite and of a resumption die at one task each, another one with each commit.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import itertools
import json
import os
import subprocess
import typing as t
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from aap_support import Job, job_for_vehicle, named
from play_support import PLAYBOOKS, TEST_VARIABLES, inventory_of, wait_until

from hatci_lab.aap.process import AapProcess
from hatci_lab.car.process import CarProcess
from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

if t.TYPE_CHECKING:
    from playbook_runner import AnsiblePlaybook, PlayResult

TEST, BEGIN = "HATCI OTA test", "HATCI OTA begin"
FLEET, SUITE, RESUME = "HATCI OTA fleet test", "HATCI OTA suite", "HATCI OTA resume"
ANSWERS: dict[str, dict[str, t.Any]] = {SUITE: {"ota_suite": "soak", "ota_soak_cycles": 1}}
"""The update and the way back are two tests."""

LATER = 1000
"""So much greater is the id of a job that resumes a test."""

CALLBACKS = Path(__file__).parents[2] / "callback_plugins"
KILLS = os.environ.get("HATCI_KILLS", "")
AT_ONCE = 3
"""At so many tasks jobs die before something is done about them, which is before their leases of five minutes end."""

HUNG_SECONDS = 900
"""No job takes so long to come to a task, however busy the machine is."""


@dataclasses.dataclass(frozen=True)
class Vehicle:
    """A car that one job tests."""

    job: int
    car: CarProcess

    @property
    def host(self) -> str:
        """Its name in the inventory of a later job, and that of its exporter."""
        return f"car-{self.job}"

    @property
    def variables(self) -> dict[str, t.Any]:
        """How it is found and looked at."""
        ecus = [
            {"name": name, "driver": name.lower(), "logical_address": address.logical_address}
            for name, address in self.car.ecus.items()
        ]
        return {
            "hatci_vin": self.car.vin,
            "jumpstarter_exporter_selector": f"vin={self.car.vin}",
            "ota_vehicle_ecus": [] if KILLS == "unread" else ecus,
            "ota_vehicle_settle_seconds": 60,
        }


@dataclasses.dataclass(frozen=True)
class Left:
    """What a job has left on the vehicle and in SUMS: how much of each kind, its outcomes, its leases.

    :param is_scenario: its test cannot be gone on with.
    :param is_handed_over: its test is left open for another job.
    """

    counts: tuple[int, int, int]
    outcomes: list[tuple[str, str]]
    leases: int
    is_leased: bool
    is_scenario: bool
    is_handed_over: bool

    @property
    def can_go_on(self) -> bool:
        """Whether there is a deployment to follow, which nothing disturbs, and nobody has told how it ended."""
        return self.counts[2] > 0 and not self.outcomes and not self.is_scenario


class Bench:
    """Cars behind a controller, a SUMS and an AAP, whose jobs die."""

    def __init__(
        self, ansible: AnsiblePlaybook, sums: SumsProcess, aap: AapProcess, controller: ControllerProcess
    ) -> None:
        self.ansible, self.sums, self.aap, self.controller = ansible, sums, aap, controller
        self.config = ansible.directory / "client.yaml"
        """That of later jobs is another file than that of a job which died."""
        ansible.directory.mkdir(parents=True)
        self.config.write_bytes(controller.client_config("alice").read_bytes())

    @contextlib.contextmanager
    def vehicles(self) -> Iterator[Callable[[int], Vehicle]]:
        """Make the cars of jobs, which go again."""
        with contextlib.ExitStack() as stack:

            def add(job: int) -> Vehicle:
                directory, vin = self.ansible.directory / f"car-{job}", f"1HGBH41JXMN{job:06}"
                self.sums.set_vehicle(vin, update_seconds=2)
                vehicle = Vehicle(job, stack.enter_context(CarProcess(directory, vin=vin, sums_url=self.sums.url)))
                export = vehicle.car.write_exporter(directory / "exporter.yaml", vehicle.host)
                labels = {"exporter": vehicle.host, "vin": vin}
                stack.callback(self.controller.add_exporter(vehicle.host, labels, export).kill)
                return vehicle

            yield add

    def let_die(self, template: str, where: str, vehicle: Vehicle) -> list[str]:
        """Run a job until a task begins, by name or number, and let its container die; return what began.

        One that resumes a test comes after the job of that test has died.
        """
        if template != RESUME:
            return self._run(template, where, vehicle, vehicle.job, ANSWERS.get(template, {}))
        assert self.let_die(TEST, "Wait for the deployment", vehicle)[-1] == "Wait for the deployment"
        return self._run(template, where, vehicle, vehicle.job + LATER, {"ota_resume_job_id": str(vehicle.job)})

    def _run(self, template: str, where: str, vehicle: Vehicle, job_id: int, answers: dict[str, t.Any]) -> list[str]:
        lines = self.ansible.directory / f"tasks-{job_id}.jsonl"
        environment = {
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "pause_at_task",
            "PAUSE_AT_TASK": where,
            "TASKS_AS_LINES": str(lines),
            **self.aap.environment,
        }
        job = job_for_vehicle(
            self.ansible,
            self.sums,
            self.controller,
            template=template,
            job_id=job_id,
            environment=environment,
            answers=answers,
            **vehicle.variables,
        )
        with job:
            wait_until(lambda: job.is_over or any(task["is_here"] for task in begun(lines)), HUNG_SECONDS)
            is_killed = not job.is_over
            if is_killed:
                wait_until(lambda: is_told(job))
                job.kill_container()
        finished = datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")
        status = "canceled" if is_killed else "successful"
        playbook = named("controller_templates", template)["playbook"]
        self.aap.put_job(job_id, name=template, status=status, finished=finished, playbook=playbook)
        self.aap.load_events(job_id, job.artifacts)
        return [task["name"] for task in begun(lines)]

    def play(self, name: str, vehicles: Sequence[Vehicle] = ()) -> PlayResult:
        """Run a playbook as a job that comes later, for the vehicles whose jobs died."""
        hosts = {
            vehicle.host: {**vehicle.variables, "ota_resume_job_id": self.latest_job(vehicle)} for vehicle in vehicles
        }
        inventory = yaml.safe_load(inventory_of())
        inventory["all"]["hosts"] = hosts
        path = self.ansible.directory / "inventory.yml"
        path.write_text(yaml.safe_dump(inventory), encoding="utf-8")
        of_vehicle = ("hatci_vin", "ota_verify_ecus", "jumpstarter_exporter_name", "jumpstarter_exporter_template")
        variables = {
            **{name: value for name, value in TEST_VARIABLES.items() if name not in of_vehicle},
            "hatci_base_url": self.sums.url,
            "hatci_token": self.sums.token,
            "jumpstarter_client_config": str(self.config),
            "ota_recover_grace_seconds": 0,
        }
        arguments = ["-i", str(path), "--forks", "4"]
        return self.ansible(PLAYBOOKS / name, *arguments, variables=variables, env=self.aap.environment)

    def latest_job(self, vehicle: Vehicle) -> str:
        """Return the job that had the test of a vehicle last, as SUMS tells."""
        tests = [one for one in self.sums.state()["test_events"] if one["vin"] == vehicle.car.vin]
        resumed = tests[-1]["metadata"].get("resumed", {}) if tests else {}
        return str(resumed.get("job", vehicle.job))

    def left(self, vehicle: Vehicle) -> Left:
        """Return what is there of a vehicle."""
        state, vin = self.sums.state(), vehicle.car.vin
        events = {event["event_id"] for event in state["events"] if event["vin"] == vin}
        tests = [test_event for test_event in state["test_events"] if test_event["vin"] == vin]
        deployments = [deployment for deployment in state["deployments"] if deployment["event_id"] in events]
        leases = [lease for lease in self.controller.leases() if lease["exporter"] == vehicle.host]
        outcomes = [
            (change["status"], change["metadata"]["outcome"])
            for test_event in tests
            for change in test_event["history"]
            if "status" in change
        ]
        is_leased = self.controller.holder(vehicle.host) is not None
        is_scenario = any("expect" in test_event["metadata"] for test_event in tests)
        is_handed_over = any("handed_over" in test_event["metadata"] for test_event in tests)
        counts = len(tests), len(events), len(deployments)
        return Left(counts, outcomes, len(leases), is_leased, is_scenario, is_handed_over)

    def check_closed(self, vehicle: Vehicle, before: Left) -> None:
        """What was open for nobody has one outcome, what had one kept it, nothing was made, and the device is free."""
        after = self.left(vehicle)
        to_close = 0 if before.is_handed_over else before.counts[0] - len(before.outcomes)
        assert after.outcomes == before.outcomes + [("FAIL", "ABORTED")] * to_close
        assert after.counts == before.counts
        assert (after.leases, after.is_leased) == (before.leases, False)
        state = self.sums.state()
        of_vehicle = [event for event in state["events"] if event["vin"] == vehicle.car.vin]
        targets = [event["event_id"] for event in of_vehicle if event["update_type"] == "UROM"]
        linked = [one["event_id"] for one in state["test_events"] if one["vin"] == vehicle.car.vin]
        if not before.is_handed_over:  # then whoever goes on with it links it
            assert linked == [*targets, *["pending"] * len(linked)][: len(linked)]

    def check_resumed(self, vehicle: Vehicle, before: Left, output: str) -> None:
        """The true outcome with the one deployment and, where it was held, the one lease; else nothing was touched."""
        after = self.left(vehicle)
        assert after.counts == before.counts
        if before.can_go_on:
            assert after.outcomes == [("PASS", "PASS")]
            assert vehicle.car.state()["ecus"]["Gateway"]["sw_version"] == "2.0.0"
            assert after.leases == before.leases + (not before.is_leased)
            assert not after.is_leased
        else:
            assert after == before
            refusals = ("there is nothing to go on with", "which stands", "can't be gone on with")
            assert any(words in output for words in refusals), output


def begun(lines: Path) -> list[dict[str, t.Any]]:
    """Return the tasks that have begun."""
    return [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()] if lines.exists() else []


def is_told(job: Job) -> bool:
    """Whether AAP has heard all that the play has told."""
    return not any(job.artifacts.glob("job_events/*-partial.json"))


@pytest.fixture
def bench(ansible_playbook: AnsiblePlaybook, sums: SumsProcess, tmp_path: Path) -> Iterator[Bench]:
    """Return a bench without a car."""
    with AapProcess(tmp_path / "aap.log") as aap, ControllerProcess(tmp_path / "controller") as controller:
        yield Bench(ansible_playbook, sums, aap, controller)


def finish(bench: Bench, resumed: Sequence[Vehicle], recovered: Sequence[Vehicle]) -> list[str]:
    """Resume the tests of some dead jobs, recover all twice, and return what is wrong with any."""
    wrong = []
    before = {vehicle: bench.left(vehicle) for vehicle in (*resumed, *recovered)}
    if resumed:
        played = bench.play("ota_resume.yml", resumed)
        for vehicle in resumed:
            told = "\n".join(str(task.result.get("msg")) for task in played.tasks if task.host == vehicle.host)
            wrong += failures_of(vehicle, bench.check_resumed, before[vehicle], told)
        before |= {vehicle: bench.left(vehicle) for vehicle in resumed}
    for _time in range(2):
        played = bench.play("ota_recover.yml")
        assert played.returncode == 0, played.output
        for vehicle, left in before.items():
            wrong += failures_of(vehicle, bench.check_closed, left)
    return wrong


def failures_of(vehicle: Vehicle, check: Callable[..., None], *given: t.Any) -> list[str]:
    """Return what a check of a vehicle does not hold."""
    try:
        check(vehicle, *given)
    except AssertionError as error:
        return [f"job {vehicle.job}: {error}"]
    return []


@pytest.mark.matrix
@pytest.mark.newest_core
def test_jobs_that_died_leave_one_true_outcome_and_a_free_device(bench: Bench) -> None:
    places = [(BEGIN, "Hand the test over"), (TEST, "Wait for the deployment")]
    with bench.vehicles() as add:
        vehicles = [add(job) for job in range(41, 41 + len(places))]
        for vehicle, (template, where) in zip(vehicles, places, strict=True):
            assert bench.let_die(template, where, vehicle)[-1] == where
            assert bench.left(vehicle).is_leased is (template == TEST)

        assert finish(bench, vehicles[1:], vehicles[:1]) == []


def places(template: str, tasks: int) -> Iterator[int]:
    """Return the numbers of the tasks where jobs die, by what is asked for and the commit."""
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout
    step = tasks if not KILLS else int(KILLS) if KILLS.isdigit() else 1
    return iter(range(1 + zlib.crc32(f"{commit} {template}".encode()) % step, tasks + 1, step))


@pytest.mark.matrix
@pytest.mark.newest_core
@pytest.mark.timeout(0)
@pytest.mark.parametrize("template", [FLEET, SUITE, RESUME, *([TEST, BEGIN] if KILLS else [])])
def test_a_job_that_died_at_some_of_its_tasks_leaves_one_true_outcome_and_a_free_device(
    bench: Bench, template: str
) -> None:
    jobs = itertools.count(40)
    with bench.vehicles() as add:
        tasks = bench.let_die(template, "", add(next(jobs)))
    numbers = places(template, len(tasks))
    wrong: list[str] = []
    while batch := list(itertools.islice(numbers, AT_ONCE)):
        resumed, recovered = [], []
        with bench.vehicles() as add:
            for number in batch:

                def let_die(where: str = str(number), name: str = tasks[number - 1]) -> Vehicle:
                    vehicle = add(next(jobs))
                    assert bench.let_die(template, where, vehicle)[-1] == name, "this job went another way"
                    print(f"{template}: job {vehicle.job} died at {where}, {name}: {bench.left(vehicle)}", flush=True)
                    return vehicle

                resumed.append(let_die())
                if bench.left(resumed[-1]).can_go_on:  # where it cannot go on, it is recovered after that was refused
                    recovered.append(let_die())
            wrong += finish(bench, resumed, recovered)
        print(f"{template}: up to {batch[-1]} of {len(tasks)}, wrong: {wrong}", flush=True)
    assert wrong == []
