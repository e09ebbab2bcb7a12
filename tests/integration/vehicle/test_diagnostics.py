# SPDX-License-Identifier: GPL-3.0-or-later
"""The vehicle's own account, through the real jmp."""

from __future__ import annotations

import os
import sys
import threading
import typing as t
from pathlib import Path

import pytest
from conftest import NAMES, Leased
from playbook_runner import AnsiblePlaybook
from sums_support import validated

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import exporter_configs
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.diagnostics import read_vehicle
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation
from hatci_lab.car.process import CarProcess

VIN = "1HGBH41JXMN109186"


Read = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Read:
    """Read a vehicle as the module does, without ansible-playbook, which makes no difference here."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)

    def read_now(**arguments: t.Any) -> dict[str, t.Any]:
        arguments = {"watch_pid": os.getpid(), "lock_dir": str(tmp_path / "locks"), **arguments}
        return run_operation(read_vehicle, validated("jumpstarter_diagnostics", arguments), False)

    return read_now


@pytest.fixture
def local(car: CarProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CarProcess:
    """Return the car with an exporter config of this machine that leads to it."""
    monkeypatch.setattr(exporter_configs, "DIRECTORIES", (str(tmp_path),))
    car.write_exporter(tmp_path / "car.yaml", "car")
    return car


def by_name(result: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    assert "ecus" in result, result
    return {ecu["name"]: ecu for ecu in result["ecus"]}


def test_a_lease_bears_all_that_ecus_do(
    car: CarProcess, leased: Leased, read: Read, ecus: list[dict[str, t.Any]]
) -> None:
    """An ECU that is off as the lease begins, others that fail in every way, resets and a power cut in one lease."""
    car.set_ecu("Gateway", on=False, dtcs={"U0123-00": 0x2F})
    car.add_fault("reset", ecu="Telematics", skip=2, times=1)
    car.add_fault("pending", ecu="Radio", seconds=10, times=1)
    car.add_fault("garbage", ecu="Brake")
    car.add_fault("close", ecu="Seat")

    first = read(**leased.arguments, ecus=ecus)

    found = by_name(first)
    assert {name for name in NAMES if found[name]["reachable"]} == {"Radio"}
    assert "does not accept connections" in found["Gateway"]["error"]
    assert found["Telematics"]["error"] == "reading DID F189: it closed the connection"
    assert "something else than DoIP" in found["Brake"]["error"] or "DoIP message of" in found["Brake"]["error"]
    assert (first["vin"], found["Radio"]["sw_version"], first["changed"]) == (VIN, "1.0.0", False)

    car.clear_faults()
    car.set_ecu("Gateway", on=True)
    car.add_fault("reset", ecu="Radio", times=2)
    second = read(**leased.arguments, ecus=ecus, settle_timeout=60)

    assert [ecu["error"] for ecu in second["ecus"]] == [None] * len(NAMES)
    assert by_name(second)["Gateway"]["codes"] == [{"code": "U0123-00", "status": 0x2F, "confirmed": True}]
    assert second["voltage"] == 12.6

    car.power(False)
    off = read(**leased.arguments, ecus=ecus)
    assert off["vin"] is None and not any(ecu["reachable"] for ecu in off["ecus"])

    car.power(True)
    car.wait_until_listening()
    car.set_ecu("Radio", vin="2HGBH41JXMN109186")
    other = read(**leased.arguments, ecus=ecus, read_codes=False)

    assert other["failed"] and other["outcome"] == "ERROR"
    assert "2HGBH41JXMN109186 is what Radio says" in other["msg"]
    assert leased.exporter.pid and leased.controller.serving("car")


def test_an_exporter_that_ends_is_not_blamed_on_the_vehicle(
    car: CarProcess, leased: Leased, read: Read, ecus: list[dict[str, t.Any]]
) -> None:
    car.set_ecu("Gateway", on=False)
    results: list[dict[str, t.Any]] = []
    arguments = {**leased.arguments, "ecus": ecus, "settle_timeout": 25, "timeout": 60}
    reading = threading.Thread(target=lambda: results.append(read(**arguments)))
    reading.start()
    leased.controller.wait_until(lambda: any(entry["ecu"] == "Seat" for entry in car.requests()))
    leased.exporter.kill()
    reading.join()

    assert results[0]["failed"] and results[0]["outcome"] == "ERROR"
    assert results[0]["msg"].startswith("The ECUs could not be read")


def test_the_drivers_of_an_exporter_that_cannot_connect_are_named(
    local: CarProcess, read: Read, ecus: list[dict[str, t.Any]], tmp_path: t.Any
) -> None:
    """UdsDoip connects as jmp shell begins: an ECU that is off takes the others with it."""
    local.write_exporter(tmp_path / "car.yaml", "car", uds_doip=["Gateway"])
    on = read(exporter="car", ecus=ecus[:2])
    local.set_ecu("Gateway", on=False)
    off = read(exporter="car", ecus=ecus[:2])

    assert [ecu["sw_version"] for ecu in on["ecus"]] == ["1.0.0", "1.0.0"]
    assert off["failed"] and "Traceback" not in off["msg"]
    assert off["msg"].startswith("The ECUs could not be read: jmp shell ended: ")
    assert "refused" in off["msg"] or "Connect" in off["msg"]


PLAY = """
    - hosts: localhost
      connection: local
      gather_facts: false
      module_defaults:
        group/hatci.automation.jumpstarter:
          exporter: car
          mode: local
      tasks:
        - name: Clear, were it not for check mode
          hatci.automation.jumpstarter_diagnostics:
            ecus: "{{ ecus }}"
            clear_codes: true
          check_mode: true
        - name: Look
          hatci.automation.jumpstarter_diagnostics:
            ecus: "{{ ecus }}"
        - name: Clear, in a process of its own
          hatci.automation.jumpstarter_diagnostics:
            ecus: "{{ ecus }}"
            clear_codes: true
          environment: {SOME: thing}
"""


@pytest.mark.newest_core
def test_a_play_reads_in_process_and_by_the_module(
    ansible_playbook: AnsiblePlaybook, local: CarProcess, ecus: list[dict[str, t.Any]], tmp_path: t.Any
) -> None:
    local.set_ecu("Gateway", dtcs={"U0123-00": 0x2F})
    config_home = tmp_path / "config"
    (config_home / "exporters").mkdir(parents=True)
    local.write_exporter(config_home / "exporters/car.yaml", "car")

    played = ansible_playbook(PLAY, variables={"ecus": ecus[:2]}, env={"JMP_CLIENT_CONFIG_HOME": str(config_home)})

    assert played.returncode == 0, played.output
    checked, look = played.task("Clear, were it not for check mode"), played.task("Look")
    cleared = played.task("Clear, in a process of its own")
    assert (checked["changed"], checked["ecus"], checked["vin"]) == (True, [], None)
    assert (look["changed"], look["vin"], look["voltage"]) == (False, VIN, 12.6)
    assert look["ecus"][0]["codes"] == [{"code": "U0123-00", "status": 0x2F, "confirmed": True}]
    assert (cleared["changed"], cleared["ecus"]) == (True, look["ecus"])
    assert local.state()["ecus"]["Gateway"]["dtcs"] == {}
