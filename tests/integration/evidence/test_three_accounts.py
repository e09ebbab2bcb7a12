# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves, held against what SUMS, the controller and the vehicle logged by themselves."""

from __future__ import annotations

import datetime
import re
import signal
import typing as t
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from evidence_support import records_checked_against_sums
from play_support import (
    EXPORTER,
    HOST,
    PATHS,
    PLAYBOOKS,
    TEST_VARIABLES,
    VIN,
    inventory_of,
    processes_of,
    wait_until,
)
from playbook_runner import AnsiblePlaybook

from hatci_lab.car.process import CarProcess
from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

pytestmark = [pytest.mark.newest_core, pytest.mark.matrix]
READING = {"GetLease", "ListLeases", "GetExporter", "ListExporters"}
PART_NUMBER, SOFTWARE_VERSION, VIN_OF_ECU = b"\xf1\x87", b"\xf1\x89", b"\xf1\x90"


@pytest.fixture(scope="module")
def lab(
    tmp_path_factory: pytest.TempPathFactory, _sums_process: SumsProcess
) -> Iterator[tuple[CarProcess, ControllerProcess]]:
    """Return a car that takes its updates from SUMS, and a controller with an exporter that leads to it."""
    root = tmp_path_factory.mktemp("accounts")
    with CarProcess(root / "car", vin=VIN, sums_url=_sums_process.url) as car, ControllerProcess(root / "lab") as made:
        car.wait_until_listening()
        made.add_exporter(HOST, {"exporter": HOST}, car.write_exporter(root / "unused.yaml", HOST))
        yield car, made


def variables_of(lab: tuple[CarProcess, ControllerProcess]) -> dict[str, t.Any]:
    """Return the variables of a test of the car, through the controller."""
    car, controller = lab
    ecus = [
        {"name": name, "driver": name.lower(), "logical_address": ecu.logical_address} for name, ecu in car.ecus.items()
    ]
    return {
        **TEST_VARIABLES,
        "jumpstarter_exporter_name": EXPORTER,
        "jumpstarter_exporter_template": "",
        "jumpstarter_client_config": str(controller.client_config("alice")),
        "ota_verify_ecus": False,
        "ota_vehicle_ecus": ecus,
        "ota_vehicle_settle_seconds": 5,
    }


def play_suite(
    play_vehicle: Callable[..., t.Any],
    lab: tuple[CarProcess, ControllerProcess],
    *arguments: str,
    suite: list[t.Any],
    behaviour: t.Mapping[str, t.Any] | None = None,
    **given: t.Any,
) -> t.Any:
    """Run a suite for the car, which is as new.

    :param behaviour: how the car takes its updates.
    :param given: more variables.
    """
    car, _controller = lab
    car.reset()
    car.wait_until_listening()
    car.set_behaviour(**(behaviour or {}))
    variables = {**variables_of(lab), "ota_suite": suite, **given}
    return play_vehicle(PLAYBOOKS / "ota_suite.yml", *arguments, variables=variables)


def moment(text: str) -> float:
    """Return the time in seconds since the epoch."""
    return datetime.datetime.fromisoformat(text).timestamp()


def last_told(heard: list[dict[str, t.Any]], ecu: str, did: bytes) -> str | None:
    """Return what an ECU of the car said last of one of its data identifiers, by the car's own log."""
    told = None
    for answer in (bytes.fromhex(each) for entry in heard if entry["ecu"] == ecu for each in entry["responses"]):
        if found := re.search(b"^\x62.*" + re.escape(did) + rb"([ -~]+)", answer, re.DOTALL):
            told = found[1].decode()
    return told


def facts_of(account: dict[str, t.Any]) -> list[tuple[t.Any, ...]]:
    """Return what a look found, without its time."""
    return [(ecu["name"], ecu["part_number"], ecu["sw_version"], ecu["reachable"]) for ecu in account["ecus"]]


def test_check_mode_of_a_suite_touches_nothing(
    play_vehicle: Callable[..., t.Any], lab: tuple[CarProcess, ControllerProcess], sums: SumsProcess
) -> None:
    car, controller = lab
    car.reset()
    before = car.state()

    played = play_suite(play_vehicle, lab, "--check", suite=["nominal", "power_loss_while_installing"])

    assert played.returncode == 0, played.output
    assert "0 of 2 tests failed (2 CHECKED)" in played.output
    assert {request["method"] for request in sums.requests()} == {"GET"}
    called = {call["method"].rpartition("/")[2] for call in controller.calls() if call["kind"] == "Client"}
    assert called and called <= READING
    assert controller.leases() == []
    assert (car.requests(), car.state()) == ([], before)
    assert not (played.home / "ota-evidence").exists()


RELAY_STICKS = {
    "name": "relay_sticks",
    "disturbances": [{"at": {"seconds": 0}, "commands": ["true"], "undo": ["true"], "for": 0, "proof": "unreachable"}],
}


def test_a_refused_and_a_passed_run_are_recorded_as_all_three_saw_them(
    play_vehicle: Callable[..., t.Any], lab: tuple[CarProcess, ControllerProcess], sums: SumsProcess
) -> None:
    played = play_suite(play_vehicle, lab, suite=["wrong_part_number", "nominal"])

    assert played.returncode == 0, played.output
    records = accounts_compared(played.home, sums, *lab)
    assert [(record["test"]["scenario"], record["outcome"], record["deployment"]["state"]) for record in records] == [
        ("wrong_part_number", "PASS", "FAILED"),
        ("nominal", "PASS", "COMPLETE"),
    ]
    refused, passed = (record["software"] for record in records)
    unchanged = facts_of(refused["before"])
    assert facts_of(refused["after"]) == unchanged == facts_of(passed["before"]) != facts_of(passed["after"])


def test_an_invalid_run_is_recorded_as_all_three_saw_it(
    play_vehicle: Callable[..., t.Any], lab: tuple[CarProcess, ControllerProcess], sums: SumsProcess
) -> None:
    played = play_suite(play_vehicle, lab, suite=[RELAY_STICKS])

    assert played.returncode == 2, played.output
    (record,) = accounts_compared(played.home, sums, *lab)
    assert (record["outcome"], record["deployment"]["state"]) == ("INVALID", "COMPLETE")
    assert [each["proven"] for each in record["disturbances"]] == [False]


def test_a_failed_run_is_recorded_as_all_three_saw_it(
    play_vehicle: Callable[..., t.Any], lab: tuple[CarProcess, ControllerProcess], sums: SumsProcess
) -> None:
    leaves = {"leaves_codes": {"Gateway": {"U0123-00": 0x2F}}}

    played = play_suite(play_vehicle, lab, suite=["nominal"], behaviour=leaves)

    assert played.returncode == 2, played.output
    (record,) = accounts_compared(played.home, sums, *lab)
    assert (record["outcome"], record["deployment"]["state"]) == ("FAIL", "COMPLETE")
    before, after = (codes_of(record["software"][moment]["ecus"][0]) for moment in ("before", "after"))
    assert after - before == {("U0123-00", 0x2F)}


def test_a_run_that_waited_too_long_is_recorded_as_all_three_saw_it(
    play_vehicle: Callable[..., t.Any], lab: tuple[CarProcess, ControllerProcess], sums: SumsProcess
) -> None:
    sums.set_vehicle(VIN, update_seconds=600, states=[("IN_PROGRESS", 600)])

    played = play_suite(play_vehicle, lab, suite=["nominal"], hatci_poll_timeout_seconds=5)

    assert played.returncode == 2, played.output
    (record,) = accounts_compared(played.home, sums, *lab)
    assert (record["outcome"], record["deployment"]["state"]) == ("TIMEOUT", "IN_PROGRESS")


def test_a_run_that_could_not_go_on_is_recorded_as_all_three_saw_it(
    play_vehicle: Callable[..., t.Any], lab: tuple[CarProcess, ControllerProcess], sums: SumsProcess
) -> None:
    sums.add_fault(kind="status", status=403, method="POST", path="/deployments")

    played = play_suite(play_vehicle, lab, suite=["nominal"])

    assert played.returncode == 2, played.output
    (record,) = accounts_compared(played.home, sums, *lab)
    assert (record["outcome"], record["deployment"]) == ("ERROR", None)
    assert sums.state()["deployments"] == []


CUT = {
    "name": "cut",
    "disturbances": [{"at": {"progress": 3}, "do": "power_off", "for": 2}],
    "within": 60,
    "expect": "completed_or_restored",
}


def test_a_disturbance_is_recorded_as_all_three_saw_it(
    play_vehicle: Callable[..., t.Any], lab: tuple[CarProcess, ControllerProcess], sums: SumsProcess
) -> None:
    sums.set_vehicle(VIN, update_seconds=120)

    played = play_suite(play_vehicle, lab, suite=[CUT], behaviour={"on_power_loss": "restore"})

    assert played.returncode == 0, played.output
    (record,) = accounts_compared(played.home, sums, *lab)
    (cut,) = record["disturbances"]
    assert (cut["proven"], record["outcome"]) == (True, "PASS")
    answered = [each["time"] for each in lab[0].requests() if each["responses"]]
    off, on = moment(cut["acted"]), moment(cut["ended"])
    assert answered and not [each for each in answered if off <= each < on]
    assert min(answered) < off and max(answered) > on


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_killed_or_cancelled_is_recorded_as_all_three_saw_it(
    ansible_playbook: AnsiblePlaybook,
    lab: tuple[CarProcess, ControllerProcess],
    sums: SumsProcess,
    way: signal.Signals,
) -> None:
    car, _controller = lab
    car.reset()
    car.wait_until_listening()
    sums.set_vehicle(VIN, update_seconds=60)
    inventory = ansible_playbook.directory.parent / "inventory.yml"
    inventory.write_text(inventory_of(), encoding="utf-8")
    given = {"hatci_base_url": sums.url, "hatci_token": sums.token, **PATHS, **variables_of(lab)}
    play = ansible_playbook.start(PLAYBOOKS / "ota_single_vehicle.yml", "-i", str(inventory), variables=given)
    wait_until(lambda: any('"IN_PROGRESS"' in path.read_text() for path in play.home.glob("*/*/journal.jsonl")))
    car.network(False)  # so the update stands still

    play.process.send_signal(way)
    play.end()
    wait_until(lambda: not processes_of(ansible_playbook.directory))

    (record,) = accounts_compared(play.home, sums, *lab)
    assert (record["outcome"], record["deployment"]["state"]) == ("ABORTED", "IN_PROGRESS")
    assert record["software"]["before"] and not record["software"]["after"]


def accounts_compared(
    home: Path, sums: SumsProcess, car: CarProcess, controller: ControllerProcess
) -> list[dict[str, t.Any]]:
    """Return the records that a play left, each having been compared with what the three logged by themselves."""
    records = records_checked_against_sums(home, sums.state())
    leases = {lease["name"]: lease for lease in controller.leases()}
    heard = car.requests()
    covered = 0
    for record in records:
        held, lease = record["lease"], leases[record["lease"]["name"]]
        assert (held["exporter"], held["mode"], lease["client"]) == (lease["exporter"], "controller", "alice")
        assert record["ids"]["lease_name"] == lease["name"]
        began, ended = moment(held["acquired"]), moment(held["released"] or record["ended"])
        assert lease["begin"] <= began < lease["end"]
        assert held["seconds"] == pytest.approx(ended - began, abs=0.01)
        assert lease["end"] <= ended if held["released"] else record["ended_by"] == "closer"
        meanwhile = [each for each in heard if lease["begin"] <= each["time"] <= lease["end"]]
        covered += len(meanwhile)
        for seen in filter(None, (record["software"]["before"], record["software"]["after"])):
            told = [each for each in meanwhile if each["time"] <= moment(seen["taken_at"]) + 1]
            for ecu in seen["ecus"]:
                assert last_told(told, ecu["name"], SOFTWARE_VERSION) == ecu["sw_version"]
                assert last_told(told, ecu["name"], PART_NUMBER) == ecu["part_number"]
                assert codes_told(told, ecu["name"]) == codes_of(ecu)
            assert {last_told(told, ecu["name"], VIN_OF_ECU) for ecu in seen["ecus"]} == {seen["vin"]}
        compare_times_with_sums(record, sums)
    assert covered == len(heard) > 0
    for path in home.glob("ota-evidence/*/junit.xml"):
        compare_junit_with_sums(path, sums.state())
    return records


def codes_of(ecu: dict[str, t.Any]) -> set[tuple[str, int]]:
    """Return the trouble codes of an ECU by a record, with their status."""
    return {(each["code"], each["status"]) for each in ecu["codes"]}


def codes_told(heard: list[dict[str, t.Any]], ecu: str) -> set[tuple[str, int]]:
    """Return the trouble codes that an ECU of the car told last, by the car's own log."""
    told: bytes = b""
    for answer in (bytes.fromhex(each) for entry in heard if entry["ecu"] == ecu for each in entry["responses"]):
        told = answer[answer.index(b"\x59\x02") + 3 :] if b"\x59\x02" in answer[:16] else told
    rows = [told[at : at + 4] for at in range(0, len(told), 4)]
    return {(f"{'PCBU'[row[0] >> 6]}{row[0] >> 4 & 3}{row[0] & 15:X}{row[1]:02X}-{row[2]:02X}", row[3]) for row in rows}


def compare_times_with_sums(record: dict[str, t.Any], sums: SumsProcess) -> None:
    """Fail unless the times of a record agree with those that SUMS keeps, of its records and of what it was asked."""
    state, ids, found = sums.state(), record["ids"], record["deployment"]
    (event,) = [each for each in state["test_events"] if each["test_event_id"] == ids["test_event_id"]]
    assert is_within(event["created_at"], record, "hatci_test_event")
    assert record["ended_by"] == "closer" or is_within(event["updated_at"], record, "hatci_test_event_update")
    if not found:
        return
    (held,) = [each for each in state["deployments"] if each["deployment_id"] == found["id"]]
    assert is_within(held["timestamps"]["created_at"], record, "hatci_deploy_event")
    assert found["timestamps"] == held["timestamps"] or found["succeeded"] is None
    path = f"/deployments/{found['id']}"
    asked = [each["time"] for each in sums.requests() if each["method"] == "GET" and each["path"].endswith(path)]
    since = moment(held["timestamps"]["created_at"])
    for seen in found["states"]:
        assert [each for each in asked if since <= each <= moment(seen["time"]) + 0.001], seen
        since = max(each for each in asked if each <= moment(seen["time"]) + 0.001)
    times = [seen["time"] for seen in found["states"]]
    assert times == sorted(times)
    if finished := held["timestamps"].get("finished_at"):
        assert moment(found["states"][-1]["time"]) >= moment(finished)


def is_within(time: str, record: dict[str, t.Any], module: str) -> bool:
    """Whether something happened at SUMS while a step of a module went on."""
    steps = [step for step in record["steps"] if step["module"] == module]
    return any(step["began"] <= time <= step["ended"] for step in steps)


def compare_junit_with_sums(path: Path, state: dict[str, t.Any]) -> None:
    """Fail unless a CI is told of a test what SUMS holds of it."""
    (suite,) = ET.parse(path).getroot()  # of this test
    told = {each.attrib["name"]: each.attrib["value"] for each in suite.iter("property")}
    (event,) = [each for each in state["test_events"] if each["test_event_id"] == told["test_event_id"]]
    outcome = event["metadata"]["outcome"]
    assert (told["outcome"], told["vin"]) == (outcome, event["vin"])
    kind = {"PASS": [], "FAIL": ["failure"], "INVALID": ["failure"]}.get(outcome, ["error"])
    (case,) = suite.iter("testcase")
    assert [each.tag for each in case if each.tag in ("failure", "error", "skipped")] == kind
    assert (event["status"] == "PASS") is (kind == [])
    said = [each.attrib["message"] for each in case if each.tag in kind]
    assert all(event["summary"] in (message, f"{outcome}: {message}") for message in said)
