# SPDX-License-Identifier: GPL-3.0-or-later
"""A verdict rests on the vehicle itself: who it is, what it came from, what it has, and what its update left behind."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from evidence_support import records_checked_against_sums
from play_support import EXPORTER, HOME, PLAYBOOKS, TEST_VARIABLES, VIN, is_locked

from ansible_collections.hatci.automation.plugins.modules import jumpstarter_diagnostics
from hatci_lab.car.client import EXPORTER_TEMPLATE
from hatci_lab.car.process import CarProcess
from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

PLAYBOOK = PLAYBOOKS / "ota_single_vehicle.yml"
OTHER_VIN = "2HGBH41JXMN109187"
Play = Callable[..., t.Any]


@pytest.fixture
def car(tmp_path: Path, sums: SumsProcess) -> Iterator[CarProcess]:
    """Return a car that takes its updates from SUMS, on the source software."""
    sums.set_vehicle(VIN, update_seconds=1)
    with CarProcess(tmp_path / "car", sums_url=sums.url) as process:
        process.wait_until_listening()
        yield process


@pytest.fixture
def prove(play_vehicle: Play, car: CarProcess) -> Play:
    """Run a whole test of the car, judged by its ECUs."""

    def play(playbook: Path = PLAYBOOK, **changed: t.Any) -> t.Any:
        ecus = [
            {"name": name, "driver": name.lower(), "logical_address": address.logical_address}
            for name, address in car.ecus.items()
        ]
        variables = {
            **TEST_VARIABLES,
            **car.exporter_variables(),
            "hatci_vin": VIN,
            "jumpstarter_exporter_template": str(EXPORTER_TEMPLATE),
            "ota_verify_ecus": False,
            "ota_vehicle_ecus": ecus,
            "ota_vehicle_settle_seconds": 20,
            **changed,
        }
        return play_vehicle(playbook, variables=variables)

    return play


def outcome_of(sums: SumsProcess) -> tuple[str, str, str]:
    """Return what SUMS holds of the one test."""
    (event,) = sums.state()["test_events"]
    return event["status"], event["metadata"]["outcome"], event["summary"]


def assert_told(sums: SumsProcess, played: t.Any, outcome: str, told: str) -> str:
    """Assert that a test ended red, with its outcome and reason in SUMS; return its summary there."""
    assert played.returncode == 2, played.output
    status, found, summary = outcome_of(sums)
    assert (status, found) == ("FAIL", outcome), summary
    assert told in summary
    return summary


def test_a_pass_rests_on_the_vehicle(prove: Play, sums: SumsProcess, car: CarProcess) -> None:
    played = prove()

    assert played.returncode == 0, played.output
    status, outcome, summary = outcome_of(sums)
    assert (status, outcome) == ("PASS", "PASS")
    assert summary == "Update to 2024.02.01 ended COMPLETE, verified by UDS: identity, source, target, codes."
    (event,) = sums.state()["test_events"]
    looks = event["metadata"]["vehicle"]
    versions = [[ecu["sw_version"] for ecu in looks[moment]["ecus"]] for moment in ("before", "after")]
    assert versions == [["1.0.0", "3.1.4"], ["2.0.0", "3.1.4"]]
    assert looks["before"]["vin"] == looks["after"]["vin"] == VIN
    assert looks["differences"] == looks["new_codes"] == []
    assert "1.0.0 -> 2.0.0" in played.stdout
    assert car.state()["ecus"]["Gateway"]["sw_version"] == "2.0.0"
    assert not is_locked(played.home)


def wrong_vehicle(car: CarProcess) -> None:
    car.set_car(vin=OTHER_VIN)


def already_updated(car: CarProcess) -> None:
    car.set_ecu("Gateway", sw_version="2.0.0")


def lies(car: CarProcess) -> None:
    car.set_behaviour(lies=True)


def leaves_a_code(car: CarProcess) -> None:
    car.set_behaviour(leaves_codes={"Gateway": {"U0123-00": 0x2F}})


def off_from_the_start(car: CarProcess) -> None:
    car.set_ecu("Gateway", on=False)


BREAKING = [
    (wrong_vehicle, "ERROR", f"has the VIN {OTHER_VIN}, but the test is for {VIN}", 0),
    (already_updated, "INVALID", "Gateway: its software is 2.0.0 instead of 1.0.0", 0),
    (lies, "FAIL", 'does not report "ECU Gateway part=GW-2024-001 sw=2.0.0", though SUMS says', 2),
    (leaves_a_code, "FAIL", "trouble codes that were not there before: Gateway U0123-00 (status 0x2F)", 2),
    (off_from_the_start, "INVALID", "Gateway: it did not answer", 0),
]


@pytest.mark.newest_core
@pytest.mark.matrix
@pytest.mark.parametrize(("wrong", "outcome", "told", "events"), BREAKING)
def test_a_leased_vehicle_that_breaks_one_of_the_conditions(
    prove: Play,
    sums: SumsProcess,
    car: CarProcess,
    tmp_path: Path,
    wrong: Callable[[CarProcess], None],
    outcome: str,
    told: str,
    events: int,
) -> None:
    wrong(car)
    with ControllerProcess(tmp_path / "controller") as controller:
        controller.add_exporter(EXPORTER, {"bay": "7"}, car.write_exporter(tmp_path / "unused.yaml", EXPORTER))
        chosen = {
            "jumpstarter_exporter_name": "",
            "jumpstarter_exporter_selector": "bay=7",
            "jumpstarter_exporter_template": "",
            "jumpstarter_client_config": str(controller.client_config("alice")),
        }
        played = prove(**chosen, ota_vehicle_settle_seconds=5)
        (lease,) = controller.leases()

    summary = assert_told(sums, played, outcome, told)
    assert ("at exporter vehicle-001 has" in summary) == (wrong is wrong_vehicle)
    assert len(sums.state()["events"]) == events
    assert (lease["exporter"], bool(lease["ended"])) == (EXPORTER, True)


@pytest.mark.newest_core
@pytest.mark.parametrize(("wrong", "outcome", "told", "events"), BREAKING)
def test_a_vehicle_that_breaks_one_of_the_conditions(
    prove: Play,
    sums: SumsProcess,
    car: CarProcess,
    wrong: Callable[[CarProcess], None],
    outcome: str,
    told: str,
    events: int,
) -> None:
    wrong(car)

    played = prove(ota_vehicle_settle_seconds=5)

    assert_told(sums, played, outcome, told)
    assert told in played.task("Tell the outcome")["msg"]
    assert len(sums.state()["events"]) == events, "nothing is created for a vehicle that cannot be tested"
    (record,) = records_checked_against_sums(played.home, sums.state())
    assert record["outcome"] == outcome and told in record["summary"]
    if events:
        (last,) = [ecu for ecu in record["software"]["after"]["ecus"] if ecu["name"] == "Gateway"]
        assert last["sw_version"] == car.state()["ecus"]["Gateway"]["sw_version"]
    assert "Traceback" not in played.output
    assert not is_locked(played.home)


@pytest.mark.newest_core
def test_a_code_that_may_come_is_no_failure(prove: Play, sums: SumsProcess, car: CarProcess) -> None:
    leaves_a_code(car)

    played = prove(ota_allowed_codes=["U0123"])

    assert played.returncode == 0, played.output
    assert outcome_of(sums)[:2] == ("PASS", "PASS")


@pytest.mark.newest_core
@pytest.mark.matrix
@pytest.mark.parametrize(
    ("leaves", "outcome", "told"),
    [
        ({}, "PASS", "verified by UDS: identity, source, target, codes."),
        ({"leaves_codes": {"Gateway": {"U0123-00": 0x2F}}}, "FAIL", "that were not there before: Gateway U0123-00"),
    ],
)
def test_a_test_that_timed_out_goes_on_from_what_the_vehicle_said_before_its_update(
    prove: Play, sums: SumsProcess, car: CarProcess, leaves: dict[str, t.Any], outcome: str, told: str
) -> None:
    car.set_behaviour(**leaves)
    sums.set_vehicle(VIN, update_seconds=15)
    assert prove(hatci_poll_timeout_seconds=1).returncode == 2
    assert outcome_of(sums)[1] == "TIMEOUT"
    state = sums.state()
    ids = {"hatci_test_event_id": state["test_events"][0]["test_event_id"]}
    ids["hatci_deployment_id"] = state["deployments"][0]["deployment_id"]

    played = prove(PLAYBOOKS / "ota_resume.yml", **ids)

    assert outcome_of(sums)[1] == outcome, played.output
    assert told in outcome_of(sums)[2]


@pytest.mark.newest_core
def test_a_vehicle_that_has_what_sums_says_it_refused(prove: Play, sums: SumsProcess, car: CarProcess) -> None:
    lies(car)
    sums.set_vehicle(VIN, update_seconds=1, outcome="FAILED", reason="Gateway refused the image")

    played = prove()

    assert played.returncode == 2, played.output
    status, outcome, summary = outcome_of(sums)
    assert (status, outcome) == ("FAIL", "FAIL")
    assert "Gateway refused the image" in summary
    assert summary.endswith("The vehicle, however, has the target software.")


@pytest.mark.newest_core
def test_the_examples_of_the_diagnostics(play_vehicle: Play, car: CarProcess, tmp_path: Path) -> None:
    ecus = [{"name": "Gateway", "driver": "gateway", "logical_address": 0xE0}]
    exporters = tmp_path / "exporters"
    exporters.mkdir()
    car.write_exporter(exporters / "vehicle_001.yaml", "vehicle_001")
    put = {"src": str(exporters / "vehicle_001.yaml"), "dest": f"{HOME}/.config/jumpstarter/exporters/"}
    tasks = [
        {"ansible.builtin.file": {"path": put["dest"], "state": "directory"}},
        {"ansible.builtin.copy": put},
        *yaml.safe_load(jumpstarter_diagnostics.EXAMPLES),
    ]

    played = play_vehicle(
        yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), variables={"ota_vehicle_ecus": ecus}
    )

    assert played.returncode == 0, played.output
    assert [ecu["sw_version"] for ecu in played.task("Look at the vehicle")["ecus"]][:1] == ["1.0.0"]
    assert played.tasks[-1].result["vin"] == VIN
