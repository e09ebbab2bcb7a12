# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves: which vehicles begin together, when the next ones must not, and what is said of those."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleError

from ansible_collections.hatci.automation.plugins.lookup import fleet_serial, vehicles, wave_stop
from ansible_collections.hatci.automation.plugins.module_utils import _outcome
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation
from ansible_collections.hatci.automation.plugins.module_utils._waves import Waves, WavesUnusable

FLEET = [f"vehicle_{number:03}" for number in range(200)]
PLAN = [1, "10%", "100%"]
RUN = "1-1"
PASSED = {"outcome": "PASS", "state": "COMPLETE", "run": RUN}
FAILED = {"outcome": "FAIL", "state": "FAILED", "summary": "Low battery.", "run": RUN}


@pytest.mark.parametrize(
    ("given", "count", "sizes"),
    [
        (PLAN, 200, [1, 19, 180]),
        (PLAN, 5, [1, 4]),
        (PLAN, 1, [1]),
        ("1, 10%, 100%", 200, [1, 19, 180]),
        ("['1', '10%', '100%']", 200, [1, 19, 180]),
        ([5, 50], 20, [5, 15]),
        ("100%", 3, [3]),
        ([], 200, []),
        (None, 200, []),
        ("", 200, []),
    ],
)
def test_each_wave_counts_from_the_first_vehicle(given: t.Any, count: int, sizes: list[int]) -> None:
    assert Waves.of(given, count).sizes == sizes


@pytest.mark.parametrize(
    ("given", "threshold", "words"),
    [
        ([10, 5, "100%"], 0, "each wave counts from the first vehicle, so give growing ones."),
        ([1, "10%"], 0, "ends with 20 of 200 vehicles; end it with 100%."),
        (["some"], 0, "ota_fleet_waves has 'some'; give numbers of vehicles or shares"),
        ([0, "100%"], 0, "ota_fleet_waves has '0'"),
        ([True, "100%"], 0, "ota_fleet_waves has 'True'"),
        ([1.5, "100%"], 0, "ota_fleet_waves has '1.5'"),
        (["nan%"], 0, "ota_fleet_waves has 'nan%'"),
        ([1, "101%"], 0, "ota_fleet_waves has '101%'"),
        ([10**400], 0, "ota_fleet_waves has '1000"),
        (False, 0, "ota_fleet_waves has 'False'"),
        (PLAN, "ten", "ota_fleet_stop_at_fail_percentage is 'ten'; give a percentage as a number from 0 to 100."),
        (PLAN, 101, "ota_fleet_stop_at_fail_percentage is '101'"),
    ],
)
def test_waves_that_are_none_are_refused_in_one_sentence(given: t.Any, threshold: t.Any, words: str) -> None:
    with pytest.raises(WavesUnusable) as caught:
        Waves.of(given, 200, threshold)
    assert words in str(caught.value)


def test_a_batch_never_goes_over_the_end_of_a_wave() -> None:
    assert Waves.of(PLAN, 200).batches(50) == [1, 19, 50, 50, 50, 30]
    assert Waves.of(PLAN, 200).batches(200) == [1, 19, 180]


def run_in_waves(failing: set[str], threshold: float, plan: t.Any = None) -> list[str]:
    """Return the vehicles that began, as the playbook lets them: a batch after the other, each asked one by one."""
    results: dict[str, dict[str, t.Any]] = {host: {"ota_result": {}} for host in FLEET}
    plan = plan or PLAN
    serial = lookup(fleet_serial, ["all"], waves=plan, batch="20%")
    begun: list[str] = []
    position = 0
    for size in serial:
        batch = FLEET[position : position + size]
        position += size
        for host in batch:
            (reason,) = lookup(wave_stop, [], host=host, results=results, waves=plan, stop_at=threshold)
            if not reason:
                begun.append(host)
        for host in begun[-size:]:
            if host in batch:
                results[host]["ota_result"] = FAILED if host in failing else PASSED
    assert position == len(FLEET)
    return begun


def lookup(
    plugin: t.Any,
    terms: list[str],
    host: str = "",
    results: t.Any = None,
    fleet: t.Sequence[str] = FLEET,
    handed_on: t.Sequence[str] = (),
    **options: t.Any,
) -> list[t.Any]:
    """Return what a lookup returns in a play for the fleet."""
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import lookup_loader

    found = lookup_loader.get(f"hatci.automation.{plugin.__name__.rpartition('.')[2]}", loader=DataLoader())
    variables = {
        "groups": {"all": fleet, "ungrouped": fleet},
        "ansible_play_hosts_all": fleet,
        **({"ota_vehicles": handed_on} if handed_on else {}),
        "inventory_hostname": host,
        "hostvars": results,
    }
    return t.cast("list[t.Any]", found.run(terms, variables=variables, **options))


@pytest.fixture(autouse=True)
def _this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wave_stop, "_this_run", lambda: RUN)


@pytest.mark.parametrize(
    ("failing", "threshold", "begun"),
    [
        (set(), 0, 200),
        ({FLEET[0]}, 0, 1),
        ({FLEET[0]}, 100, 1),
        ({FLEET[5]}, 0, 20),
        ({FLEET[5]}, 10, 200),
        ({FLEET[5], FLEET[6]}, 10, 20),
        ({FLEET[19]}, 5, 20),
        ({FLEET[199]}, 0, 200),
        (set(FLEET[20:]), 0, 200),
    ],
)
def test_no_wave_begins_after_the_threshold_was_passed(failing: set[str], threshold: float, begun: int) -> None:
    assert run_in_waves(failing, threshold) == FLEET[:begun]


@pytest.mark.parametrize("position", [0, 1, 19])
def test_a_vehicle_without_an_outcome_counts_as_failed(position: int) -> None:
    results = {host: {"ota_result": PASSED} for host in FLEET[:20]}
    results[FLEET[position]] = {"ota_result": {}}
    after = FLEET[1 if position == 0 else 20]

    (reason,) = lookup(wave_stop, [], host=after, results=results, waves=PLAN, stop_at=0)

    assert reason.startswith("1 of ") and "so no further wave began" in reason


def test_an_outcome_of_another_run_counts_as_failed() -> None:
    results = {FLEET[0]: {"ota_result": {**PASSED, "run": "2-2"}}}
    assert lookup(wave_stop, [], host=FLEET[1], results=results, waves=PLAN, stop_at=0) != [""]


def test_without_waves_the_batch_stays_as_it_is() -> None:
    assert lookup(fleet_serial, ["all"], waves=[], batch="40%") == ["40%"]
    assert lookup(wave_stop, [], host=FLEET[7], results={}, waves=[], stop_at=0) == [""]


def test_one_wave_of_a_workflow_has_its_vehicles_only() -> None:
    found = [lookup(vehicles, ["all"], waves=PLAN, wave=wave)[0].split(",") for wave in (1, 2, 3)]
    assert found == [FLEET[:1], FLEET[1:20], FLEET[20:]]
    assert lookup(vehicles, ["all"], waves=PLAN) == ["all"]
    with pytest.raises(AnsibleError, match="ota_fleet_wave is 4, but ota_fleet_waves makes 3 waves of this fleet"):
        lookup(vehicles, ["all"], waves=PLAN, wave=4)


def test_later_waves_of_a_workflow_are_of_the_fleet_with_which_the_first_began() -> None:
    fleet = ["vehicle_000a", *FLEET[:3], *FLEET[4:]]
    given = {"fleet": fleet, "handed_on": FLEET, "waves": PLAN}
    found = [lookup(vehicles, ["all"], wave=wave, **given)[0].split(",") for wave in (2, 3)]
    assert found == [[*FLEET[1:3], *FLEET[4:20]], FLEET[20:]], "one was added, one is gone"
    assert lookup(vehicles, ["all"], wave=1, **given) == [fleet[0]], "the first begins anew"
    with pytest.raises(AnsibleError, match="None of the vehicles of wave 2 is in the inventory any more"):
        lookup(vehicles, ["all"], wave=2, fleet=["vehicle_900"], handed_on=FLEET, waves=PLAN)


@pytest.mark.parametrize("waves", [0, False, "0%", [1, "101%"], [2, 1]])
def test_waves_that_are_none_are_refused_before_any_vehicle_begins(waves: t.Any) -> None:
    with pytest.raises(AnsibleError, match=r"^ota_fleet_waves "):
        lookup(vehicles, ["all"], waves=waves)


@pytest.mark.parametrize("allowed", [True, "inf", "nan", 101, -1, "all"])
def test_a_share_that_is_none_lets_nothing_pass(allowed: t.Any) -> None:
    assert _outcome.verdict_of({host: FAILED for host in FLEET}, FLEET, allowed)


def summed_up(failing: t.Collection[str], threshold: float = 0, **options: t.Any) -> tuple[dict[str, t.Any], list[str]]:
    """Return the summary of a fleet that went in waves, and what was shown."""
    begun = set(run_in_waves(set(failing), threshold))
    tests = [
        {"vehicle": host, "result": (FAILED if host in failing else PASSED) if host in begun else {}, "reason": ""}
        for host in FLEET
    ]
    given = {"max_fail_percentage": 100.0, "show": True, "waves": PLAN, "stop_at_fail_percentage": threshold, **options}
    shown: list[str] = []
    return run_operation(_outcome.sum_up, {"tests": tests, **given}, False, show=shown.extend), shown


def test_vehicles_that_were_not_begun_are_never_green() -> None:
    result, _shown = summed_up({FLEET[5]})

    assert result["failed"], "although all may fail"
    assert result["failed_vehicles"] == [FLEET[5]]
    assert result["not_begun_vehicles"] == FLEET[20:]
    totals = "1 of 200 vehicles failed, 180 were not begun (19 PASS, 1 FAIL, 180 NOT_BEGUN)"
    assert result["lines"][-1] == totals
    assert result["msg"].startswith(f"{totals}: {FLEET[5]}; 1 of 19 vehicles of wave 2 failed, and ota_fleet_stop_at")
    rows = [line.split()[:2] for line in result["lines"][1:] if line.startswith("vehicle")]
    assert [row for row in rows if row[1] == "NOT_BEGUN"] == [[host, "NOT_BEGUN"] for host in FLEET[20:]]
    assert rows[-1] == [FLEET[5], "FAIL"], "failures come last"
    assert max(map(len, result["lines"])) <= 80


def test_a_failure_in_the_last_wave_is_judged_by_the_share_alone() -> None:
    result, _shown = summed_up({FLEET[150]})
    assert not result.get("failed")
    assert result["not_begun_vehicles"] == []
    assert result["lines"][-1] == "1 of 200 vehicles failed (199 PASS, 1 FAIL)"


def test_the_failed_and_the_not_begun_can_be_run_again(tmp_path: Path) -> None:
    file = tmp_path / "again"

    result, shown = summed_up({FLEET[5]}, retry_file=str(file))

    assert shown[-1] == f"To run only those 181 again: --limit @{file}"
    assert sorted(file.read_text().split()) == sorted([FLEET[5], *FLEET[20:]])
    assert result["retry_file"] == str(file)


def test_in_aap_where_a_file_is_lost_the_next_job_can_be_given_the_vehicles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB_ID", "41")
    result, shown = summed_up({FLEET[150], FLEET[160]}, retry_file=str(tmp_path / "again"))
    named = ",".join(result["failed_vehicles"])
    assert shown[-1] == f"To run only those 2 again, give a job of AAP ota_hosts: {named}"


def test_a_fleet_that_passed_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "again").write_text("vehicle_of_an_earlier_run\n")
    result, shown = summed_up(set(), retry_file=str(tmp_path / "again"))
    assert not (tmp_path / "again").exists() and result["retry_file"] == "" and "--limit" not in "".join(shown)


def test_a_file_that_cannot_be_written_is_told_and_changes_nothing_else() -> None:
    result, shown = summed_up({FLEET[150]}, retry_file="/no/such/place/again")
    assert shown[-1] == "Those to run again could not be written to /no/such/place/again: No such file or directory."
    assert not result.get("failed")


@pytest.mark.parametrize("allowed", [0.0, 100.0])
@pytest.mark.parametrize(("threshold", "is_ok"), [(0, False), (5, False), (6, True)])
def test_a_wave_that_is_a_job_of_its_own_fails_where_no_further_one_may_begin(
    threshold: float, is_ok: bool, allowed: float
) -> None:
    tests = [{"vehicle": host, "result": PASSED, "reason": ""} for host in FLEET[:20]]
    tests[3]["result"] = FAILED
    given = {"max_fail_percentage": allowed, "show": False, "stop_at_fail_percentage": threshold, "wave": 2}

    result = run_operation(_outcome.sum_up, {"tests": tests, **given}, False)

    assert result.get("failed", False) is not is_ok
    assert is_ok or "1 of 20 vehicles of wave 2 failed" in result["msg"]


@pytest.mark.parametrize(
    ("tested", "failing", "allowed", "is_ok"),
    [(200, 0, 0, True), (200, 1, 0, False), (200, 10, 5, True), (200, 11, 5, False), (199, 0, 100, False)],
)
def test_the_verdict_over_all_waves(tested: int, failing: int, allowed: float, is_ok: bool) -> None:
    handed_on = {host: FAILED if place < failing else PASSED for place, host in enumerate(FLEET[:tested])}

    failures = _outcome.verdict_of(handed_on, FLEET, allowed)

    assert (failures == []) is is_ok
    if tested < len(FLEET):
        assert failures == [f"ERROR {FLEET[-1]}: the test did not begin"]
