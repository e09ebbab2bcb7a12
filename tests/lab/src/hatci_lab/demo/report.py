# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of demo and lab around the playbook's output."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatci_lab.demo.endings import ENDINGS, Ending
from hatci_lab.demo.stage import HOST, Stage
from hatci_lab.sums.client import SumsClient

KINDS = {"RROM": "RROM, source", "UROM": "UROM, target"}


def describe_stage(stage: Stage, playbook: str, url: str, vehicle: dict[str, Any], word: str) -> str:
    """Return what the lab is made of and what is going to happen."""
    environment, inventory = _short(stage.environment_file), _short(stage.inventory)
    lab = f"make lab FAIL={word}" if word else "make lab"
    facts = [
        *_lab_facts(url, vehicle, ENDINGS[word]),
        ["Playing", f". {environment} && ansible-playbook -i {inventory} {playbook}"],
        ["", f"(repeat this line as often as you like while `{lab}` runs in another terminal)"],
    ]
    return "\n".join(_indented(facts))


def describe_lab(stage: Stage, sums: SumsClient, vehicle: dict[str, Any], ending: Ending) -> str:
    """Return what the lab is made of and how to test a vehicle in it."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in stage.exports(sums).items()]
    exports.append(f'export PATH={Path(sys.executable).parent}:"$PATH"')
    play = f"ansible-playbook -i {stage.inventory} hatci.automation.ota_single_vehicle"
    blocks = [
        "\n".join(_indented(_lab_facts(sums.url, vehicle, ending))),
        "Copy this into another terminal to test the vehicle; with --check nothing is changed:",
        "\n".join(f"  {line}" for line in [*exports, play]),
        f"The export lines are in {stage.environment_file} too. To test a vehicle of your own, copy the inventory\n"
        f"{stage.inventory} and give the host your VIN, build levels and ECUs.",
        "Ctrl-C stops the lab.",
    ]
    return "\n\n".join(["A virtual lab", *blocks])


def _lab_facts(url: str, vehicle: dict[str, Any], ending: Ending) -> list[list[str]]:
    return [
        ["SUMS", f"{url}, simulated, a process of its own"],
        ["Vehicle", f"{HOST}, VIN {vehicle['vin']}, virtual, behind the real jmp"],
        ["Installed", ", ".join(f"{ecu['ecu_name']} {ecu['sw_version']}" for ecu in vehicle["ecus"])],
        ["Announced", ending.announced],
    ]


def describe_records(state: dict[str, list[dict[str, Any]]], before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return what SUMS holds, as tables."""
    blocks = ["What SUMS holds now"]
    blocks.append(
        _table(
            ["EVENT", "TYPE", "BUILD LEVEL", "STATE", "ECUS"],
            [
                [
                    event["event_id"],
                    KINDS.get(event["update_type"], event["update_type"]),
                    event["build_level"],
                    event["state"],
                    ", ".join(f"{ecu['ecu_name']} {ecu['sw_version']}" for ecu in event["ecus"]),
                ]
                for event in state["events"]
            ],
        )
    )
    blocks.append(
        _table(
            ["DEPLOYMENT", "OF EVENT", "STATE", "REASON"],
            [
                [
                    deployment["deployment_id"],
                    deployment["event_id"],
                    deployment["state"],
                    deployment.get("reason", "-"),
                ]
                for deployment in state["deployments"]
            ],
        )
    )
    blocks.append(
        _table(
            ["TEST EVENT", "OF EVENT", "STATUS", "OUTCOME"],
            [
                [
                    test["test_event_id"],
                    test["event_id"],
                    test.get("status", "none"),
                    test.get("metadata", {}).get("outcome", "-"),
                ]
                for test in state["test_events"]
            ],
        )
        + "".join(f"\n    {test.get('summary', 'no summary')}" for test in state["test_events"])
    )
    now = {ecu["ecu_name"]: ecu for ecu in after["ecus"]}
    blocks.append(
        _table(
            ["VEHICLE ECU", "PART NUMBER", "BEFORE", "AFTER"],
            [
                [
                    ecu["ecu_name"],
                    ecu["part_number"],
                    ecu["sw_version"],
                    now.get(ecu["ecu_name"], {}).get("sw_version", "gone"),
                ]
                for ecu in before["ecus"]
            ],
        )
    )
    return "\n\n".join(blocks)


def describe_verdict(differences: list[str], ending: Ending) -> str:
    """Return how it ended, in a sentence or two."""
    if differences:
        return "\nNOT AS ANNOUNCED: " + "; ".join(differences) + "."
    return f"\nAs announced: {ending.conclusion}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(_indented([header, *rows]) if rows else _indented([header, ["none"]]))


def _indented(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*(row for row in rows if len(row) > 1), strict=False)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows
    ]


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
