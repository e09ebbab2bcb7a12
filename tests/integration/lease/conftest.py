# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that a play can lose: real exporters behind a real controller, and locks on this machine."""

from __future__ import annotations

import os
import typing as t
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from lease_support import (
    NAMES,
    PATIENCE_SECONDS,
    POWER,
    RUN_MARK,
    ControllerDevice,
    Device,
    LocalDevice,
    Play,
    StartPlay,
    api_of,
    exporter_config,
)

from hatci_lab.controller.process import ControllerError, ControllerProcess

NEWEST_CORE = "2.19"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of this directory."""
    config.addinivalue_line("markers", "every_core: depends on how ansible-core treats its workers")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run with older versions of ansible-core only what depends on the version."""
    here = Path(__file__).parent
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        core = item.callspec.params.get("core") if item.path.parent == here and hasattr(item, "callspec") else None
        old = core not in (None, "this", NEWEST_CORE) and not config.getoption("--core")
        (dropped if old and not item.get_closest_marker("every_core") else kept).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


@pytest.fixture(scope="session")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControllerProcess]:
    with ControllerProcess(tmp_path_factory.mktemp("controller")) as controller, ThreadPoolExecutor() as pool:

        def add(name: str) -> None:
            try:
                controller.add_exporter(name, {"exporter": f"car-{name}"}, {"power": POWER})
            except ControllerError:  # on a busy machine it takes longer
                controller.wait_until(lambda: controller.available(name), PATIENCE_SECONDS)

        list(pool.map(add, NAMES))
        yield controller


@pytest.fixture
def controller(_running: ControllerProcess) -> Iterator[ControllerProcess]:
    """Return a controller that works and whose devices sim1, sim2 and sim3 are free."""
    yield _running
    if _running._process is None:
        _running.start()
    _running.clear_faults()
    for lease in _running.leases():
        if not lease["ended"]:
            api_of(_running, lease["client"]).delete_lease(lease["name"])
    for name in NAMES:
        _running.wait_until(lambda name=name: _running.available(name))


@pytest.fixture(params=["controller", "local"])
def mode(request: pytest.FixtureRequest) -> str:
    """Return each way to a device."""
    return str(request.param)


@pytest.fixture
def devices(mode: str, request: pytest.FixtureRequest, tmp_path: Path) -> list[Device]:
    """Return three free devices."""
    if mode == "controller":
        controller = request.getfixturevalue("controller")
        return [ControllerDevice(name, controller) for name in NAMES]
    return [LocalDevice(name, tmp_path / "locks") for name in NAMES]


@pytest.fixture
def device(devices: list[Device]) -> Device:
    """Return a free device."""
    return devices[0]


@pytest.fixture
def local_device(tmp_path: Path) -> LocalDevice:
    """Return a free device of this machine."""
    return LocalDevice("sim1", tmp_path / "locks")


@pytest.fixture
def leased(controller: ControllerProcess) -> ControllerDevice:
    """Return a free device of the controller."""
    return ControllerDevice("sim1", controller)


@pytest.fixture
def start(ansible_playbook: t.Any, tmp_path: Path) -> Iterator[StartPlay]:
    """Start a playbook; whatever it leaves is cleared away after the test."""
    plays: list[Play] = []

    def start_play(
        playbook: str | Path,
        *devices: Device,
        arguments: tuple[str, ...] = (),
        variables: dict[str, t.Any] | None = None,
        env: dict[str, str] | None = None,
        hosts: dict[str, Device] | None = None,
        path_first: Path | None = None,
        uid: int | None = None,
    ) -> Play:
        home = ansible_playbook.new_home()
        exporters = home / ".config/jumpstarter/exporters"
        exporters.mkdir(parents=True)
        for name in NAMES:
            (exporters / f"{name}.yaml").write_text(yaml.safe_dump(exporter_config(name)), encoding="utf-8")
        given: dict[str, t.Any] = {"ansible_python_interpreter": str(ansible_playbook.binaries / "python")}
        for device in devices:
            given |= device.variables
        given |= variables or {}
        if hosts:
            inventory = {"all": {"hosts": {host: device.variables for host, device in hosts.items()}}}
            (home / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
            arguments = ("-i", str(home / "inventory.yml"), *arguments)
        mark = uuid.uuid4().hex
        environment = {**ansible_playbook.environment(home), RUN_MARK: mark, "PYTHONUNBUFFERED": "1", **(env or {})}
        if path_first:
            environment["PATH"] = f"{path_first}{os.pathsep}{environment['PATH']}"
        started = ansible_playbook.start(playbook, *arguments, variables=given, env=environment, home=home, uid=uid)
        plays.append(Play(started.process, started.home, mark))
        return plays[-1]

    yield start_play
    for play in plays:
        play.end()


@pytest.fixture
def run(start: StartPlay) -> Callable[..., Play]:
    """Run a playbook to its end."""

    def run_play(*arguments: t.Any, **options: t.Any) -> Play:
        play = start(*arguments, **options)
        play.wait()
        return play

    return run_play
