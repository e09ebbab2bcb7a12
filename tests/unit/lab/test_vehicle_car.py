# SPDX-License-Identifier: GPL-3.0-or-later
"""What the virtual vehicle says, without Jumpstarter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hatci_lab.sums.process import SumsProcess
from hatci_lab.vehicle.car import Car
from hatci_lab.vehicle.driver import VirtualSerial
from hatci_lab.vehicle.state import StateKeeper

VIN = "1HGBH41JXMN109186"
ECU = {"ecu_name": "Gateway", "part_number": "GW-2024-001", "sw_version": "1.0.0"}
BANNER = f"HATCI VIRTUAL VEHICLE {VIN} ready"
VERSION = "ECU Gateway part=GW-2024-001 sw=1.0.0"
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SumsProcess]:
    with SumsProcess(db=tmp_path_factory.mktemp("sums") / "sums.db") as running:
        running.set_vehicle(VIN, ecus=[ECU])
        yield running


def test_a_read_without_a_question_gives_banner_and_versions(sums: SumsProcess) -> None:
    assert Car(VIN, sums.url, StateKeeper(None)).read(0) == [BANNER, VERSION, "END"]


def test_check_version_is_answered_once(sums: SumsProcess) -> None:
    car = Car(VIN, f"{sums.url}/", StateKeeper(None))

    car.send("check_version\n")

    assert car.read(0) == [VERSION, "END"]
    assert car.read(0)[0] == BANNER


def test_it_answers_what_it_does_not_know() -> None:
    car = Car(VIN, NOBODY, StateKeeper(None))

    car.send("fly")
    car.send("help")

    lines = car.read(0)
    assert lines[0] == "ERROR unknown command 'fly'"
    assert any(line.startswith("check_version") for line in lines[1:])


def test_it_says_when_it_cannot_reach_sums() -> None:
    car = Car(VIN, NOBODY, StateKeeper(None))

    assert car.read(0) == [BANNER, "ERROR vehicle cannot reach its update server"]


def test_it_is_silent_without_power_where_power_is_required(tmp_path: Path) -> None:
    keeper = StateKeeper(str(tmp_path / "car.json"))
    car = Car(VIN, NOBODY, keeper, requires_power=True)

    car.send("help")
    assert car.read(0) == []
    with keeper.changing() as state:
        state.powered = True

    assert car.read(0)[0] == BANNER


def test_what_it_says_waits_for_another_process(tmp_path: Path) -> None:
    path = str(tmp_path / "bench" / "car.json")

    Car(VIN, NOBODY, StateKeeper(path)).send("fly")

    assert Car(VIN, NOBODY, StateKeeper(path)).read(0) == ["ERROR unknown command 'fly'"]


def test_required_power_needs_a_place_to_see_it() -> None:
    with pytest.raises(ValueError, match="state_file"):
        VirtualSerial(vin=VIN, sums_url=NOBODY, requires_power=True)
