# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves, held against what SUMS, the controller and the vehicle logged by themselves."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Callable, Iterator

import pytest
from evidence_support import records_checked_against_sums
from play_support import EXPORTER, HOST, PLAYBOOKS, TEST_VARIABLES, VIN

from hatci_lab.car.process import CarProcess
from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

pytestmark = [pytest.mark.newest_core, pytest.mark.matrix]
READING = {"GetLease", "ListLeases", "GetExporter", "ListExporters"}


@pytest.fixture(scope="module")
def lab(
    tmp_path_factory: pytest.TempPathFactory, _sums_process: SumsProcess
) -> Iterator[tuple[CarProcess, ControllerProcess]]:
    """Return a car that takes its updates from SUMS, and a controller with an exporter that leads to it."""
    root = tmp_path_factory.mktemp("accounts")
    with CarProcess(root / "car", vin=VIN, sums_url=_sums_process.url) as car, ControllerProcess(root / "lab") as made:
        car.wait_until_listening()
        made.add_exporter(HOST, {"exporter": HOST}, car.write_exporter(root / "unused.yaml", HOST))
        yield car, made


def play_suite(play_vehicle: Callable[..., t.Any], lab: t.Any, *arguments: str, suite: list[str]) -> t.Any:
    """Run a suite for the car, through the controller."""
    car, controller = lab
    car.clear_requests()
    ecus = [
        {"name": name, "driver": name.lower(), "logical_address": ecu.logical_address} for name, ecu in car.ecus.items()
    ]
    variables = {
        **TEST_VARIABLES,
        "jumpstarter_exporter_name": EXPORTER,
        "jumpstarter_exporter_template": "",
        "jumpstarter_client_config": str(controller.client_config("alice")),
        "ota_verify_ecus": False,
        "ota_vehicle_ecus": ecus,
        "ota_vehicle_settle_seconds": 5,
        "ota_suite": suite,
    }
    return play_vehicle(PLAYBOOKS / "ota_suite.yml", *arguments, variables=variables)


def test_check_mode_of_a_suite_touches_nothing(
    play_vehicle: Callable[..., t.Any], lab: tuple[CarProcess, ControllerProcess], sums: SumsProcess
) -> None:
    car, controller = lab
    before = car.state()

    played = play_suite(play_vehicle, lab, "--check", suite=["nominal", "power_loss_while_installing"])

    assert played.returncode == 0, played.output
    assert "0 of 2 tests failed (2 CHECKED)" in played.output
    assert {request["method"] for request in sums.requests()} == {"GET"}
    called = {call["method"].rpartition("/")[2] for call in controller.calls() if call["kind"] == "Client"}
    assert called and called <= READING
    assert controller.leases() == []
    assert (car.requests(), car.state()) == ([], before)
    assert not (played.home / "ota-evidence").exists()


def test_a_refused_run_is_recorded_as_all_three_saw_it(
    play_vehicle: Callable[..., t.Any], lab: tuple[CarProcess, ControllerProcess], sums: SumsProcess
) -> None:
    car, controller = lab

    played = play_suite(play_vehicle, lab, suite=["wrong_part_number"])

    assert played.returncode == 0, played.output
    (record,) = records_checked_against_sums(played.home, sums.state())
    assert (record["outcome"], record["deployment"]["state"]) == ("PASS", "FAILED")
    (lease,) = controller.leases()
    held = record["lease"]
    assert (held["name"], held["exporter"], held["mode"]) == (lease["name"], lease["exporter"], "controller")
    assert record["ids"]["lease_name"] == lease["name"] and lease["client"] == "alice"
    began, ended = (datetime.datetime.fromisoformat(held[name]).timestamp() for name in ("acquired", "released"))
    assert lease["begin"] <= began < lease["end"] <= ended
    asked = [request["time"] for request in car.requests()]
    assert asked and lease["begin"] <= min(asked) <= max(asked) <= lease["end"]
    assert held["seconds"] == pytest.approx(ended - began, abs=0.01)
    kept = car.state()
    has = [(name, ecu["part_number"], ecu["sw_version"], ecu["on"]) for name, ecu in kept["ecus"].items()]
    for moment in ("before", "after"):
        seen = record["software"][moment]
        told = [(ecu["name"], ecu["part_number"], ecu["sw_version"], ecu["reachable"]) for ecu in seen["ecus"]]
        assert (seen["vin"], seen["voltage"], told) == (kept["vin"], kept["voltage"], has)
