# SPDX-License-Identifier: GPL-3.0-or-later
"""An update that is disturbed: the disturbance happened, was undone whatever came, and its end is the vehicle's own."""

from __future__ import annotations

import datetime
import os
import random
import signal
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from play_support import HOME, NEW, OLD, PATHS, PLAYBOOKS, TEST_VARIABLES, VIN, inventory_of, is_locked, wait_until
from playbook_runner import AnsiblePlaybook

from hatci_lab.car.client import EXPORTER_TEMPLATE
from hatci_lab.car.process import CarProcess
from hatci_lab.sums.process import SumsProcess

PLAYBOOK = PLAYBOOKS / "ota_single_vehicle.yml"
FIRST_POINT = 3
SCENARIO: dict[str, t.Any] = {
    "name": "cut",
    "disturbances": [{"at": {"progress": FIRST_POINT}, "do": "power_off", "for": 2}],
    "within": 60,
    "expect": "completed_or_restored",
}
TELEMATICS = {"ecu_name": "Telematics", "part_number": "TCU-2024-007", "sw_version": "3.1.4"}
KILLS = int(os.environ["HATCI_KILLS"]) if os.environ.get("HATCI_KILLS", "").isdecimal() else 1
"""How often a play is killed in the middle of a cut."""
POINTS = [random.randint(10, 90) for _number in range(int(os.environ.get("HATCI_POINTS", "0")))]
"""Further points to cut at. If there are any, it is measured how late each cut comes, which needs a quiet machine."""
UPDATE_SECONDS = 60 if POINTS else 120
"""Long enough for a busy machine to cut the power meanwhile; the car breaks off the update then. SUMS tells whole
percents, so a shorter one is measured more finely."""

Play = Callable[..., t.Any]

pytestmark = pytest.mark.newest_core


@pytest.fixture
def car(tmp_path: Path, sums: SumsProcess) -> Iterator[CarProcess]:
    """Return a car that takes its updates from SUMS, on the source software."""
    sums.set_vehicle(VIN, update_seconds=UPDATE_SECONDS)
    with CarProcess(tmp_path / "car", sums_url=sums.url) as process:
        process.wait_until_listening()
        yield process


@pytest.fixture
def variables(car: CarProcess) -> dict[str, t.Any]:
    """Return those of a test of the car, judged by its ECUs."""
    ecus = [
        {"name": name, "driver": name.lower(), "logical_address": address.logical_address}
        for name, address in car.ecus.items()
    ]
    return {
        **TEST_VARIABLES,
        **car.exporter_variables(),
        "hatci_vin": VIN,
        "jumpstarter_exporter_template": str(EXPORTER_TEMPLATE),
        "hatci_poll_interval_seconds": 0.3,
        "ota_verify_ecus": False,
        "ota_vehicle_ecus": ecus,
        "ota_vehicle_settle_seconds": 5,
        "ota_scenario": SCENARIO,
    }


def reported(sums: SumsProcess) -> dict[str, t.Any]:
    """Return what SUMS holds of the one test."""
    (event,) = sums.state()["test_events"]
    return t.cast("dict[str, t.Any]", event)


@pytest.mark.parametrize("point", [FIRST_POINT, *POINTS])
def test_a_car_that_restores_itself_passes_after_a_cut_within_a_poll_interval_and_two_seconds_of_its_point(
    play_vehicle: Play, variables: dict[str, t.Any], sums: SumsProcess, car: CarProcess, point: int
) -> None:
    car.set_behaviour(on_power_loss="restore")
    scenario = {**SCENARIO, "disturbances": [{**SCENARIO["disturbances"][0], "at": {"progress": point}}], "within": 180}
    kept = {"ota_scenario": scenario, "ota_evidence_dir": f"{HOME}/evidence"}

    played = play_vehicle(PLAYBOOK, variables={**variables, **kept})

    assert played.returncode == 0, played.output
    event = reported(sums)
    metadata = event["metadata"]
    assert (event["status"], metadata["outcome"], metadata["scenario"]) == ("PASS", "PASS", "cut")
    assert "Scenario cut: The vehicle is back on the source software." in event["summary"]
    (cut,) = metadata["disturbances"]
    assert (cut["reached"], cut["proven"], cut["proof"]) == (True, True, "unreachable")
    assert cut["measured"] == "0 of 2 ECUs answered"
    assert point <= cut["progress"] <= cut["progress_after"] < 100
    began, ended = (datetime.datetime.fromisoformat(cut[name]) for name in ("began", "ended"))
    assert (ended - began).total_seconds() >= 2
    assert car.state()["powered"]
    assert not is_locked(played.home)
    (transcript,) = played.home.glob("evidence/*/commands.log")
    lines = transcript.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("$")] == ["$ j power off", "$ j power on"]
    # SUMS stands still as long as the car is cut.
    late = (cut["progress_after"] - point) * UPDATE_SECONDS / 100
    print(f"cut at {point} %: {late:.1f} to {late + UPDATE_SECONDS / 100:.1f} s late, proven: {cut['proven']}")
    assert not POINTS or late <= variables["hatci_poll_interval_seconds"] + 2


def mixes(car: CarProcess) -> dict[str, t.Any]:
    car.set_behaviour(on_power_loss="mixture")
    target = [*NEW, {**TELEMATICS, "sw_version": "4.0.0"}]
    return {"hatci_source_ecus": [*OLD, TELEMATICS], "hatci_target_ecus": target}


def relay_does_not_switch(_car: CarProcess) -> dict[str, t.Any]:
    cut = {"at": {"progress": 3}, "commands": ["true"], "undo": ["true"], "for": 0, "proof": "unreachable"}
    return {"ota_scenario": {**SCENARIO, "disturbances": [cut], "within": 40}}


def rig_fails(car: CarProcess) -> dict[str, t.Any]:
    cut, lost = ({"name": name, "hatci.automation.jumpstarter_shell": {"commands": [command]}} for name, command in RIG)
    tasks = car.directory / "cut.yml"
    tasks.write_text(yaml.safe_dump([cut, lost]), encoding="utf-8")
    by_tasks = {"at": {"state": "PENDING"}, "tasks": str(tasks), "undo": ["j power on"], "for": 1, "proof": "none"}
    never_made = {"at": {"seconds": 0}, "commands": ["j power off"], "for": 30}
    return {"ota_scenario": {**SCENARIO, "disturbances": [by_tasks, never_made], "within": 15}}


def stands_still(_car: CarProcess) -> dict[str, t.Any]:
    return {"ota_scenario": {**SCENARIO, "disturbances": [{"at": {"progress": 90}, "do": "power_off"}], "within": 5}}


RIG = (("Cut the power by hand", "j power off"), ("Ask the relay", "false"))


@pytest.mark.parametrize(
    ("wrong", "outcome", "told"),
    [
        (mixes, "FAIL", "The vehicle has a mixture of old and new software"),
        (relay_does_not_switch, "INVALID", "Gateway, Telematics still answered"),
        (rig_fails, "INVALID", "tasks: Ask the relay: Command 'false' failed with exit code 1"),
        (stands_still, "TIMEOUT", "did not come to 90 %"),
    ],
)
def test_what_must_not_pass(
    play_vehicle: Play,
    variables: dict[str, t.Any],
    sums: SumsProcess,
    car: CarProcess,
    wrong: Callable[[CarProcess], dict[str, t.Any]],
    outcome: str,
    told: str,
) -> None:
    changed = wrong(car)

    played = play_vehicle(PLAYBOOK, variables={**variables, **changed})

    assert played.returncode == 2, played.output
    event = reported(sums)
    assert (event["status"], event["metadata"]["outcome"]) == ("FAIL", outcome), event["summary"]
    assert told in event["summary"]
    assert [cut["reached"] for cut in event["metadata"]["disturbances"]] == [outcome != "TIMEOUT"]
    assert len(event["metadata"]["vehicle"]["after"]["ecus"]) == 2
    assert car.state()["powered"]
    assert "Traceback" not in played.output
    assert not is_locked(played.home)


def test_a_play_that_is_killed_in_the_middle_of_a_cut_leaves_the_power_on(
    ansible_playbook: AnsiblePlaybook, variables: dict[str, t.Any], sums: SumsProcess, car: CarProcess
) -> None:
    lab = {"hatci_base_url": sums.url, "hatci_token": sums.token, **PATHS}
    cut = {"at": {"seconds": 0}, "do": "power_off", "for": 600}
    given = {**lab, **variables, "ota_scenario": {**SCENARIO, "disturbances": [cut]}}
    inventory = ansible_playbook.directory.parent / "inventory.yml"
    inventory.write_text(inventory_of(), encoding="utf-8")
    for _number in range(KILLS):
        sums.reset()  # else the update of the run before goes on, into this one
        sums.set_vehicle(VIN, update_seconds=UPDATE_SECONDS)
        car.set_behaviour(on_power_loss="restore")
        play = ansible_playbook.start(PLAYBOOK, "-i", str(inventory), variables=given)
        wait_until(lambda: not car.state()["powered"])

        os.kill(play.process.pid, signal.SIGKILL)
        play.process.wait()

        wait_until(lambda home=play.home: car.state()["powered"] and not is_locked(home))
        car.reset()
        car.wait_until_listening()
