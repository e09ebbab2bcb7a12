# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual vehicle behind a controller, for tests that follow what users are told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jumpstarter.config.client import ClientConfigV1Alpha1
from play_support import HOST, VIN

from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess


@pytest.fixture(scope="session")
def _vehicle_controller(
    _sums_process: SumsProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControllerProcess]:
    with ControllerProcess(tmp_path_factory.mktemp("controller")) as running:
        serial = {"vin": VIN, "sums_url": _sums_process.url}
        export = {
            "power": {"type": "hatci_lab.vehicle.driver.VirtualPower"},
            "serial": {"type": "hatci_lab.vehicle.driver.VirtualSerial", "config": serial},
        }
        running.add_exporter(HOST, {"exporter": HOST}, export)
        yield running


@pytest.fixture
def controller(_vehicle_controller: ControllerProcess) -> Iterator[ControllerProcess]:
    """Return a controller whose only device, the virtual vehicle, is free; a test that fails may leave it leased."""
    _vehicle_controller.wait_until(lambda: _vehicle_controller.available(HOST))
    yield _vehicle_controller
    for lease in _vehicle_controller.leases():
        if not lease["ended"]:
            config = _vehicle_controller.client_config(lease["client"])
            ClientConfigV1Alpha1.from_file(config).delete_lease(lease["name"])


@pytest.fixture
def vehicle(sums: SumsProcess) -> SumsProcess:
    """Return SUMS with a vehicle that is updated as soon as the update is deployed."""
    sums.set_vehicle(VIN, update_seconds=0)
    return sums
