# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of demo and lab around the playbook's output."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatci_lab.demo.endings import ENDINGS, Ending
from hatci_lab.demo.stage import HOST, Lab, Stage

KINDS = {"RROM": "RROM, source", "UROM": "UROM, target"}


def describe_stage(stage: Stage, playbook: str, url: str, car: dict[str, Any], word: str) -> str:
    """Return what the lab is made of and what is going to happen."""
    environment, inventory = _short(stage.environment_file), _short(stage.inventory)
    lab = _command("lab", word)
    facts = [
        *_lab_facts(url, car, ENDINGS[word]),
        ["Playing", f". {environment} && ansible-playbook -i {inventory} {playbook}"],
        ["", f"(repeat this line as often as you like while `{lab}` runs in another terminal)"],
    ]
    return "\n".join(_indented(facts))


def describe_lab(stage: Stage, lab: Lab, car: dict[str, Any], ending: Ending) -> str:
    """Return what the lab is made of and how to test a vehicle in it."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in stage.exports(lab.sums).items()]
    exports.append(f'export PATH={Path(sys.executable).parent}:"$PATH"')
    play = f"ansible-playbook -i {stage.inventory} hatci.automation.ota_single_vehicle"
    blocks = [
        "\n".join(_indented(_lab_facts(lab.sums.url, car, ending))),
        "Copy this into another terminal to test the vehicle; with --check nothing is changed:",
        "\n".join(f"  {line}" for line in [*exports, play]),
        f"The export lines are in {stage.environment_file} too. Repeat the test as often as you like: after\n"
        "each one the lab puts the vehicle back on its source software. To test a vehicle of your own,\n"
        f"copy the inventory {stage.inventory}, give the host your VIN, build levels and ECUs, and leave out\n"
        "ota_vehicle_ecus, since only the lab's own vehicle can be read.",
        "Ctrl-C stops the lab.",
    ]
    return "\n\n".join(["A virtual lab", *blocks])


def _lab_facts(url: str, car: dict[str, Any], ending: Ending) -> list[list[str]]:
    return [
        ["SUMS", f"{url}, simulated, a process of its own"],
        ["Vehicle", f"{HOST}, VIN {car['vin']}, virtual, its ECUs speak UDS over DoIP, behind the real jmp"],
        ["Installed", ", ".join(f"{name} {ecu['sw_version']}" for name, ecu in car["ecus"].items())],
        ["Announced", ending.announced],
    ]


def describe_records(state: dict[str, list[dict[str, Any]]]) -> str:
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
    return "\n\n".join(blocks)


def describe_car(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return what is on the car's ECUs, whatever SUMS says."""
    rows = []
    for name, ecu in after["ecus"].items():
        codes = ", ".join(ecu["dtcs"]) or "none"
        rows.append([name, ecu["part_number"], before["ecus"][name]["sw_version"], ecu["sw_version"], codes])
    table = _table(["ECU", "PART NUMBER", "BEFORE", "AFTER", "TROUBLE CODES"], rows)
    return f"\nWhat the vehicle says now, VIN {after['vin']}\n\n{table}"


def describe_verdict(differences: list[str], word: str) -> str:
    """Return how it ended, in a sentence, and the commands for the other endings."""
    if differences:
        return "\nNOT AS ANNOUNCED: " + "; ".join(differences) + "."
    others = ", ".join(_command("demo", other) for other in ENDINGS if other != word)
    ending = ENDINGS[word]
    exit_code = f"ansible-playbook ended with exit code {ending.returncode}, so a pipeline sees it too.\n"
    return f"\nAs announced: {ending.conclusion}\n{exit_code if word else ''}Other endings: {others}"


def describe_evidence(page: Path | None) -> str:
    """Return where the report of the test is."""
    return f"Report of this test: {_short(page)}" if page else "The test left no report."


def _command(target: str, word: str) -> str:
    return f"make {target} FAIL={word}" if word else f"make {target}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(_indented([header, *rows]) if rows else _indented([header, ["none"]]))


def _indented(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*(row for row in rows if len(row) > 1), strict=False)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows
    ]


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
