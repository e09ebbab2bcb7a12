# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`, as its target calls it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from play_support import REPOSITORY, processes_of, wait_until

Demo = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def demo(core: Path, tmp_path: Path) -> Demo:
    """Start the demo in a directory of this test."""
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / ".cache/collections")}

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [str(core / "python"), "-m", "hatci_lab.demo", "--directory", str(tmp_path / "demo"), *arguments]
        return subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    return start


def test_a_newcomer_sees_an_update_succeed_and_a_second_time_too(demo: Demo, tmp_path: Path) -> None:
    for _unused in range(2):
        process = demo()
        shown = process.communicate()[0]

        assert process.returncode == 0, shown
        after = shown.partition("What SUMS holds now")[2]
        assert [line.split() for line in after.splitlines() if "GW-2024" in line or "TCU-2024" in line] == [
            ["Gateway", "GW-2024-001", "1.0.0", "2.0.0"],
            ["Telematics", "TCU-2024-007", "3.1.4", "3.2.0"],
        ]
        assert ["te-000001", "ev-000002", "PASS", "PASS"] in [line.split() for line in after.splitlines()]
        assert "As announced: the vehicle took the update" in after
    wait_until(lambda: not processes_of(tmp_path / "demo"))


def test_a_newcomer_sees_an_update_fail_as_announced(demo: Demo, tmp_path: Path) -> None:
    process = demo("--fail")
    shown = process.communicate()[0]

    assert process.returncode == 0, shown
    after = shown.partition("What SUMS holds now")[2]
    assert ["te-000001", "ev-000002", "FAIL", "FAIL"] in [line.split() for line in after.splitlines()]
    assert "ended FAILED after" in after and "signature does not match" in after
    assert "As announced: the update failed" in after
    wait_until(lambda: not processes_of(tmp_path / "demo"))


def test_a_demo_that_goes_another_way_says_so_and_fails(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "idle.yml").write_text("- hosts: all\n  gather_facts: false\n")

    process = demo("--playbook", str(tmp_path / "idle.yml"))
    shown = process.communicate()[0]

    assert process.returncode == 1
    verdict = next(line for line in shown.splitlines() if line.startswith("NOT AS ANNOUNCED"))
    assert "SUMS holds the test results [], not one PASS" in verdict
    assert "the vehicle still has its old software" in verdict
    assert "As announced" not in shown


def test_an_interrupted_demo_leaves_nothing_running_and_the_vehicle_free(demo: Demo, tmp_path: Path) -> None:
    process = demo()
    assert process.stdout
    for line in process.stdout:
        if "IN_PROGRESS" in line:
            break
    assert len(processes_of(tmp_path / "demo")) > 2

    process.send_signal(signal.SIGTERM)
    rest = process.communicate()[0]

    assert process.returncode == 130, rest
    assert "Interrupted; the lab has been stopped." in rest and "Traceback" not in rest
    wait_until(lambda: not processes_of(tmp_path / "demo"))
