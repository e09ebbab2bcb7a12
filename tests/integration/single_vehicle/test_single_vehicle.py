# SPDX-License-Identifier: GPL-3.0-or-later
"""One vehicle's whole test: whatever happens, SUMS and the exit code tell the truth and the vehicle is free."""

from __future__ import annotations

import fcntl
import json
import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
from play_support import HOST, NEW, OLD, PLAYBOOKS, TEST_VARIABLES, VIN, is_locked, processes_of, wait_until

from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

PLAYBOOK = PLAYBOOKS / "ota_single_vehicle.yml"
FAILING_VIN = "FA1LBH41JXMN10918"
TASK = "hatci.automation."
Play = Callable[..., t.Any]


@pytest.fixture
def test_a_vehicle(play_vehicle: Play) -> Play:
    """Run the playbook with its variables, some of them changed."""

    def play(*arguments: str, playbook: str | Path = PLAYBOOK, **changed: t.Any) -> t.Any:
        return play_vehicle(playbook, *arguments, variables={**TEST_VARIABLES, **changed})

    return play


def statuses_sent(sums: SumsProcess) -> list[str]:
    """Return every test result that was ever sent, accepted or not."""
    return [call["body"]["status"] for call in sums.requests() if "status" in (call["body"] or {})]


def assert_vehicle_is_back(home: Path) -> None:
    """Assert that nobody holds the vehicle that a play took, and that nothing of the play still runs."""
    assert not is_locked(home)
    wait_until(lambda: not processes_of(home))


def assert_told_as_failed(sums: SumsProcess, played: t.Any, reason: str) -> dict[str, t.Any]:
    """Assert that a test ended red, with its reason in SUMS and in the last message; return its test event."""
    assert played.returncode == 2, played.output
    (test_event,) = sums.state()["test_events"]
    assert (test_event["status"], statuses_sent(sums)) == ("FAIL", ["FAIL"])
    assert reason in test_event["summary"]
    told = played.task("Tell the outcome")["msg"]
    assert reason in told
    assert "Traceback" not in played.output
    return test_event


def test_a_good_update_is_a_pass_that_is_linked_to_the_target_event(test_a_vehicle: Play, sums: SumsProcess) -> None:
    played = test_a_vehicle(ota_metadata={"bench": "7"})

    assert played.returncode == 0, played.output
    state = sums.state()
    assert [(event["update_type"], event["fixed"]) for event in state["events"]] == [("RROM", True), ("UROM", True)]
    target = state["events"][1]["event_id"]
    assert [(item["event_id"], item["state"]) for item in state["deployments"]] == [(target, "COMPLETE")]
    (test_event,) = state["test_events"]
    assert (test_event["status"], test_event["event_id"], test_event["vin"]) == ("PASS", target, VIN)
    assert test_event["metadata"] == {"outcome": "PASS", "bench": "7"}
    assert test_event["summary"] == "Update to 2024.02.01 ended COMPLETE, ECU versions verified over serial."
    assert played.task("Tell the outcome")["msg"] == f"PASS {VIN}: {test_event['summary']}"
    assert sums.vehicle(VIN)["ecus"] == NEW
    assert_vehicle_is_back(played.home)


def test_the_vehicle_is_held_from_before_the_request_until_after_the_verification(
    test_a_vehicle: Play, sums: SumsProcess, tmp_path: Path
) -> None:
    look = tmp_path / "look.yml"
    look.write_text(
        "- ansible.builtin.command: flock --nonblock {{ jumpstarter_lease_guard_lock_dir }}/vehicle_001.lock true\n"
        "  register: look\n"
        "  failed_when: look.rc == 0\n",
        encoding="utf-8",
    )

    played = test_a_vehicle(ota_verify_tasks=str(look))

    assert played.returncode == 0, played.output
    order = [task.name.rpartition(" : ")[2] for task in played.tasks]
    steps = [
        "Acquire the device",
        "Create the source event (RROM)",
        "Compare them with the target",
        "Release the lease",
    ]
    assert [order.index(step) for step in steps] == sorted(order.index(step) for step in steps)
    assert order.index("Release the lease") < order.index("Report the outcome")
    record = json.loads(next(played.home.glob("ota-evidence/*/record.json")).read_text(encoding="utf-8"))
    steps = {step["step"]: step for step in record["steps"]}
    verification = steps["Run the verification of this lab"]
    assert verification["outcome"] == "ok"
    assert verification["began"] <= verification["ended"] <= steps["Release the lease"]["began"]


def test_a_vehicle_that_fails_its_update(test_a_vehicle: Play, sums: SumsProcess) -> None:
    played = test_a_vehicle(hatci_vin=FAILING_VIN)

    test_event = assert_told_as_failed(sums, played, "ended FAILED")
    assert test_event["metadata"]["outcome"] == "FAIL"
    assert test_event["event_id"] == sums.state()["events"][1]["event_id"]
    assert sums.state()["deployments"][0]["reason"] in test_event["summary"]
    assert_vehicle_is_back(played.home)


@pytest.mark.parametrize(
    ("fault", "step"),
    [
        ({"path": "/events", "status": 422}, "Create the source event (RROM)"),
        ({"path": "/events", "status": 422, "skip": 1}, "Create the target event (UROM)"),
        ({"path": "/events/.*/fix", "status": 422}, "Fix the source event"),
        ({"path": "/events/.*/fix", "kind": "replace", "body": {"fixed": False}, "skip": 1}, "Fix the target event"),
        ({"path": "/deployments", "status": 409}, "Deploy the target event"),
    ],
    ids=["create source", "create target", "fix source", "fix target", "deploy"],
)
def test_a_step_that_sums_refuses(test_a_vehicle: Play, sums: SumsProcess, fault: dict[str, t.Any], step: str) -> None:
    sums.add_fault(**{"kind": "status", "method": "POST", "body": {"error": "the program is closed"}, **fault})

    played = test_a_vehicle()

    test_event = assert_told_as_failed(sums, played, step)
    if fault.get("kind") != "replace":
        assert "the program is closed" in test_event["summary"]
    assert test_event["metadata"]["outcome"] == "ERROR"
    events = sums.state()["events"]
    assert test_event["event_id"] == (events[1]["event_id"] if len(events) > 1 else "pending")
    assert sums.state()["deployments"] == []
    assert_vehicle_is_back(played.home)


def test_a_vehicle_that_does_not_report_what_sums_says(
    test_a_vehicle: Play, sums: SumsProcess, start_sums: Callable[..., SumsProcess]
) -> None:
    elsewhere = start_sums()
    elsewhere.set_vehicle(VIN, ecus=OLD)

    played = test_a_vehicle(hatci_lab_sums_url=elsewhere.url)

    missing = 'The vehicle does not report "ECU Gateway part=GW-2024-001 sw=2.0.0", though SUMS says'
    test_event = assert_told_as_failed(sums, played, missing)
    assert "ECU Gateway part=GW-2024-001 sw=1.0.0" in test_event["summary"]
    assert test_event["metadata"]["outcome"] == "FAIL"
    assert sums.state()["deployments"][0]["state"] == "COMPLETE"
    assert_vehicle_is_back(played.home)


@pytest.mark.parametrize(
    ("own", "reason", "state"),
    [
        (
            "- name: Look at the dashboard\n  ansible.builtin.fail:\n    msg: The dashboard is dark.\n",
            "Look at the dashboard: The dashboard is dark.",
            "COMPLETE",
        ),
        (
            "- name: Ask every lamp\n  ansible.builtin.assert:\n    that: item != 'right'\n"
            "    fail_msg: The {{ item }} lamp is dark.\n  loop: [left, right]\n",
            "Ask every lamp: The right lamp is dark.",
            "COMPLETED",
        ),
    ],
    ids=["fails", "fails for one of a loop"],
)
def test_a_verification_of_the_lab_s_own(
    test_a_vehicle: Play, sums: SumsProcess, tmp_path: Path, own: str, reason: str, state: str
) -> None:
    sums.add_fault(kind="patch", method="GET", path="/deployments/.*", body={"state": state}, times=0)
    tasks = tmp_path / "own.yml"
    tasks.write_text(own, encoding="utf-8")

    played = test_a_vehicle(ota_verify_tasks=str(tasks))

    test_event = assert_told_as_failed(sums, played, reason)
    assert test_event["metadata"]["outcome"] == "FAIL"
    assert_vehicle_is_back(played.home)
    record = json.loads(next(played.home.glob("ota-evidence/*/record.json")).read_text(encoding="utf-8"))
    failed = [(step["step"], step["message"]) for step in record["steps"] if step["outcome"] == "failed"]
    assert failed == [("Run the verification of this lab", reason)]


def test_a_vehicle_that_another_job_has(test_a_vehicle: Play, sums: SumsProcess, tmp_path: Path) -> None:
    configs = {"jumpstarter_exporters_dir": tmp_path, "jumpstarter_exporter_config_link_dir": tmp_path / "links"}
    config = tmp_path / f"{HOST}.yaml"
    config.write_text("# what that job drives\n", encoding="utf-8")
    lock = tmp_path / "locks" / f"{HOST}.lock"
    lock.parent.mkdir()
    with lock.open("w") as held:
        held.write('{"job": "4711", "host": "bench-7", "pid": 1, "since": 0}')
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)

        played = test_a_vehicle(
            jumpstarter_lease_guard_lock_dir=str(lock.parent),
            jumpstarter_lease_guard_timeout=0.2,
            jumpstarter_exporter_cleanup=True,
            **{name: str(path) for name, path in configs.items()},
        )

    test_event = assert_told_as_failed(sums, played, "job 4711, host bench-7")
    assert test_event["metadata"]["outcome"] == "ERROR"
    assert sums.state()["events"] == []
    assert config.read_text(encoding="utf-8") == "# what that job drives\n", "neither written nor removed"
    wait_until(lambda: not processes_of(played.home))


def test_a_vehicle_without_one_of_two_ecus_is_told_by_that_ecu(test_a_vehicle: Play, sums: SumsProcess) -> None:
    fault = {"ecu_name": "Telematics", "part_number": "TCU-2024-007", "sw_version": "3.2.0"}
    sums.set_vehicle(VIN, ecus=OLD)

    played = test_a_vehicle(
        hatci_target_ecus=[*NEW, fault], ota_verify_commands=["j serial send check_version", "j serial read | head -1"]
    )

    reason = 'The vehicle does not report "ECU Telematics part=TCU-2024-007 sw=3.2.0", though SUMS says'
    assert_told_as_failed(sums, played, reason)


def test_check_mode_is_green_and_changes_nothing(test_a_vehicle: Play, sums: SumsProcess) -> None:
    played = test_a_vehicle("--check")

    assert played.returncode == 0, played.output
    assert {call["method"] for call in sums.requests()} == {"GET"}
    assert played.task("Tell the outcome")["msg"].startswith("CHECK MODE ")
    assert "PASS" not in played.output
    assert not (played.home / ".config").exists() and not (played.home / "locks").exists()


def test_check_mode_is_red_when_the_test_could_not_begin(test_a_vehicle: Play, sums: SumsProcess) -> None:
    played = test_a_vehicle("--check", hatci_token="wrong")

    assert played.returncode == 2
    assert {call["method"] for call in sums.requests()} == {"GET"}


def test_a_second_test_knows_nothing_of_the_first(test_a_vehicle: Play, sums: SumsProcess) -> None:
    sums.add_fault(kind="status", method="POST", path="/events", status=422, skip=2, times=0)
    twice = f"- ansible.builtin.import_playbook: {PLAYBOOK}\n" * 2

    played = test_a_vehicle(playbook=twice)

    assert played.returncode == 2
    first, second = sums.state()["test_events"]
    assert (first["status"], first["event_id"]) == ("PASS", sums.state()["events"][1]["event_id"])
    assert (second["status"], second["event_id"]) == ("FAIL", "pending")
    assert second["metadata"]["outcome"] == "ERROR" and "COMPLETE" not in second["summary"]
    assert_vehicle_is_back(played.home)


def test_a_test_without_a_device(test_a_vehicle: Play, sums: SumsProcess) -> None:
    played = test_a_vehicle(jumpstarter_exporter_name="", jumpstarter_exporter_template="", ota_verify_ecus=False)

    assert played.returncode == 0, played.output
    (test_event,) = sums.state()["test_events"]
    assert test_event["summary"] == "Update to 2024.02.01 ended COMPLETE."
    assert not (played.home / "locks").exists()


def test_the_exporter_config_is_removed_if_that_is_wanted(test_a_vehicle: Play, sums: SumsProcess) -> None:
    played = test_a_vehicle(jumpstarter_exporter_cleanup=True, hatci_vin=FAILING_VIN)

    assert played.returncode == 2
    assert list((played.home / ".config/jumpstarter").rglob("*.yaml")) == []


@pytest.mark.newest_core
def test_a_client_that_may_load_no_driver_is_told_before_anything_is_created(
    test_a_vehicle: Play, sums: SumsProcess, controller: ControllerProcess, tmp_path: Path
) -> None:
    config = tmp_path / "client.yaml"
    good = controller.client_config("alice").read_text(encoding="utf-8")
    config.write_text(good.replace("unsafe: true", "unsafe: false"), encoding="utf-8")

    played = test_a_vehicle(jumpstarter_client_config=str(config), jumpstarter_exporter_template="")

    assert played.returncode == 2, played.output
    assert f"The client config {config} allows no driver" in played.task("Tell the outcome")["msg"]
    assert sums.state()["test_events"] == []
