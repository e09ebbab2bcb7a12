# SPDX-License-Identifier: GPL-3.0-or-later
"""The car of the tests that ask it something, one process for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hatci_lab.car.process import CarProcess


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarProcess]:
    with CarProcess(tmp_path_factory.mktemp("car"), boot_seconds=0.05) as running:
        yield running


@pytest.fixture
def car(shared: CarProcess) -> CarProcess:
    """Return a car as it is delivered, that has booted."""
    shared.reset()
    shared.wait_until_listening()
    return shared
