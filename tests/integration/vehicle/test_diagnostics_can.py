# SPDX-License-Identifier: GPL-3.0-or-later
"""ECUs on a CAN bus, through the real jmp and the published driver."""

from __future__ import annotations

import os
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from sums_support import validated

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import exporter_configs
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.diagnostics import read_vehicle
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation
from hatci_lab.car.can_ecu import CanEcu
from hatci_lab.car.model import CarState, Ecu

VIN = "1HGBH41JXMN109186"
IDS = {"rxid": 0x7E8, "txid": 0x7E0}


@pytest.fixture
def brake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ecu]:
    """Return an ECU on a CAN bus, with an exporter of this machine that leads to it."""
    about = {"part_number": "BRAKE-1", "sw_version": "1.10.2-release-candidate", "serial": "S-1", "hardware": "H"}
    ecu = Ecu(ecu_name="Brake", logical_address=0xE0, **about)
    car = CarState(vin=VIN, ecus={"Brake": ecu})
    with CanEcu(car, ecu, request_id=IDS["txid"], response_id=IDS["rxid"]).running() as served:
        driver = {
            "type": "jumpstarter_driver_uds_can.driver.UdsCan",
            "config": {"channel": served.device, "interface": "slcan", "request_timeout": 2.0, **IDS},
        }
        exporter = {
            "apiVersion": "jumpstarter.dev/v1alpha1",
            "kind": "ExporterConfig",
            "metadata": {"namespace": "", "name": "car"},
            "endpoint": "",
            "token": "",
            "export": {"brake": driver},
        }
        (tmp_path / "car.yaml").write_text(yaml.safe_dump(exporter))
        monkeypatch.setattr(exporter_configs, "DIRECTORIES", (str(tmp_path),))
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        yield ecu


def read(tmp_path: Path, **arguments: t.Any) -> dict[str, t.Any]:
    lock = {"watch_pid": os.getpid(), "lock_dir": str(tmp_path / "locks"), "exporter": "car"}
    options = validated(
        "jumpstarter_diagnostics", {**lock, "ecus": [{"name": "Brake", "driver": "brake"}], **arguments}
    )
    return run_operation(read_vehicle, options, False)


def test_an_ecu_on_a_can_bus_is_read_cleared_and_missed_when_it_is_off(brake: Ecu, tmp_path: Path) -> None:
    """Text that takes several frames comes whole."""
    brake.dtcs = {"C0035-11": 0x2F}

    told = read(tmp_path, clear_codes=True)

    [ecu] = told["ecus"]
    assert (told["vin"], ecu["reachable"], ecu["part_number"]) == (VIN, True, "BRAKE-1")
    assert (ecu["sw_version"], ecu["serial"]) == ("1.10.2-release-candidate", "S-1")
    assert ecu["codes"] == [{"code": "C0035-11", "status": 0x2F, "confirmed": True}]
    assert told["changed"] and brake.dtcs == {}

    brake.on = False
    missed = read(tmp_path)["ecus"][0]
    assert not missed["reachable"] and missed["error"], missed
