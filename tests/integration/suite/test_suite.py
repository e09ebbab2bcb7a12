# SPDX-License-Identifier: GPL-3.0-or-later
"""A suite of scenarios on several vehicles: what SUMS holds, what is told, and what is not done in check mode."""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Callable

import pytest
import yaml
from play_support import HOME, PLAYBOOKS, TEST_VARIABLES, VIN

from hatci_lab.sums.process import SumsProcess

FAILING_VIN = "FA1LH41JXMN109186"
DEVICE = {"hatci_vin", "jumpstarter_exporter_template", "jumpstarter_exporter_name", "ota_verify_ecus"}
PLAIN = {name: value for name, value in TEST_VARIABLES.items() if name not in DEVICE}
Play = Callable[..., t.Any]


def vehicles(**vins: str) -> str:
    """Return an inventory of local vehicles without a device."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    return yaml.safe_dump({"all": {"hosts": {name: {"hatci_vin": vin} for name, vin in vins.items()}, "vars": local}})


@pytest.fixture
def suite(play_vehicle: Play) -> Play:
    """Run ota_suite.yml for some vehicles."""

    def play(scenarios: list[t.Any] | str, *arguments: str, vins: dict[str, str], **changed: t.Any) -> t.Any:
        given = {**PLAIN, "ota_suite": scenarios, "ota_evidence_dir": f"{HOME}/evidence", **changed}
        forks = ("--forks", "5")
        return play_vehicle(
            PLAYBOOKS / "ota_suite.yml", *forks, *arguments, inventory=vehicles(**vins), variables=given
        )

    return play


def events_of(sums: SumsProcess, vin: str) -> list[tuple[str, str]]:
    """Return of each test event of a vehicle what it was, and how it ended."""
    found = []
    for event in sums.state()["test_events"]:
        if event["vin"] == vin:
            metadata = event["metadata"]
            assert event["suite_name"] == "ota_suite"
            what = metadata.get("suite_step") or " ".join(map(str, [metadata["scenario"], metadata.get("cycle", "")]))
            found.append((what.strip(), metadata.get("outcome", "")))
    return found


def test_each_scenario_is_a_test_of_its_own_on_a_vehicle_that_was_brought_back(suite: Play, sums: SumsProcess) -> None:
    played = suite(["nominal", {"name": "twice", "repeat": 2}], vins={"vehicle_001": VIN, "vehicle_002": FAILING_VIN})

    assert played.returncode == 2, played.output
    back = ("return to the source", "PASS")
    assert events_of(sums, VIN) == [("nominal", "PASS"), back, ("twice 1", "PASS"), back, ("twice 2", "PASS")]
    assert events_of(sums, FAILING_VIN) == [("nominal", "FAIL"), ("return to the source", "FAIL")]
    levels = [event["build_level"] for event in sums.state()["events"] if event["vin"] == VIN]
    assert levels == ["2024.01.01", "2024.02.01", "2024.02.01", "2024.01.01"] * 2 + ["2024.01.01", "2024.02.01"]
    summary = played.task("Fail unless every scenario passed on every vehicle")
    rows = [tuple(line.split()[:3]) for line in summary["lines"][1:-1] if not line.startswith(" ")]
    assert rows == [
        ("vehicle_001", "nominal", "PASS"),
        ("vehicle_001", "twice", "PASS"),
        ("vehicle_002", "nominal", "FAIL"),
        ("vehicle_002", "twice", "INVALID"),
    ]
    assert summary["lines"][-1] == "2 of 4 tests failed (2 PASS, 1 FAIL, 1 INVALID)"
    assert "vehicle_001: twice: cycle 2 of 2, 0 failed" in played.output
    assert "2 of 2 cycles passed, p50 " in played.output
    handed_on: dict[str, t.Any] = {}
    for task in played.tasks:
        handed_on |= task.result.get("ansible_stats", {}).get("data", {}).get("ota_tests", {})
    outcomes = {name: row["outcome"] for name, row in handed_on.items()}
    assert outcomes == {
        "vehicle_001": "PASS",
        "vehicle_001/nominal": "PASS",
        "vehicle_001/twice": "PASS",
        "vehicle_002": "FAIL",
        "vehicle_002/nominal": "FAIL",
        "vehicle_002/twice": "INVALID",
    }
    junit = (played.home / "evidence" / "junit.xml").read_text(encoding="utf-8")
    assert junit.count("<testcase ") == 5
    assert "could not be brought to the source software" in junit


@pytest.mark.newest_core
def test_a_quick_vehicle_does_not_wait_for_a_slow_one(suite: Play, sums: SumsProcess) -> None:
    """The slow one is let go only after the last test of the quick one, so the play would never end otherwise."""
    slow, others = "SL0WBH41JXMN10918", {"vehicle_001": VIN, "vehicle_003": "SP33DH41JXMN10918"}
    sums.set_vehicle(slow, states=[("IN_PROGRESS", 0)])
    stop = threading.Event()

    def let_go() -> None:
        while not stop.wait(0.2):
            ended = [[outcome for _what, outcome in events_of(sums, vin)] for vin in others.values()]
            if all(outcomes == ["PASS"] * 3 for outcomes in ended):
                for deployment in sums.state()["deployments"]:
                    if deployment["state"] == "IN_PROGRESS":
                        sums.set_vehicle(slow, states=[("COMPLETE", 0)])
                        sums.set_deployment(deployment["deployment_id"], state="COMPLETE")
                return

    letting_go = threading.Thread(target=let_go)
    letting_go.start()
    try:
        played = suite(["nominal", "nominal"], vins={**others, "vehicle_002": slow}, hatci_poll_timeout_seconds=120)
    finally:
        stop.set()
        letting_go.join()

    assert played.returncode == 0, played.output
    assert [outcome for _what, outcome in events_of(sums, slow)] == ["PASS"] * 3


@pytest.mark.newest_core
def test_nothing_is_deployed_to_a_vehicle_whose_update_is_still_open(suite: Play, sums: SumsProcess) -> None:
    sums.set_vehicle(VIN, states=[("IN_PROGRESS", 0)])
    played = suite(["nominal", "nominal"], vins={"vehicle_001": VIN}, hatci_poll_timeout_seconds=1)

    assert played.returncode == 2, played.output
    assert events_of(sums, VIN) == [("nominal", "TIMEOUT")]
    assert len(sums.state()["deployments"]) == 1
    lines = played.task("Fail unless every scenario passed on every vehicle")["lines"]
    assert lines[-1] == "2 of 2 tests failed (1 TIMEOUT, 1 INVALID)"
    assert "is still open: Deployment" in " ".join(line.strip() for line in lines)


@pytest.mark.newest_core
def test_check_mode_says_what_would_be_done_and_touches_nothing(suite: Play, sums: SumsProcess) -> None:
    played = suite(["nominal", "soak"], "--check", vins={"vehicle_001": VIN})

    assert played.returncode == 0, played.output
    assert {request["method"] for request in sums.requests()} <= {"GET"}
    assert "soak, 100 times" in played.output
    assert "Before each cycle the vehicle is brought to the source software" in played.output
    assert "0 of 2 tests failed (2 CHECKED)" in played.output


@pytest.mark.newest_core
def test_a_suite_that_cannot_be_run_is_refused_as_a_whole(suite: Play, sums: SumsProcess) -> None:
    needy = {"name": "mine", "needs": ["my_relay"], "disturbances": []}
    played = suite(["nominal", "nominla", needy, "power_loss_while_installing"], vins={"vehicle_001": VIN})

    assert played.returncode == 2
    assert "number 2 of ota_suite names nominla, which is not a scenario of this collection" in played.output
    assert "number 3 of ota_suite needs my_relay" in played.output
    assert "number 4 of ota_suite disturbs the vehicle, but no device is leased" in played.output
    assert sums.requests() == []


@pytest.mark.newest_core
def test_an_extra_variable_named_like_its_result_makes_no_suite(suite: Play, sums: SumsProcess) -> None:
    played = suite(["nominal"], "-e", '{"ota_suite_result": {"steps": [], "scenarios": []}}', vins={"vehicle_001": VIN})

    assert played.returncode == 2
    told = " ".join(played.output.split())
    assert "The extra variable ota_suite_result would hide what this play itself sets under that name" in told
    assert sums.requests() == []
