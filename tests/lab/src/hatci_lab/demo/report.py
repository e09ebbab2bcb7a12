# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's own words around the playbook's output."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatci_lab.demo.stage import HOST, REASON, Stage
from hatci_lab.demo.verdict import Verdict

KINDS = {"RROM": "RROM, source", "UROM": "UROM, target"}


def describe_stage(stage: Stage, playbook: str, url: str, vehicle: dict[str, Any], *, fail: bool) -> str:
    """Return what the lab is made of and what is going to happen."""
    announced = f"the update fails ({REASON})" if fail else "the update succeeds"
    facts = [
        ["SUMS", f"{url}, simulated, a process of its own"],
        ["Vehicle", f"{HOST}, VIN {vehicle['vin']}, virtual, behind the real jmp"],
        ["Installed", ", ".join(f"{ecu['ecu_name']} {ecu['sw_version']}" for ecu in vehicle["ecus"])],
        ["Announced", announced],
        ["Playing", f"ansible-playbook -i {_short(stage.inventory)} {playbook}"],
    ]
    return "\n".join(["One OTA test in a virtual lab", "", *_indented(facts)])


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


def describe_verdict(verdict: Verdict, *, fail: bool) -> str:
    """Return how it ended, in a sentence or two."""
    if not verdict.as_announced:
        return "\nNOT AS ANNOUNCED: " + "; ".join(verdict.differences) + "."
    if fail:
        return (
            "\nAs announced: the update failed, the vehicle was given back, the test is FAIL in SUMS with the reason,"
            f"\nand ansible-playbook ended with exit code {verdict.returncode}, so a pipeline sees it too."
            "\nThe demo itself succeeded."
        )
    return (
        "\nAs announced: the vehicle took the update, said so over serial and was given back; the test is PASS in SUMS."
        "\nSee the other end with: make demo FAIL=1"
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(_indented([header, *rows]) if rows else _indented([header, ["none"]]))


def _indented(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*(row for row in rows if len(row) > 1), strict=False)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows
    ]


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
