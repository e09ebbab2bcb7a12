# SPDX-License-Identifier: GPL-3.0-or-later
"""What commands on the device printed is a file of the evidence: bounded, covered by the manifest, without secrets."""

from __future__ import annotations

import json
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle, commands, journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import compare
from ansible_collections.hatci.automation.plugins.plugin_utils.journaled_step import VARIABLE, JournaledStep

PRINTED = {"command": "j serial read", "rc": 0, "stdout": "booted\r\nready canary-token\x1b[0m\n", "stderr": ""}
FAILED = {"command": "j power status", "rc": 2, "stdout": "", "stderr": "no relay\n"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return bundle.start(tmp_path, {"host": "vehicle_001"}, None)


def run_shell(directory: Path, *results: dict[str, t.Any], is_hidden: bool = False) -> dict[str, t.Any]:
    """Write a step of jumpstarter_shell as its action does; return its result."""
    about = {"name": "Ask the console", "action": "hatci.automation.jumpstarter_shell", "args": {}, "check_mode": False}
    task = types.SimpleNamespace(**about, ignore_errors=None, failed_when=[])
    step = JournaledStep(task, {VARIABLE: str(directory), "hatci_token": "canary-token"}, {}, is_hidden)
    result: dict[str, t.Any] = {"changed": True, "results": list(results), "rc": 0}
    step.end(result, list(results))
    return result


def test_a_transcript_holds_each_command_with_what_it_printed_and_no_secret(directory: Path) -> None:
    run_shell(directory, PRINTED, FAILED)
    head, *rest = (directory / "commands.log").read_text(encoding="utf-8").splitlines()
    assert head.startswith("-- 2") and head.endswith("Z Ask the console")
    assert rest == [
        "$ j serial read",
        "booted",
        "ready (hidden)\ufffd[0m",
        "-- exit code 0",
        "$ j power status",
        "no relay",
        "-- exit code 2",
    ]


def test_the_record_names_it_the_report_leads_to_it_and_the_manifest_covers_it(directory: Path) -> None:
    run_shell(directory, PRINTED)
    directory, record = bundle.bundle(directory, {"outcome": "PASS"}, None)
    assert record["transcript"] == "commands.log"
    assert '<a href="commands.log">' in (directory / "report.html").read_text(encoding="utf-8")
    assert compare(directory) == []
    with (directory / "commands.log").open("a") as file:
        file.write("and more")
    assert "commands.log was changed" in compare(directory)[0]


def test_a_test_without_commands_has_no_transcript(directory: Path) -> None:
    run_shell(directory)
    directory, record = bundle.bundle(directory, {"outcome": "PASS"}, None)
    assert record["transcript"] is None
    assert not (directory / "commands.log").exists()
    assert "commands.log" not in (directory / "report.html").read_text(encoding="utf-8")


def test_a_task_with_no_log_leaves_none(directory: Path) -> None:
    run_shell(directory, PRINTED, is_hidden=True)
    assert not (directory / "commands.log").exists()


def test_a_transcript_does_not_grow_for_ever_and_says_so_once(directory: Path) -> None:
    for _unused in range(4):
        run_shell(directory, {**PRINTED, "stdout": "0123456789\n" * 100_000})
    raw = (directory / "commands.log").read_bytes()
    assert commands.MAX_BYTES - commands.MAX_OUTPUT < len(raw) <= commands.MAX_BYTES + len(commands.FULL)
    assert raw.count(commands.FULL) == 1 and raw.endswith(commands.FULL)


def test_one_that_cannot_be_written_is_a_warning_and_no_file_elsewhere(directory: Path, tmp_path: Path) -> None:
    (directory / "commands.log").symlink_to(tmp_path / "elsewhere")
    assert "cannot be written" in run_shell(directory, PRINTED)["warnings"][0]
    assert not (tmp_path / "elsewhere").exists()
    ends = [line for line in journal.read(directory).lines if line["event"] == "end"]
    assert "transcript" not in json.dumps(ends)
