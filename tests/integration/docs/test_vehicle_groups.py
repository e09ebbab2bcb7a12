# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of docs/VEHICLE.md gives each vehicle the ECUs of its program and model year."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from docs_support import FILE, blocks_of
from play_support import REPOSITORY
from playbook_runner import AnsiblePlaybook

VEHICLE_PAGE = REPOSITORY / "docs/VEHICLE.md"


@pytest.mark.parametrize(
    ("vehicle", "ecus"),
    [("vehicle_001", {"Gateway": 0xE0}), ("vehicle_002", {"Gateway": 0xE0, "Telematics": 0xE1})],
)
def test_the_ecus_of_a_vehicle_follow_from_its_groups(
    ansible_playbook: AnsiblePlaybook, tmp_path: Path, vehicle: str, ecus: dict[str, int]
) -> None:
    (block,) = [block for block in blocks_of(VEHICLE_PAGE) if block.mark == f"{FILE}cars.yml"]
    inventory = tmp_path / "cars.yml"
    inventory.write_text(block.text, encoding="utf-8")
    done = subprocess.run(
        [ansible_playbook.binaries / "ansible-inventory", "-i", inventory, "--host", vehicle],
        env=ansible_playbook.environment(ansible_playbook.new_home()),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    given = json.loads(done.stdout)["ota_vehicle_ecus"]
    assert {ecu["name"]: ecu["logical_address"] for ecu in given} == ecus
