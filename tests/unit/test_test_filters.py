# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test says at its end, and what its report holds."""

from __future__ import annotations

import shlex
import time
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hatci.automation.plugins.filter import (
    artifact_urls,
    batch_size,
    console_look,
    keep_seconds,
    report_metadata,
    suite_metadata,
    template_problem,
    test_corrected,
    test_failure,
    test_handed_over,
    test_metadata,
    test_report,
    test_result,
    test_success,
    test_told,
    time_left,
    update_end,
    workflow_verdict,
)
from ansible_collections.hatci.automation.plugins.test.lost_record import lost_record

SCENARIO = {"name": "power_loss", "expect": "restored", "within": None}
DONE = {"state": "COMPLETE"}
KEPT = {"kept_until": "12:40", "enter": "jmp shell --lease L", "give_back": "jmp delete leases L"}
RESULT = {"vin": "1HGBH41JXMN109186", "test_event_id": "te-1", "deployment_id": "deploy-1"}


def filter_of(module: t.Any) -> t.Callable[..., t.Any]:
    [(_name, function)] = module.FilterModule().filters().items()
    return t.cast("t.Callable[..., t.Any]", function)


success, told, metadata, report, urls, left, result_of = map(
    filter_of, (test_success, test_told, test_metadata, report_metadata, artifact_urls, time_left, test_result)
)
corrected, reported, ended, kept_for, of_suite = map(
    filter_of, (test_corrected, test_report, update_end, keep_seconds, suite_metadata)
)
batch, console, failure, verdict = map(filter_of, (batch_size, console_look, test_failure, workflow_verdict))
handed_over = filter_of(test_handed_over)


@pytest.mark.parametrize(
    ("arguments", "summary"),
    [
        ({}, "Update to B ended COMPLETE."),
        ({"checks": ["target"]}, "Update to B ended COMPLETE, ECU versions verified over serial."),
        (
            {"checks": ["identity", "target"], "by_uds": True},
            "Update to B ended COMPLETE, verified by UDS: identity, target.",
        ),
        ({"by_uds": True}, "Update to B ended COMPLETE."),
        ({"scenario": SCENARIO, "end": {"summary": "It was restored."}}, "Scenario power_loss: It was restored."),
    ],
)
def test_a_success_says_what_it_rests_on(arguments: dict[str, t.Any], summary: str) -> None:
    assert success(DONE, "B", **arguments) == {"outcome": "PASS", "summary": summary}


@pytest.mark.parametrize(("state", "is_good"), [("COMPLETED", True), ("Sent", True), ("PENDING", False), ("", False)])
def test_an_update_that_was_not_waited_for_proves_nothing(state: str, is_good: bool) -> None:
    ended = success({"state": state}, "B", success_states=["COMPLETE", "SENT"])
    assert (ended["outcome"] == "PASS") is is_good
    if not is_good:
        assert ended["outcome"] == "ERROR" and f"its state is {state or 'unknown'}." in ended["summary"]


@pytest.mark.parametrize("success_states", ["", "DONE, COMPLETE", []])
def test_states_may_be_a_text_or_left_to_their_default(success_states: t.Any) -> None:
    assert success(DONE, "B", success_states=success_states)["outcome"] == "PASS"


def test_check_mode_proves_nothing() -> None:
    ended = success({}, "B", ["target"], scenario=SCENARIO, check_mode=True)
    assert ended["outcome"] == "CHECKED"
    assert told(ended, {**RESULT, "test_event_id": "te-check"}).startswith("CHECK MODE 1HGBH41JXMN109186: The test can")


def test_a_test_that_did_not_begin_tells_the_reason_alone() -> None:
    test = {"outcome": "ERROR", "summary": "Check SUMS: it is away.", "reason": "it is away."}
    assert told(test, {"vin": "", "test_event_id": ""}) == "it is away."
    assert told(test, RESULT) == "ERROR 1HGBH41JXMN109186: Check SUMS: it is away."


def test_what_went_wrong_afterwards_is_told_too() -> None:
    said = told({"outcome": "FAIL", "summary": "It is dark."}, RESULT, ["The lease stays.", "SUMS is away."])
    assert said == "FAIL 1HGBH41JXMN109186: It is dark. The lease stays. SUMS is away."
    said = told({"outcome": "PASS", "summary": "It is done."}, RESULT, ["The lease stays."])
    assert said == "ERROR 1HGBH41JXMN109186: It is done. The lease stays."


def test_a_test_that_ran_out_of_time_names_the_command_that_goes_on() -> None:
    late = {"outcome": "TIMEOUT", "summary": "It did not end."}
    said = told(late, RESULT, go_on="vehicle_001")
    assert said.endswith("ota_hosts=vehicle_001 -e hatci_test_event_id=te-1 -e hatci_deployment_id=deploy-1.")
    for other in (
        told(late, RESULT),
        told(late, {**RESULT, "deployment_id": ""}, go_on="vehicle_001"),
        told({**late, "outcome": "FAIL"}, RESULT, go_on="vehicle_001"),
    ):
        assert "go on" not in other


def test_a_test_that_is_handed_over_names_the_command_that_goes_on() -> None:
    left = {"test_event_id": "te-1", "deployment_id": "deploy-1", "seconds": 60}
    go_on = (
        "To go on with it: ansible-playbook hatci.automation.ota_resume -i INVENTORY -e ota_hosts=vehicle_001 "
        "-e hatci_test_event_id=te-1 -e hatci_deployment_id=deploy-1"
    )
    begin = "Test event te-1 of 1HGBH41JXMN109186 was handed over with deployment deploy-1"
    assert handed_over(left, RESULT["vin"], "vehicle_001", kept={}) == f"{begin}. {go_on}"
    leased = f"{begin}; the device stays leased until 12:40. {go_on}"
    assert handed_over(left, RESULT["vin"], "vehicle_001", kept=KEPT) == leased


def test_a_command_that_goes_on_can_be_pasted_whatever_names_are() -> None:
    odd = {**RESULT, "deployment_id": "d;reboot"}
    late = {"outcome": "TIMEOUT", "summary": "It did not end."}
    for said in (
        told(late, odd, go_on="vehicle 1; reboot").removesuffix("."),
        handed_over(odd, "V", "vehicle 1; reboot"),
    ):
        words = shlex.split(said.partition("To go on with it: ")[2], comments=True)
        assert words[4:] == [
            *("-e", "ota_hosts=vehicle 1; reboot"),
            *("-e", "hatci_test_event_id=te-1", "-e", "hatci_deployment_id=d;reboot"),
        ]


def test_a_device_that_is_kept_is_told_with_the_way_in_and_out() -> None:
    said = told({"outcome": "FAIL", "summary": "It is dark."}, RESULT, kept=KEPT, console="/e/console.log")
    assert said.endswith(
        "The device stays leased until 12:40; its console is recorded in /e/console.log. To enter it: "
        "jmp shell --lease L ; to give it back sooner: jmp delete leases L"
    )
    assert "recorded" not in told({"outcome": "FAIL", "summary": "It is dark."}, RESULT, kept=KEPT)


def test_metadata_of_a_user_win_over_what_is_known_and_those_of_a_suite_win_over_all() -> None:
    known = metadata({"bench": "B7"}, job_url="https://aap/17", scenario=SCENARIO, suite={"cycle": 3})
    expected = {"job_url": "https://aap/17", "scenario": "power_loss", "expect": "restored", "bench": "B7", "cycle": 3}
    assert known == expected
    assert metadata({"job_url": "mine", "cycle": 1}, job_url="https://aap/17", suite={"cycle": 3}) == {
        "job_url": "mine",
        "cycle": 3,
    }
    assert metadata(None) == {}


def test_a_report_keeps_what_the_vehicle_said_and_how_it_was_disturbed() -> None:
    last = {"table": ["row"], "differences": ["d"], "record": {"vin": "V"}, "failed": True}
    kept = report({"bench": "B7"}, "FAIL", {"before": {"vin": "V"}}, last, [{"name": "power_off"}], {"job": "17"})
    vehicle = {"before": {"vin": "V"}, "table": ["row"], "differences": ["d"], "new_codes": [], "last": {"vin": "V"}}
    disturbed = {"disturbances": [{"name": "power_off"}], "resumed": {"job": "17"}}
    assert kept == {"outcome": "FAIL", "vehicle": vehicle, "bench": "B7", **disturbed}
    assert report({}, "PASS") == {"outcome": "PASS"}


def test_urls_of_a_user_come_before_those_of_the_evidence() -> None:
    assert urls("a,b", ["c"]) == urls(["a", "b"], ["c"]) == ["a", "b", "c"]
    assert urls("", ["c"]) == ["c"]
    assert urls("") == []
    assert urls("a,b") == "a,b"


def test_time_that_disturbances_took_counts_in_a_scenario_only() -> None:
    assert left(3600, {}, deployed=time.time() - 900) == 3600
    assert left(3600, SCENARIO) == 3600
    assert left(3600, {**SCENARIO, "within": 600}) == 600
    assert left("3600", SCENARIO, deployed=time.time() - 900) == pytest.approx(2700, abs=5)
    assert left(60, SCENARIO, deployed=time.time() - 900) == 1


def test_a_pass_after_which_something_went_wrong_is_none() -> None:
    ended = {"outcome": "PASS", "summary": "It is done."}
    assert result_of(ended)["outcome"] == "PASS"
    troubled = result_of(ended, ["The lease stays."], scenario=SCENARIO, target_event_id="e-2")
    assert (troubled["outcome"], troubled["failure_outcome"]) == ("ERROR", "PASS")
    assert troubled["summary"] == "It is done. The lease stays."
    assert (troubled["scenario"], troubled["expect"], troubled["ids"]["target_event_id"]) == (
        "power_loss",
        "restored",
        "e-2",
    )
    assert result_of({**ended, "outcome": "FAIL"}, ["The lease stays."])["outcome"] == "FAIL"


def test_sums_is_told_pass_or_fail_and_any_other_outcome_in_words() -> None:
    assert reported({"outcome": "PASS", "summary": "Done."}) == {"status": "PASS", "summary": "Done."}
    assert reported({"outcome": "CHECKED", "summary": "It can."}) == {"status": "PASS", "summary": "It can."}
    assert reported({"outcome": "FAIL", "summary": "Low."}) == {"status": "FAIL", "summary": "Low."}
    assert reported({"outcome": "TIMEOUT", "summary": "Slow."}) == {"status": "FAIL", "summary": "TIMEOUT: Slow."}


@pytest.mark.parametrize("outcome", ["PASS", "FAIL"])
def test_a_test_whose_device_was_lost_says_nothing_of_the_vehicle(outcome: str) -> None:
    lost = corrected({"outcome": outcome, "summary": "As it was."}, "device_lost")
    assert lost["outcome"] == "ERROR"
    assert ("Until then: As it was." in lost["summary"]) is (outcome == "FAIL")
    assert corrected({"outcome": outcome, "summary": "As it was."}, "device_not_given_back")["outcome"] == "ERROR"


def test_a_failed_update_says_what_the_vehicle_says() -> None:
    failed = {"outcome": "FAIL", "summary": "It ended FAILED."}
    has_all, lacks = (
        corrected(failed, "vehicle_looked_at"),
        corrected(failed, "vehicle_looked_at", ["MCU: B", "TCU: C"]),
    )
    assert has_all["summary"] == "It ended FAILED. The vehicle, however, has the target software."
    assert lacks == {**failed, "summary": "It ended FAILED. Of the target the vehicle lacks: MCU: B; TCU: C."}


@pytest.mark.parametrize(
    ("result", "state", "reason"),
    [
        ({"state": "COMPLETE", "msg": "not a reason"}, "COMPLETE", ""),
        ({"failed": True, "outcome": "FAIL", "state": "FAILED", "reason": "low battery"}, "FAILED", "low battery"),
        ({"failed": True, "outcome": "TIMEOUT", "state": "IN_PROGRESS", "msg": "too slow"}, "TIMEOUT", "too slow"),
        ({"failed": True, "msg": "SUMS is away"}, "UNKNOWN", "SUMS is away"),
        ({"skipped": True}, "UNKNOWN", ""),
    ],
)
def test_a_wait_ends_in_a_state_with_a_reason(result: dict[str, t.Any], state: str, reason: str) -> None:
    assert ended(result) == {"state": state, "reason": reason, "timestamps": {}, "point": {}}


def test_a_wait_for_a_point_keeps_how_it_was_reached() -> None:
    point = {"reached": True, "state": "IN_PROGRESS", "progress": 41.0, "seen_at": "12:00"}
    assert ended({**point, "timestamps": {"started": "11:59"}, "vin": "V"}) == {
        "state": "IN_PROGRESS",
        "reason": "",
        "timestamps": {"started": "11:59"},
        "point": point,
    }


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [
        (("FAIL",), 600.0),
        (("PASS",), 0.0),
        (("CHECKED",), 0.0),
        (("ERROR", {"ends_suite": False}), 0.0),
        (("ERROR", {"ends_suite": True}), 600.0),
        (("ERROR", {}, True), 0.0),
    ],
)
def test_only_a_test_that_did_not_pass_and_that_nothing_follows_keeps_its_device(
    arguments: tuple[t.Any, ...], seconds: float
) -> None:
    assert kept_for("600", *arguments) == seconds
    assert kept_for("", *arguments) == 0.0


def test_a_suite_tells_its_test_events_apart() -> None:
    step = {"name": "power_loss", "kind": "test", "cycle": 2, "cycles": 3, "begins": "source"}
    assert of_suite({}) == {}
    assert of_suite(step) == {"scenario": "power_loss", "cycle": 2, "cycles": 3}
    assert of_suite({**step, "cycles": 1}) == {"scenario": "power_loss"}
    assert of_suite({**step, "kind": "return"}) == {"suite_step": "return to the source", "before": "power_loss"}


@pytest.mark.parametrize(
    ("result", "is_lost"),
    [({"lost_record": True}, True), ({"status": 404}, True), ({"status": {}}, False), ("", False)],
)
def test_a_lost_record_is_told_from_another_failure(result: t.Any, is_lost: bool) -> None:
    assert lost_record(result) is is_lost


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("Error while\n evaluating '/x.j2': 'can' is undefined. Hint: 'can' is undefined", "can is undefined"),
        ("'can' is undefined; 'port' is undefined", "can and port is undefined"),
        ("template error: unexpected '}'...", "template error: unexpected '}'"),
        ("x" * 400, "x" * 300),
    ],
)
def test_a_template_that_cannot_be_rendered_says_what_it_lacks(said: str, problem: str) -> None:
    assert filter_of(template_problem)(said) == problem


@pytest.mark.parametrize(("given", "size"), [("100%", 30), ("20%", 6), ("1%", 1), (7, 7), ("7", 7)])
def test_a_batch_is_a_number_or_a_share_of_the_vehicles(given: t.Any, size: int) -> None:
    assert batch(30, given) == size


@pytest.mark.parametrize("given", ["all", "", "-1", None, "0"])
def test_a_batch_that_is_neither_is_refused_by_name(given: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"A batch is .*; give a number of vehicles or a share such as 20%\."):
        batch(30, given)


def test_a_console_is_read_as_a_look_at_the_vehicle() -> None:
    look = console("ECU Gateway part=GW-2024-001 sw=2.0.0\nEND")
    (ecu,) = look["ecus"]
    assert (ecu["name"], ecu["part_number"], ecu["sw_version"]) == ("Gateway", "GW-2024-001", "2.0.0")
    assert (look["vin"], look["voltage"]) == (None, None)
    assert console("")["ecus"] == []


def test_a_failure_that_ansible_tells_nothing_of_has_an_outcome() -> None:
    assert failure({}, None, None, None)["outcome"] == "ERROR"
    assert failure({"msg": "refused"}, "Fix the target event")["summary"] == "Fix the target event: refused"


def test_a_workflow_without_tests_has_not_passed() -> None:
    assert verdict({}) and verdict(None, ["vehicle_001"])
    assert verdict({"vehicle_001": {"outcome": "PASS"}}, ["vehicle_001"]) == []
