# SPDX-License-Identifier: GPL-3.0-or-later
"""A car whose ECUs are read through the real jmp: by a lease of a controller, or by a local exporter."""

from __future__ import annotations

import datetime
import typing as t
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from jumpstarter.config.client import ClientConfigV1Alpha1

from hatci_lab.car.process import CarProcess
from hatci_lab.controller.exporter_process import ExporterProcess
from hatci_lab.controller.process import ControllerProcess

NAMES = ("Gateway", "Telematics", "Radio", "Brake", "Seat")
ECUS = [{"ecu_name": name, "part_number": f"{name}-1", "sw_version": "1.0.0"} for name in NAMES]


@pytest.fixture(scope="session")
def _car(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarProcess]:
    with CarProcess(tmp_path_factory.mktemp("car"), ecus=ECUS, boot_seconds=1.0) as running:
        yield running


@pytest.fixture
def car(_car: CarProcess) -> Iterator[CarProcess]:
    """Return a car with five ECUs that work."""
    yield _car
    _car.clear_faults()
    _car.power(True)
    for name in NAMES:
        _car.set_ecu(name, on=True, vin=None, dtcs={}, dids={})
    _car.wait_until_listening()


@pytest.fixture
def ecus(car: CarProcess) -> list[dict[str, t.Any]]:
    """Return all of them, as a playbook names them."""
    return [
        {"name": name, "driver": name.lower(), "logical_address": address.logical_address}
        for name, address in car.ecus.items()
    ]


class Leased(t.NamedTuple):
    """A lease, as a task names it, and the exporter that it is of."""

    arguments: dict[str, str]
    exporter: ExporterProcess
    controller: ControllerProcess


@pytest.fixture
def leased(car: CarProcess, tmp_path: Path) -> Iterator[Leased]:
    """Return a lease of an exporter that leads to the car."""
    with ControllerProcess(tmp_path / "controller") as controller:
        export = car.write_exporter(tmp_path / "unused.yaml", "car")
        exporter = controller.add_exporter("car", {"exporter": "car"}, export)
        config = controller.client_config("alice")
        lease = f"test-{uuid.uuid4().hex[:8]}"
        api = ClientConfigV1Alpha1.from_file(config)
        api.create_lease(exporter_name="car", duration=datetime.timedelta(hours=1), lease_id=lease)
        controller.wait_until(lambda: controller.lease(lease)["state"] == "Ready")
        yield Leased({"lease_name": lease, "client_config": str(config)}, exporter, controller)
