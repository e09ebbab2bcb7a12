# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual vehicle driven by the real jmp."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from jinja2 import Template

from hatci_lab.sums.process import SumsProcess

VIN = "1HGBH41JXMN109186"
BIN = Path(sys.executable).parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SumsProcess]:
    with SumsProcess(db=tmp_path_factory.mktemp("sums") / "sums.db") as running:
        running.set_vehicle(VIN, ecus=[{"ecu_name": "Gateway", "part_number": "GW", "sw_version": "2.0.0"}])
        yield running


@pytest.fixture
def exporter(sums: SumsProcess, tmp_path: Path) -> Path:
    template = Template((files("hatci_lab.vehicle") / "vehicle_exporter.yaml.j2").read_text())
    path = tmp_path / "vehicle_001.yaml"
    path.write_text(
        template.render(
            jumpstarter_exporter_name="vehicle_001",
            hatci_vin=VIN,
            hatci_lab_sums_url=sums.url,
            hatci_lab_state_file=tmp_path / "car.json",
        )
    )
    return path


def shell(exporter: Path, script: str) -> list[str]:
    """Lines a script prints inside a local `jmp shell`, whose own exit code says nothing."""
    env = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "TTY_COMPATIBLE")}
    env["PATH"] = f"{BIN}:{env['PATH']}"
    command = [str(BIN / "jmp"), "--log-level", "ERROR", "shell", "--exporter-config", str(exporter)]
    run = subprocess.run(
        [*command, "--", "sh", "-c", script], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    return (run.stdout + run.stderr).splitlines()


def test_the_walkthrough_reads_versions_over_serial(exporter: Path) -> None:
    lines = shell(exporter, "j serial read --timeout 5")

    assert lines == [f"HATCI VIRTUAL VEHICLE {VIN} ready", "ECU Gateway part=GW sw=2.0.0", "END"]


def test_a_question_is_answered_in_a_later_shell(exporter: Path) -> None:
    assert shell(exporter, "j serial send check_version && j power on") == []

    lines = shell(exporter, "j serial read; j power read; j storage dut; echo rc=$?")

    assert lines[:2] == ["ECU Gateway part=GW sw=2.0.0", "END"]
    assert lines[2].startswith("voltage=12.6 V")
    assert lines[3:] == ["rc=0"]


def test_silence_fails_with_a_sentence(exporter: Path) -> None:
    config = yaml.safe_load(exporter.read_text())
    config["export"]["serial"]["config"]["requires_power"] = True
    exporter.write_text(yaml.safe_dump(config))

    lines = shell(exporter, "j serial read --timeout 0.1; echo rc=$?; j power on; j serial read; echo rc=$?")

    assert any("nothing came from the vehicle within 0.1 s" in line for line in lines), lines
    assert "rc=1" in lines
    assert f"HATCI VIRTUAL VEHICLE {VIN} ready" in lines
