# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo` and `make lab`, as their targets call them."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from play_support import REPOSITORY, VIN, processes_of, wait_until

Demo = Callable[..., subprocess.Popen[str]]
Lab = tuple[subprocess.Popen[str], str]


@pytest.fixture
def demo(core: Path, tmp_path: Path) -> Demo:
    """Start the demo in a directory of this test."""
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / ".cache/collections")}

    def start(*arguments: str, module: str = "hatci_lab.demo") -> subprocess.Popen[str]:
        command = [str(core / "python"), "-m", module, "--directory", str(tmp_path / "demo"), *arguments]
        return subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    return start


def rows_of(shown: str) -> tuple[list[list[str]], list[list[str]]]:
    """Return the lines of what SUMS holds, and of what the vehicle says."""
    sums, _heading, vehicle = shown.partition("What SUMS holds now")[2].partition("What the vehicle says now")
    return [line.split() for line in sums.splitlines()], [line.split() for line in vehicle.splitlines()]


def test_a_newcomer_sees_an_update_succeed(demo: Demo, tmp_path: Path) -> None:
    process = demo()
    shown = process.communicate()[0]

    assert process.returncode == 0, shown
    played = shown.partition("PLAY RECAP")[0]
    assert f"\nPASS {VIN}: Update to 2024.02.01 ended COMPLETE, verified by UDS" in played
    assert "vehicle_001: Gateway     GW-2024-001   1.0.0     none\n" in played
    assert "vehicle_001: Gateway     GW-2024-001   1.0.0 -> 2.0.0  none\n" in played
    sums, vehicle = rows_of(shown)
    assert ["te-000001", "ev-000002", "PASS", "PASS"] in sums
    assert ["Gateway", "GW-2024-001", "1.0.0", "2.0.0", "none"] in vehicle
    assert ["Telematics", "TCU-2024-007", "3.1.4", "3.2.0", "none"] in vehicle
    assert "As announced: the vehicle took the update" in shown
    report = Path(tmp_path / shown.splitlines()[-1].partition("Report of this test: ")[2])
    assert report.name == "report.html" and VIN in report.read_text(encoding="utf-8")
    wait_until(lambda: not processes_of(tmp_path / "demo"))


OLD, NEW = "1.0.0", "2.0.0"


@pytest.mark.newest_core
@pytest.mark.parametrize(
    ("word", "outcome", "deployment", "told", "gateway"),
    [
        ("1", "FAIL", "FAILED", "signature does not match", [OLD, "none"]),
        ("dtc", "FAIL", "COMPLETE", "not there before: Gateway U0123-00 (status 0x2F)", [NEW, "U0123-00"]),
        ("wrong_vehicle", "ERROR", None, f"has the VIN 2HGBH41JXMN109187, but the test is for {VIN}", [OLD, "none"]),
        ("lies", "FAIL", "COMPLETE", "though SUMS says the update is complete", [OLD, "none"]),
    ],
)
def test_a_newcomer_sees_a_test_fail_as_announced(
    demo: Demo, tmp_path: Path, word: str, outcome: str, deployment: str | None, told: str, gateway: list[str]
) -> None:
    process = demo("--fail", word)
    shown = process.communicate()[0]

    assert process.returncode == 0, shown
    sums, vehicle = rows_of(shown)
    assert [row[3] for row in sums if row[:1] == ["te-000001"]] == [outcome]
    assert [row[2] for row in sums if row[:1] == ["deploy-000001"]] == ([deployment] if deployment else [])
    assert any(row[:1] == ["ev-000001"] for row in sums) == bool(deployment)
    assert told in shown.partition("What SUMS holds now")[2]
    assert ["Gateway", "GW-2024-001", OLD, *gateway] in vehicle
    assert shown.count("Announced") == shown.count("As announced: ") == 1
    wait_until(lambda: not processes_of(tmp_path / "demo"))


def test_a_demo_that_goes_another_way_says_so_and_fails(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "idle.yml").write_text("- hosts: all\n  gather_facts: false\n")

    process = demo("--playbook", str(tmp_path / "idle.yml"))
    shown = process.communicate()[0]

    assert process.returncode == 1
    verdict = next(line for line in shown.splitlines() if line.startswith("NOT AS ANNOUNCED"))
    assert "the test results in SUMS are: none, and not one PASS" in verdict
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


@pytest.fixture
def lab(demo: Demo, tmp_path: Path) -> Iterator[Lab]:
    """Start a lab, return its process and what it shows, and stop it with Ctrl-C; nothing of it may run on."""
    process = demo(module="hatci_lab.demo.lab")
    assert process.stdout
    shown = "".join(itertools.takewhile(lambda line: "Ctrl-C" not in line, process.stdout))
    yield process, shown
    process.send_signal(signal.SIGINT)
    assert "The lab has been stopped." in process.communicate()[0]
    assert process.returncode == 0
    wait_until(lambda: not processes_of(tmp_path / "demo"))


def paste(commands: str, directory: Path) -> str:
    """Return what another shell shows, whose environment is bare."""
    bare = {"HOME": str(directory / "another-home"), "PATH": os.defpath}
    command = ["sh", "-eu", "-c", commands]
    shown = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, cwd=directory, env=bare, check=False, **shown)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.newest_core
def test_the_lines_that_the_lab_shows_test_its_vehicle_from_another_shell(lab: Lab, tmp_path: Path) -> None:
    _process, shown = lab
    lines = [line for line in shown.splitlines() if line.startswith(("  export ", "  ansible-playbook "))]
    assert "lab-token" not in shown

    assert f"PASS {VIN}: Update to 2024.02.01 ended COMPLETE" in paste("\n".join(lines), tmp_path)
    assert f"PASS {VIN}: " in paste("\n".join(lines), tmp_path), "the lab puts the vehicle back after a test"


@pytest.mark.newest_core
def test_what_the_demo_plays_can_be_repeated_while_the_lab_runs(lab: Lab, demo: Demo, tmp_path: Path) -> None:
    process = demo("--fail")
    shown = process.communicate()[0]
    assert process.returncode == 0 and "As announced: the update failed" in shown
    (line,) = [line.removeprefix("  Playing ") for line in shown.splitlines() if line.startswith("  Playing ")]

    repeated = paste(line, tmp_path)

    assert f"PASS {VIN}: " in repeated, "the lab of `make lab` lets updates succeed"
    assert lab[0].poll() is None


@pytest.mark.newest_core
def test_a_second_lab_leaves_the_first_alone(lab: Lab, demo: Demo) -> None:
    second = demo(module="hatci_lab.demo.lab")

    assert "A lab or a demo already runs in" in second.communicate()[0]
    assert second.returncode == 1 and lab[0].poll() is None
