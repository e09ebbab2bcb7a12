# SPDX-License-Identifier: GPL-3.0-or-later
"""A device for jobs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from play_support import VIN

from hatci_lab.controller.process import ControllerProcess


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControllerProcess]:
    """Return a controller with one device, sim1."""
    with ControllerProcess(tmp_path_factory.mktemp("controller")) as started:
        drivers = {"power": {"type": "jumpstarter_driver_power.driver.MockPower"}}
        started.add_exporter("sim1", {"exporter": "sim1", "vin": VIN}, drivers)
        yield started
