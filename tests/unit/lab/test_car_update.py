# SPDX-License-Identifier: GPL-3.0-or-later
"""A car takes its updates from the simulated SUMS, and both tell the same story unless told otherwise."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from car_support import codes, read
from sums_support import EVENT

from hatci_lab.car.defaults import ECUS, VIN
from hatci_lab.car.process import CarProcess
from hatci_lab.sums.process import SumsProcess

SOURCE = {"Gateway": "1.0.0", "Telematics": "3.1.4"}
TARGET = {"Gateway": "2.0.0", "Telematics": "3.2.0"}
WAIT_SECONDS = 60.0


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SumsProcess]:
    with SumsProcess(db=tmp_path_factory.mktemp("sums") / "sums.db", update_seconds=1.0) as running:
        yield running


@pytest.fixture(scope="module")
def shared(sums: SumsProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarProcess]:
    with CarProcess(tmp_path_factory.mktemp("car"), sums_url=sums.url, boot_seconds=0.05) as running:
        yield running
        assert "Traceback" not in running.log.read_text()


@pytest.fixture
def car(sums: SumsProcess, shared: CarProcess) -> CarProcess:
    sums.reset()
    shared.reset()
    wait_for(lambda: sums.vehicle(VIN).get("reports") and not shared.state()["update"])
    shared.wait_until_listening()
    return shared


def wait_for(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def deploy(sums: SumsProcess, **parts: str) -> str:
    """Start an update to the target, with other part numbers for some ECUs; returns the deployment's id."""
    ecus = [
        {
            "ecu_name": ecu["ecu_name"],
            "part_number": parts.get(ecu["ecu_name"], ecu["part_number"]),
            "sw_version": TARGET[ecu["ecu_name"]],
        }
        for ecu in ECUS
    ]
    event_id = sums.api("POST", "/events", {**EVENT, "ecus": ecus}).json()["event_id"]
    sums.api("POST", f"/events/{event_id}/fix", {})
    return str(sums.api("POST", "/deployments", {"event_id": event_id}).json()["deployment_id"])


def shown(sums: SumsProcess, deployment_id: str) -> dict[str, Any]:
    deployment: dict[str, Any] = sums.api("GET", f"/deployments/{deployment_id}").json()
    return deployment


def ended(sums: SumsProcess, deployment_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        seen = shown(sums, deployment_id)
        return seen if "finished_at" in seen["timestamps"] else None

    deployment: dict[str, Any] = wait_for(look)
    return deployment


def until_progress(sums: SumsProcess, car: CarProcess, deployment_id: str, percent: int) -> None:
    wait_for(lambda: shown(sums, deployment_id)["progress"] >= percent)
    wait_for(lambda: (car.state()["update"] or {}).get("progress", 0) >= percent)


def software(car: CarProcess) -> dict[str, str]:
    car.wait_until_listening()
    return {name: read(car, name, 0xF189).decode() for name in car.ecus}


def test_an_update_changes_the_software_and_restarts_the_ecus(sums: SumsProcess, car: CarProcess) -> None:
    assert software(car) == SOURCE
    deployment = deploy(sums)
    phases = []
    while "finished_at" not in shown(sums, deployment)["timestamps"]:
        phases.append((car.state()["update"] or {}).get("phase"))

    assert ended(sums, deployment)["state"] == "COMPLETE"
    assert software(car) == TARGET
    assert {"downloading", "installing"} <= set(phases)
    assert {ecu["ecu_name"]: ecu["sw_version"] for ecu in sums.vehicle(VIN)["ecus"]} == TARGET


def test_sums_says_complete_only_when_the_car_has_its_software(sums: SumsProcess, car: CarProcess) -> None:
    car.stop()
    deployment = deploy(sums)
    wait_for(lambda: shown(sums, deployment)["progress"] == 99)
    assert shown(sums, deployment)["state"] == "IN_PROGRESS"

    car.start()

    assert ended(sums, deployment)["state"] == "COMPLETE"
    assert software(car) == TARGET


@pytest.mark.parametrize("outcome", ["FAILED", "CANCELLED"])
def test_an_update_that_fails_leaves_the_source(sums: SumsProcess, car: CarProcess, outcome: str) -> None:
    sums.set_vehicle(VIN, outcome=outcome, reason="told so")

    deployment = ended(sums, deploy(sums))

    assert (deployment["state"], deployment["reason"]) == (outcome, "told so")
    assert software(car) == SOURCE


@pytest.mark.parametrize(("outcome", "has"), [("COMPLETE", SOURCE), ("FAILED", TARGET)])
def test_sums_and_the_car_may_contradict_each_other(
    sums: SumsProcess, car: CarProcess, outcome: str, has: dict[str, str]
) -> None:
    sums.set_vehicle(VIN, outcome=outcome)
    car.set_behaviour(lies=True)

    assert ended(sums, deploy(sums))["state"] == outcome
    assert software(car) == has


def test_an_update_may_leave_a_trouble_code(sums: SumsProcess, car: CarProcess) -> None:
    car.set_ecu("Telematics", dtcs={"P0300-1C": 0x04})
    car.set_behaviour(leaves_codes={"Telematics": {"U0123-00": 0x2F}})

    ended(sums, deploy(sums))

    car.wait_until_listening()
    assert codes(car, "Telematics") == {0x03001C: 0x04, 0xC12300: 0x2F}


@pytest.mark.parametrize("cut", ["power", "network"])
def test_it_goes_on_after_an_interruption(sums: SumsProcess, car: CarProcess, cut: str) -> None:
    sums.set_vehicle(VIN, update_seconds=3.0)
    deployment = deploy(sums)
    until_progress(sums, car, deployment, 20)
    switch = car.power if cut == "power" else car.network

    switch(False)
    wait_for(lambda: car.state()["update"]["held"])
    stalled_at = shown(sums, deployment)
    if cut == "power":
        car.restart()
    a_tenth_of_the_update = time.monotonic() + 0.3
    while time.monotonic() < a_tenth_of_the_update:
        assert shown(sums, deployment) == stalled_at

    switch(True)
    assert ended(sums, deployment)["state"] == "COMPLETE"
    assert software(car) == TARGET


@pytest.mark.parametrize(
    ("aftermath", "has", "words"),
    [
        ("restore", SOURCE, "power loss while .* at .* percent; the source software was restored"),
        ("mixture", {"Gateway": "2.0.0", "Telematics": "3.1.4"}, "not every ECU could be updated"),
    ],
)
def test_a_power_loss_may_end_the_update(
    sums: SumsProcess, car: CarProcess, aftermath: str, has: dict[str, str], words: str
) -> None:
    sums.set_vehicle(VIN, update_seconds=3.0)
    car.set_behaviour(on_power_loss=aftermath)
    deployment = deploy(sums)
    until_progress(sums, car, deployment, 10)

    car.power(False)
    car.power(True)

    end = ended(sums, deployment)
    assert end["state"] == "FAILED"
    assert re.search(words, end["reason"])
    assert software(car) == has


def test_sums_may_call_a_mixture_complete(sums: SumsProcess, car: CarProcess) -> None:
    sums.set_vehicle(VIN, update_seconds=3.0)
    car.set_behaviour(on_reset="mixture", report="COMPLETE")
    deployment = deploy(sums)
    until_progress(sums, car, deployment, 10)

    car.add_fault("reset", times=1, ecu="Telematics")
    with pytest.raises(Exception, match=r"timeout|in time|reset"):
        read(car, "Telematics", 0xF190, timeout=0.5)

    assert ended(sums, deployment)["state"] == "COMPLETE"
    assert software(car) == {"Gateway": "2.0.0", "Telematics": "3.1.4"}


def test_a_bricked_car_never_answers_again_and_sums_waits(sums: SumsProcess, car: CarProcess) -> None:
    sums.set_vehicle(VIN, update_seconds=3.0)
    car.set_behaviour(on_power_loss="brick")
    deployment = deploy(sums)
    until_progress(sums, car, deployment, 10)

    car.power(False)
    car.power(True)

    wait_for(lambda: car.state()["bricked"] and car.state()["update"]["held"])
    before = shown(sums, deployment)
    car.restart()
    car.power(True)
    assert shown(sums, deployment) == before
    with pytest.raises(ConnectionRefusedError):
        read(car, "Gateway", 0xF190)
    assert sums.set_deployment(deployment, state="CANCELLED", reason="given up")["reason"] == "given up"


def test_a_package_for_another_part_is_refused(sums: SumsProcess, car: CarProcess) -> None:
    end = ended(sums, deploy(sums, Telematics="TCU-1999-001"))

    assert end["state"] == "FAILED"
    assert end["reason"] == "Telematics is part TCU-2024-007, the package is for TCU-1999-001"
    assert software(car) == SOURCE


def test_a_low_battery_refuses(sums: SumsProcess, car: CarProcess) -> None:
    car.set_car(voltage=11.2)

    end = ended(sums, deploy(sums))

    assert end["reason"] == "the battery has 11.2 V, the update needs 11.8 V at least"
    assert software(car) == SOURCE


def test_an_outage_of_sums_delays_the_update(sums: SumsProcess, car: CarProcess) -> None:
    deployment = deploy(sums)
    sums.stop()
    car.set_ecu("Gateway", dtcs={})
    sums.start()

    assert ended(sums, deployment)["state"] == "COMPLETE"
    assert software(car) == TARGET


def test_the_back_office_cancels_what_has_not_ended(sums: SumsProcess, car: CarProcess) -> None:
    sums.set_vehicle(VIN, update_seconds=600)
    deployment = deploy(sums)
    with requests.Session() as session:
        session.trust_env = False
        url = f"{sums.url}/_lab/vehicles/{VIN}/cancel"
        assert session.get(url).json()["voltage"] == 1.0
        assert session.post(url).json() == [deployment]
        assert session.get(url).json()["voltage"] == 0.0

    assert sums.api("GET", f"/deployments/{deployment}").json()["state"] == "CANCELLED"
    wait_for(lambda: not car.state()["update"])
    assert {name: ecu["sw_version"] for name, ecu in car.state()["ecus"].items()} == SOURCE
