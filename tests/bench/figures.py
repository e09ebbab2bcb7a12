# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures: which runs make each, so that both sides of a ratio see the same machine."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import statistics
import typing as t
from importlib.resources import files
from pathlib import Path

from runs import BINARIES, MOMENTS, PLAYBOOKS, Bench, Run, Variables, host_of, vin

from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

OTA_FLEET = "hatci.automation.ota_fleet"
CALLS: dict[str, Path | str] = {
    "nothing": PLAYBOOKS / "vehicle_by_nothing.yml",
    "uri": PLAYBOOKS / "vehicle_by_uri.yml",
    "modules": PLAYBOOKS / "vehicle_by_modules.yml",
    "roles": PLAYBOOKS / "vehicle_by_roles.yml",
    "ota_fleet": OTA_FLEET,
}
EXPORTER = "bench1"
POWER = {"power": {"type": "jumpstarter_driver_power.driver.MockPower"}}
CONFIG = {
    "apiVersion": "jumpstarter.dev/v1alpha1",
    "kind": "ExporterConfig",
    "metadata": {"name": EXPORTER, "namespace": ""},
    "endpoint": "",
    "token": "",
    "export": POWER,
}


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured.

    :param rounds: how often each side of the CPU of a task is measured, in turns.
    :param tasks: API tasks in one play.
    :param fleets: how many vehicles, by the way their calls are made.
    :param update: seconds that an update of the fleets takes.
    :param poll: seconds between two polls of the fleets, and of `uri`.
    :param polling: seconds that the vehicles wait whose polls are measured, and how many they are.
    :param devices: vehicles with a local exporter.
    :param ecus: how many ECUs a vehicle has that speaks for itself.
    """

    rounds: int
    tasks: int
    fleets: dict[str, tuple[int, ...]]
    update: float
    poll: float
    polling: tuple[float, int]
    devices: int
    ecus: tuple[int, ...]


FULL = Size(
    rounds=3,
    tasks=20,
    fleets={
        "nothing": (50,),
        "uri": (1, 25, 50),
        "modules": (50,),
        "roles": (1, 25, 50, 100, 200),
        "ota_fleet": (50, 200),
    },
    update=20.0,
    poll=1.0,
    polling=(10.0, 10),
    devices=4,
    ecus=(1, 5, 20),
)
QUICK = Size(
    rounds=1,
    tasks=8,
    fleets={"nothing": (2,), "uri": (2,), "roles": (2, 5), "ota_fleet": (2,)},
    update=3.0,
    poll=1.0,
    polling=(4.0, 4),
    devices=1,
    ecus=(1,),
)


@dataclasses.dataclass(frozen=True)
class TaskCost:
    """CPU seconds of one task that makes one API call, by the way it is made; `none`: it makes no call."""

    none: float
    in_process: float
    module: float
    uri: float


def cost_of_a_task(bench: Bench, size: Size) -> TaskCost:
    """Measure a play of many tasks against one without any, in turns; half of the calls read, half of them create."""
    spent: dict[str, list[float]] = {name: [] for name in ("empty", *API_TASKS)}
    for _unused in range(size.rounds):
        spent["empty"].append(bench(_play([])).cpu)
        for name, tasks in API_TASKS.items():
            spent[name].append(bench(_play(tasks * (size.tasks // len(tasks)))).cpu)
    empty = statistics.median(spent["empty"])
    each = {name: (statistics.median(spent[name]) - empty) / size.tasks for name in API_TASKS}
    return TaskCost(**each)


def _play(tasks: list[Variables]) -> list[Variables]:
    connection = {"hatci_base_url": "{{ hatci_base_url }}", "hatci_token": "{{ hatci_token }}"}
    uri = {"headers": {"Authorization": "Bearer {{ hatci_token }}"}, "body_format": "json", "status_code": [200, 201]}
    return [
        {
            "hosts": "all",
            "connection": "local",
            "gather_facts": False,
            "module_defaults": {"group/hatci.automation.hatci": connection, "ansible.builtin.uri": uri},
            "tasks": tasks,
        }
    ]


_EVENT = {
    "vin": "{{ hatci_vin }}",
    "tester_name": "{{ hatci_tester_name }}",
    "program_name": "{{ hatci_program_name }}",
    "model_year": "{{ hatci_model_year }}",
    "region": "{{ hatci_region }}",
    "update_type": "RROM",
    "build_level": "{{ hatci_source_build_level }}",
    "ecus": "{{ hatci_source_ecus }}",
}
_OURS: list[Variables] = [{"hatci.automation.hatci_health": {}}, {"hatci.automation.hatci_create_event": _EVENT}]
API_TASKS: dict[str, list[Variables]] = {
    "none": [{"ansible.builtin.debug": {"msg": "{{ hatci_vin }}"}}],
    "in_process": _OURS,
    # A variable in the environment of a task asks for a process of its own.
    "module": [{**task, "environment": {"BENCH": "1"}} for task in _OURS],
    "uri": [
        {"ansible.builtin.uri": {"url": "{{ hatci_base_url }}/api/v1/health"}},
        {"ansible.builtin.uri": {"url": "{{ hatci_base_url }}/api/v1/events", "method": "POST", "body": _EVENT}},
    ],
}


def fleets(bench: Bench, size: Size, tell: t.Callable[[str], None]) -> dict[str, dict[int, Run]]:
    """Run every fleet, small ones first and the ways to call in turns."""
    wanted = sorted((vehicles, calls) for calls, sizes in size.fleets.items() for vehicles in sizes)
    done: dict[str, dict[int, Run]] = {calls: {} for calls in size.fleets}
    for vehicles, calls in wanted:
        tell(f"{vehicles} vehicles by {calls}")
        done[calls][vehicles] = bench(CALLS[calls], vehicles, update=size.update, poll=size.poll)
    return done


def cost_of_a_poll(bench: Bench, size: Size) -> float:
    """Return the CPU seconds of one poll: the difference between few polls and many by that of their numbers."""
    update, vehicles = size.polling
    costs = []
    for _unused in range(size.rounds):
        few, many = (bench(CALLS["modules"], vehicles, update=update, poll=poll) for poll in (update / 3, update / 100))
        costs.append((many.cpu - few.cpu) / (many.polls - few.polls))
    return statistics.median(costs)


def held_beyond_update(bench: Bench, size: Size) -> list[float]:
    """Return for each vehicle of a fleet with local exporters how long its device was held after its update had ended.

    Updates end at different times, so that a device held for another vehicle's sake would show.
    """

    def prepare(sums: SumsProcess, home: Path) -> None:
        for number in range(1, size.devices + 1):
            sums.set_vehicle(vin(number), update_seconds=4.0 * number)

    run = bench(
        OTA_FLEET,
        size.devices,
        poll=0.5,
        variables={
            "jumpstarter_exporter_template": str(files("hatci_lab.vehicle") / "vehicle_exporter.yaml.j2"),
            "jumpstarter_exporter_name": "{{ inventory_hostname }}",
            "jumpstarter_lease_guard_mode": "local",
        },
        environment={"ANSIBLE_CALLBACKS_ENABLED": "moments"},
        prepare=prepare,
    )
    lines = [json.loads(line) for line in (run.home / MOMENTS).read_text(encoding="utf-8").splitlines()]
    released = {
        line["host"]: line["time"]
        for line in lines
        if line["action"].endswith("jumpstarter_lease") and line["arguments"].get("state") == "release"
    }
    ended = {
        deployment["vin"]: datetime.datetime.fromisoformat(deployment["timestamps"]["finished_at"]).timestamp()
        for deployment in run.deployments
    }
    return [released[host_of(number)] - ended[vin(number)] for number in range(1, size.devices + 1)]


def jmp_starts(bench: Bench) -> dict[str, int]:
    """Return how often `jmp` starts to acquire a device, run one command and give it back, by kind of lease."""
    starts = {"local": _starts(bench, {"jumpstarter_lease_guard_mode": "local"})}
    with ControllerProcess(bench.new_directory()) as controller:
        controller.add_exporter(EXPORTER, {"exporter": EXPORTER}, POWER)
        config = str(controller.client_config("alice"))
        starts["controller"] = _starts(bench, {"jumpstarter_client_config": config})
    return starts


def _starts(bench: Bench, variables: Variables) -> int:
    directory = bench.new_directory()
    counted, jmp = directory / "starts", directory / "jmp"
    jmp.write_text(f'#!/bin/sh\necho "$*" >> {counted}\nexec {BINARIES / "jmp"} "$@"\n', encoding="utf-8")
    jmp.chmod(0o755)

    def prepare(sums: SumsProcess, home: Path) -> None:
        exporters = home / ".config/jumpstarter/exporters"
        exporters.mkdir(parents=True)
        (exporters / f"{EXPORTER}.yaml").write_text(json.dumps(CONFIG), encoding="utf-8")

    bench(
        PLAYBOOKS / "device.yml",
        variables={"jumpstarter_exporter_name": EXPORTER, **variables},
        environment={"PATH": f"{directory}{os.pathsep}{BINARIES}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
        prepare=prepare,
    )
    return len(counted.read_text(encoding="utf-8").splitlines())
