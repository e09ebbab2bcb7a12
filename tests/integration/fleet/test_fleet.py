# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook for many vehicles: each at its own pace, none at another's cost."""

from __future__ import annotations

import json
import re
import typing as t
import xml.etree.ElementTree as ET

import pytest
from evidence_support import records_checked_against_sums
from fleet_support import VINS, Fleet, pretty, updates_that_end_in_turn
from play_support import VEHICLE_TEMPLATE, is_locked

from hatci_lab.sums.process import SumsProcess

FIRST, SECOND, THIRD = "vehicle_001", "vehicle_002", "vehicle_003"


@pytest.fixture
def run_fleet(ansible_playbook: t.Any, sums: SumsProcess) -> Fleet:
    """Run the playbook for a fleet, with each ansible-core."""
    return Fleet(ansible_playbook, sums)


def test_each_vehicle_is_reported_when_its_own_update_ends(run_fleet: Fleet) -> None:
    with updates_that_end_in_turn(run_fleet.sums, VINS[SECOND], VINS[THIRD], VINS[FIRST]):
        result = run_fleet({FIRST: {}, SECOND: {}, THIRD: {}})

    assert result.play.returncode == 0, pretty(result)
    assert result.reported() == [VINS[SECOND], VINS[THIRD], VINS[FIRST]]
    assert result.report_time(VINS[SECOND]) < result.update_ended(VINS[THIRD])
    assert result.report_time(VINS[THIRD]) < result.update_ended(VINS[FIRST])


def test_a_vehicle_that_fails_leaves_the_others_alone(run_fleet: Fleet) -> None:
    run_fleet.sums.set_vehicle(VINS[SECOND], outcome="FAILED", reason="Gateway refused the image")

    result = run_fleet({FIRST: {}, SECOND: {}, THIRD: {"hatci_vin": "NO-VIN"}, "vehicle_004": {}})

    assert result.play.returncode != 0
    assert result.outcomes() == {VINS[FIRST]: "PASS", VINS[SECOND]: "FAIL", VINS["vehicle_004"]: "PASS"}
    rows = result.rows
    assert {host: row[1:3] for host, row in rows.items()} == {
        FIRST: ["PASS", "COMPLETE"],
        SECOND: ["FAIL", "FAILED"],
        THIRD: ["ERROR", "-"],
        "vehicle_004": ["PASS", "COMPLETE"],
    }
    assert all(row[3].isdigit() and row[4] == "-" for host, row in rows.items() if host != THIRD), result.summary
    assert "Gateway refused the image" in rows[SECOND][5] and VINS[SECOND] in rows[SECOND][5]
    assert "NO-VIN" in rows[THIRD][5] and "Nothing was created" in rows[THIRD][5]
    assert rows[FIRST][5] == "", "a vehicle that passed has no reason"
    assert list(rows) == [FIRST, "vehicle_004", SECOND, THIRD], "failures come last"
    assert max(map(len, result.summary)) <= 80
    assert result.summary[-1] == "2 of 4 vehicles failed (2 PASS, 1 FAIL, 1 ERROR)"
    evidence = result.play.home / "ota-evidence"
    cases = ET.parse(evidence / "junit.xml").getroot().findall(".//testcase")
    ended = {case.get("name"): [child.tag for child in case if child.tag in ("failure", "error")] for case in cases}
    assert ended == {FIRST: [], SECOND: ["failure"], THIRD: ["error"], "vehicle_004": []}
    page = (evidence / "index.html").read_text(encoding="utf-8")
    assert all(f"{directory.name}/report.html" in page for directory in evidence.iterdir() if directory.is_dir())
    verdict = result.play.task("Decide by the share of vehicles that failed")["msg"]
    assert verdict == f"{result.summary[-1]}: {SECOND}, {THIRD}; ota_fleet_max_fail_percentage allows 0 %."
    assert result.warnings == []


@pytest.mark.parametrize(("allowed", "is_ok"), [(0, False), (33, False), (34, True), (100, True)])
def test_the_exit_code_follows_the_share_of_vehicles_that_failed(run_fleet: Fleet, allowed: int, is_ok: bool) -> None:
    run_fleet.sums.set_vehicle(VINS[SECOND], outcome="FAILED")

    result = run_fleet({FIRST: {}, SECOND: {}, THIRD: {}}, "-e", f"ota_fleet_max_fail_percentage={allowed}")

    assert (result.play.returncode == 0) is is_ok, pretty(result)
    assert sorted(row[1] for row in result.rows.values()) == ["FAIL", "PASS", "PASS"]


def test_a_fleet_that_may_fail_as_a_whole_and_does_ends_well(run_fleet: Fleet) -> None:
    for host in (FIRST, SECOND):
        run_fleet.sums.set_vehicle(VINS[host], outcome="CANCELLED")

    result = run_fleet({FIRST: {}, SECOND: {}}, ota_fleet_max_fail_percentage=100)

    assert result.play.returncode == 0, pretty(result)
    assert result.summary[-1] == "2 of 2 vehicles failed (2 FAIL)"
    records = records_checked_against_sums(result.play.home, run_fleet.sums.state())
    assert [record["deployment"]["state"] for record in records] == ["CANCELLED", "CANCELLED"]


def test_too_few_forks_are_told_and_the_fleet_still_passes(run_fleet: Fleet) -> None:
    result = run_fleet({FIRST: {}, SECOND: {}, THIRD: {}}, forks=1)

    assert result.play.returncode == 0, pretty(result)
    (warning,) = result.warnings
    assert "3 vehicles" in warning and "forks is 1" in warning and "--forks 3" in warning


@pytest.mark.parametrize("batch", [2, "40%"])
def test_never_more_vehicles_than_a_batch_are_under_way(run_fleet: Fleet, batch: int | str) -> None:
    vehicles = {host: {} for host in list(VINS)[:5]}

    result = run_fleet(vehicles, "-e", f"ota_fleet_batch={batch}", forks=2)

    assert result.play.returncode == 0, pretty(result)
    assert result.most_at_once() <= 2
    assert set(result.rows) == set(vehicles)
    assert {row[1] for row in result.rows.values()} == {"PASS"}
    assert result.warnings == [], "two forks are enough for batches of two"


def test_a_batch_that_fails_leaves_the_next_one_alone(run_fleet: Fleet) -> None:
    run_fleet.sums.set_vehicle(VINS[FIRST], outcome="FAILED")

    result = run_fleet({FIRST: {}, SECOND: {}}, "-e", "ota_fleet_batch=1")

    assert result.play.returncode != 0
    assert {host: row[1] for host, row in result.rows.items()} == {FIRST: "FAIL", SECOND: "PASS"}


def test_a_wave_with_too_many_failures_is_the_last(run_fleet: Fleet) -> None:
    vehicles = {host: {} for host in list(VINS)[:6]}
    run_fleet.sums.set_vehicle(VINS[SECOND], outcome="FAILED")
    waves = '{"ota_fleet_waves": [1, "50%", "100%"], "ota_fleet_stop_at_fail_percentage": 40}'

    result = run_fleet(vehicles, "-e", waves, "-e", "ota_fleet_max_fail_percentage=100")

    assert result.play.returncode != 0, "a vehicle that was not tested is never green"
    assert result.outcomes() == {VINS[FIRST]: "PASS", VINS[SECOND]: "FAIL", VINS[THIRD]: "PASS"}
    assert [row[1] for row in result.rows.values()] == ["PASS", "PASS", *["NOT_BEGUN"] * 3, "FAIL"]
    assert result.summary[-1].startswith("1 of 6 vehicles failed, 3 were not begun")
    cases = ET.parse(result.play.home / "ota-evidence/junit.xml").getroot().findall(".//testcase")
    told = [[child.tag for child in case if child.tag in ("failure", "error", "skipped")] for case in cases]
    assert told == [[], ["failure"], [], *[["skipped"]] * 3]
    again = re.search(r"To run only those 4 again: --limit @(\S+)", result.play.stdout)
    assert again

    run_fleet.sums.set_vehicle(VINS[SECOND], outcome="COMPLETE")
    second = run_fleet(vehicles, "--limit", f"@{again.group(1)}", "-e", waves)

    assert second.play.returncode == 0, pretty(second)
    assert set(second.rows) == {SECOND, *list(VINS)[3:6]}


@pytest.mark.newest_core
def test_one_wave_runs_alone_as_a_node_of_a_workflow(run_fleet: Fleet) -> None:
    vehicles = {host: {} for host in list(VINS)[:4]}

    result = run_fleet(vehicles, "-e", "ota_fleet_waves=1,50%,100%", "-e", "ota_fleet_wave=2")

    assert result.play.returncode == 0, pretty(result)
    assert set(result.rows) == {SECOND} and set(result.outcomes()) == {VINS[SECOND]}


@pytest.mark.matrix
@pytest.mark.newest_core
@pytest.mark.parametrize("jobs", [[0], [1, 2]], ids=["one play", "a job for each wave"])
def test_of_200_vehicles_none_begins_after_a_wave_with_too_many_failures(run_fleet: Fleet, jobs: list[int]) -> None:
    """Which nodes of the workflow follow a wave that failed is in tests/unit/test_aap_files.py."""
    failing = ("vehicle_005", "vehicle_009")  # of the 19 of the second wave
    for host in failing:
        run_fleet.sums.set_vehicle(VINS[host], outcome="FAILED")
    campaign = {"ota_fleet_waves": [1, "10%", "100%"], "ota_fleet_stop_at_fail_percentage": 10}

    for job in jobs:
        of_job = {"ota_fleet_wave": job, "ota_vehicles": list(VINS)} if job else {}
        result = run_fleet({host: {} for host in VINS}, "-e", json.dumps({**campaign, **of_job}), forks=20)
        assert (result.play.returncode == 0) is (job == 1), pretty(result)

    begun = {VINS[host]: "FAIL" if host in failing else "PASS" for host in list(VINS)[:20]}
    assert result.outcomes() == begun
    assert {one["vin"] for one in run_fleet.sums.state()["deployments"]} == begun.keys()
    if jobs == [0]:
        assert [row[1] for row in result.rows.values()].count("NOT_BEGUN") == 180


@pytest.mark.newest_core
def test_waves_that_are_none_are_refused_before_anything_begins(run_fleet: Fleet) -> None:
    result = run_fleet({FIRST: {}, SECOND: {}}, "-e", "ota_fleet_waves=1")

    assert result.play.returncode != 0
    assert "ota_fleet_waves is 1, which ends with 1 of 2 vehicles; end it with 100%." in result.play.output
    assert result.sums.requests() == []


@pytest.mark.parametrize("hosts", ["no_such_group", "all"])
def test_a_fleet_without_vehicles_is_refused_in_one_sentence(run_fleet: Fleet, hosts: str) -> None:
    vehicles = {} if hosts == "all" else {FIRST: {}}

    result = run_fleet(vehicles, "-e", f"ota_hosts={hosts}")

    assert result.play.returncode != 0
    (said,) = [task.result["msg"] for task in result.play.tasks if task.outcome == "failed"]
    assert said == f"No host matches {hosts}; give an inventory with one host per vehicle."
    assert "Traceback" not in result.play.output and "ERROR!" not in result.play.output
    assert result.sums.requests() == []


@pytest.mark.newest_core
def test_hosts_that_are_one_vehicle_are_refused_before_anything_is_created(run_fleet: Fleet) -> None:
    result = run_fleet({FIRST: {}, SECOND: {}, THIRD: {"hatci_vin": VINS[FIRST].lower()}})

    assert result.play.returncode != 0
    (said,) = [task.result["msg"] for task in result.play.tasks if task.outcome == "failed"]
    assert said.startswith(f"{FIRST} and {THIRD} have the same hatci_vin, {VINS[FIRST]}") and said.endswith("created.")
    assert result.sums.requests() == []


def test_check_mode_promises_nothing_and_changes_nothing(run_fleet: Fleet) -> None:
    result = run_fleet({FIRST: {}, SECOND: {}}, "--check")

    assert result.play.returncode == 0, pretty(result)
    assert {request["method"] for request in result.sums.requests()} == {"GET"}
    assert set(result.rows) == {FIRST, SECOND}


def test_a_device_is_given_back_when_its_own_update_ends(run_fleet: Fleet) -> None:
    with updates_that_end_in_turn(run_fleet.sums, VINS[SECOND], VINS[FIRST]):
        result = run_fleet(
            {FIRST: {}, SECOND: {}},
            jumpstarter_exporter_template=VEHICLE_TEMPLATE,
            jumpstarter_exporter_name="{{ inventory_hostname }}",
            hatci_lab_sums_url=run_fleet.sums.url,
            hatci_lab_state_file="{{ jumpstarter_exporters_dir }}/{{ inventory_hostname }}.json",
            ota_verify_ecus=True,
        )

    assert result.play.returncode == 0, pretty(result)
    given_back = result.position(SECOND, "jumpstarter_lease", state="release")
    assert given_back < result.position(FIRST, "hatci_update_status")
    assert result.report_time(VINS[SECOND]) < result.update_ended(VINS[FIRST])
    took, held = ({host: int(row[column]) for host, row in result.rows.items()} for column in (3, 4))
    assert all(0 <= held[host] <= took[host] for host in (FIRST, SECOND)), "not up to the end of the play"
    assert not is_locked(result.play.home, FIRST) and not is_locked(result.play.home, SECOND)
