# SPDX-License-Identifier: GPL-3.0-or-later
"""A scenario: what people may write, what becomes of it, and what is refused in one sentence."""

from __future__ import annotations

import typing as t

import pytest
from fuzz_support import anything
from hypothesis import given

from ansible_collections.hatci.automation.plugins.filter.disturbance_calls import disturbance_calls
from ansible_collections.hatci.automation.plugins.filter.disturbance_point import disturbance_point
from ansible_collections.hatci.automation.plugins.filter.disturbance_record import disturbance_record
from ansible_collections.hatci.automation.plugins.plugin_utils.scenario import (
    KEYS,
    ScenarioRefused,
    disturbance_of,
    normalise_scenario,
    offered,
    refuse_unprovable,
    repetition_problem,
    rig_of,
)

AT = {"progress": 40}
CUT = {"at": AT, "do": "power_off"}


def one_of(**given_keys: t.Any) -> dict[str, t.Any]:
    """Return what becomes of one disturbance."""
    [disturbance] = normalise_scenario({"disturbances": [{"at": AT, **given_keys}]})["disturbances"]
    return t.cast("dict[str, t.Any]", disturbance)


def test_a_scenario_has_every_key_with_its_default() -> None:
    scenario = normalise_scenario({"name": "cut", "disturbances": [CUT]})

    assert scenario == {
        "name": "cut",
        "purpose": "",
        "clause": "",
        "disturbances": [
            {
                "at": {"progress": 40.0},
                "do": "power_off",
                "commands": [],
                "tasks": "",
                "undo": ["j power on"],
                "for": 20.0,
                "proof": "unreachable",
            }
        ],
        "expect": "completed",
        "within": None,
        "repeat": 1,
        "offer": "target",
    }


@pytest.mark.parametrize("empty", [{}, None, ""])
def test_an_empty_scenario_is_none(empty: t.Any) -> None:
    assert normalise_scenario(empty) == {}


@pytest.mark.parametrize("at", [{"progress": "12.5"}, {"state": "INSTALLING"}, {"seconds": 0}])
def test_a_point_is_a_progress_a_state_or_seconds(at: dict[str, t.Any]) -> None:
    [(kind, _point)] = at.items()

    assert list(one_of(do="power_off", at=at)["at"]) == [kind]


@pytest.mark.parametrize(
    "written",
    [
        {"do": {"commands": ["relay off"]}},
        {"commands": ["relay off"]},
        {"do": "commands", "commands": ["relay off"]},
    ],
)
def test_commands_can_be_written_in_several_ways(written: dict[str, t.Any]) -> None:
    disturbance = one_of(**written, undo=["relay on"])

    assert (disturbance["do"], disturbance["commands"]) == ("commands", ["relay off"])
    assert (disturbance["undo"], disturbance["for"], disturbance["proof"]) == (["relay on"], 20.0, "commands")


def test_what_needs_no_undo_lasts_no_time() -> None:
    disturbance = one_of(do={"tasks": "reset.yml"})

    assert (disturbance["tasks"], disturbance["undo"], disturbance["for"]) == ("reset.yml", [], 0.0)


@pytest.mark.parametrize(
    "command",
    [
        "j power off",
        "echo off && j power  off",
        "(j power off --now)",
        "sh -c 'j power off'",
        "j --log-level=ERROR power off",
    ],
)
def test_power_that_commands_cut_is_switched_on_again(command: str) -> None:
    disturbance = one_of(commands=["relay off", command], **{"for": 30})

    assert (disturbance["undo"], disturbance["for"]) == (["j power on"], 30.0)
    assert one_of(commands=[command], undo=["relay on"])["undo"] == ["relay on"]
    with pytest.raises(ScenarioRefused, match="undo of disturbance 1 of ota_scenario is an empty list"):
        one_of(commands=[command], undo=[])


@pytest.mark.parametrize("written", [{"commands": ["relay off"]}, {"do": {"tasks": "relay.yml"}}])
def test_what_is_not_undone_cannot_last(written: dict[str, t.Any]) -> None:
    with pytest.raises(ScenarioRefused, match="is 30, but nothing is undone then; give undo, a list of commands"):
        one_of(**written, **{"for": 30})


@pytest.mark.parametrize(("seconds", "is_refused"), [(59, False), (60, True)])
def test_a_disturbance_after_the_end_of_its_test_is_refused(seconds: int, is_refused: bool) -> None:
    late = {"disturbances": [{"at": {"seconds": seconds}, "do": "power_off"}]}
    assert normalise_scenario(late)["within"] is None
    if is_refused:
        with pytest.raises(ScenarioRefused, match="comes after 60 s, but within ends the test after 60 s"):
            normalise_scenario({**late, "within": 60})
    else:
        assert normalise_scenario({**late, "within": 60})["within"] == 60


def test_a_proof_may_hold_only_meanwhile() -> None:
    commands = {"commands": ["relay off"], "undo": ["relay on"]}
    proof = {"commands": ["relay is-off"], "meanwhile": True}
    assert one_of(**commands, proof=proof)["proof"] == proof
    assert one_of(**commands, proof={**proof, "meanwhile": False})["proof"] == {"commands": ["relay is-off"]}
    with pytest.raises(ScenarioRefused, match="has meanwhile, but nothing is undone; give undo, a list of commands"):
        one_of(commands=["reset"], proof=proof)
    with pytest.raises(ScenarioRefused, match="meanwhile of proof of disturbance 1 of ota_scenario is the text 'yes'"):
        one_of(**commands, proof={**proof, "meanwhile": "yes"})


IS_OFF = {"commands": ["relay is-off"]}


@pytest.mark.parametrize(
    ("written", "calls"),
    [
        ({"do": "power_off"}, (["j power off"], "unreachable", [], "unreachable", "none")),
        ({"do": "power_off", "proof": "power"}, (["j power off"], "power", [], "none", "none")),
        ({"commands": ["reset"]}, (["reset"], "commands", [], "none", "none")),
        ({"commands": ["reset"], "proof": "unreachable"}, (["reset"], "unreachable", [], "none", "none")),
        (
            {"commands": ["net off"], "undo": ["net on"], "proof": {**IS_OFF, "meanwhile": True}},
            (["net off"], "commands", ["relay is-off"], "commands", "commands"),
        ),
        (
            {"commands": ["net off"], "undo": ["net on"], "proof": IS_OFF},
            (["net off"], "commands", ["relay is-off"], "none", "none"),
        ),
    ],
)
def test_a_disturbance_is_proven_while_it_lasts_and_over_afterwards(
    written: dict[str, t.Any], calls: tuple[t.Any, ...]
) -> None:
    names = ("commands", "proof", "proof_commands", "lasting_proof", "undone_proof")
    planned = one_of(**written)
    assert disturbance_calls(planned) == {**planned, "calls": dict(zip(names, calls, strict=True))}


@pytest.mark.parametrize(
    ("repeat", "in_suite", "is_refused"), [(1, False, False), (50, True, False), (50, False, True)]
)
def test_cycles_are_made_by_a_suite_alone(repeat: int, in_suite: bool, is_refused: bool) -> None:
    problem = repetition_problem(normalise_scenario({"name": "often", "repeat": repeat}), in_suite=in_suite)
    told = "The scenario often has 50 cycles, of which one test makes one; run it by the playbook ota_suite, "
    assert problem == (f"{told}in ota_suite instead of ota_scenario." if is_refused else "")
    assert repetition_problem({}, in_suite=False) == ""


@pytest.mark.parametrize("expect", ["completed", "refused", "restored", "completed_or_restored"])
@pytest.mark.parametrize("written", [{"commands": ["cancel"]}, {"commands": ["net off"], "undo": ["net on"]}])
def test_what_an_update_has_to_bear_has_not_ended_it_at_once(written: dict[str, t.Any], expect: str) -> None:
    is_to_be_borne = "undo" in written and expect == "completed_or_restored"
    assert recorded(written, "FAILED", expect=expect)["proven"] == (not is_to_be_borne)
    assert recorded(written, "INSTALLING", expect=expect)["proven"]


def test_that_a_file_of_tasks_ran_proves_nothing() -> None:
    assert one_of(do={"tasks": "reset.yml"})["proof"] == "unreachable"


def test_the_labs_own_command_can_be_the_proof() -> None:
    disturbance = one_of(do="power_off", proof={"commands": ["relay is-off"]})

    assert disturbance["proof"] == {"commands": ["relay is-off"]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], "ota_scenario is a list; give a mapping of name, purpose, clause"),
        ({"expects": "refused"}, "ota_scenario has expects; give name, purpose, clause"),
        ({"name": "a b"}, "name of ota_scenario is the text 'a b'; give up to 80 letters"),
        ({"expect": "fails"}, "expect of ota_scenario is the text 'fails'; give one of completed, refused, restored"),
        ({"offer": 7}, "offer of ota_scenario is the number 7; give one of target, wrong_part_number, source."),
        ({"within": 0}, "within of ota_scenario is the number 0; give seconds as a number, more than 0"),
        ({"within": True}, "within of ota_scenario is the boolean true; give seconds"),
        ({"repeat": 1.5}, "repeat of ota_scenario is the number 1.5; give a whole number"),
        ({"repeat": float("inf")}, "repeat of ota_scenario is the number inf; give a whole number"),
        ({"purpose": 7}, "purpose of ota_scenario is the number 7; give text."),
        ({"disturbances": CUT}, "disturbances of ota_scenario is a mapping; give a list."),
        ({"disturbances": [CUT] * 21}, "ota_scenario has 21 disturbances; give 20 at the most."),
        ({"disturbances": [{"do": "power_off"}]}, "at of disturbance 1 of ota_scenario is not given; give a mapping"),
        ({"disturbances": [{**CUT, "at": {}}]}, "has 0 points; give one of progress, state and seconds."),
        ({"disturbances": [{**CUT, "at": {"progress": 0}}]}, "is the number 0; give percent, more than 0"),
        ({"disturbances": [{**CUT, "at": {"progress": "nan"}}]}, "is the text 'nan'; give percent"),
        ({"disturbances": [{**CUT, "at": {"seconds": -1}}]}, "is the number -1; give seconds as a number, 0 or more"),
        ({"disturbances": [CUT, {"at": AT}]}, "disturbance 2 of ota_scenario does not say what it does; give one of"),
        ({"disturbances": [{**CUT, "do": "explode"}]}, "is the text 'explode'; give power_off, commands: [...] or"),
        ({"disturbances": [{**CUT, "commands": ["x"]}]}, "is the text 'power_off' with commands; give power_off,"),
        ({"disturbances": [{"at": AT, "commands": "x"}]}, "is the text 'x'; give a list of commands"),
        ({"disturbances": [{"at": AT, "commands": []}]}, "is an empty list; give a list of commands"),
        ({"disturbances": [{"at": AT, "commands": ["x"], "tasks": "y"}]}, "has both commands and tasks; give one of"),
        ({"disturbances": [{"at": AT, "do": {"commands": ["x"], "tasks": "y"}}]}, "must have one of commands and"),
        ({"disturbances": [{**CUT, "undo": []}]}, "undo of disturbance 1 of ota_scenario is an empty list; give"),
        ({"disturbances": [{**CUT, "undo": "on"}]}, "is the text 'on'; give power_on or a list of commands."),
        ({"disturbances": [{**CUT, "for": "long"}]}, "is the text 'long'; give seconds as a number, 0 or more"),
        ({"disturbances": [{**CUT, "proof": "seen"}]}, "is the text 'seen'; give one of unreachable, power, commands"),
        (
            {"disturbances": [{"at": AT, "tasks": "reset.yml", "proof": "commands"}]},
            "proof of disturbance 1 of ota_scenario is commands, but it has none; give proof: {commands: [...]}.",
        ),
        ({"disturbances": [{**CUT, "proof": "commands"}]}, "is commands, but it has none; give proof:"),
        ({"disturbances": [{**CUT, "after": 7}]}, "disturbance 1 of ota_scenario has after; give at, do, commands"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(value: t.Any, expected: str) -> None:
    with pytest.raises(ScenarioRefused) as refused:
        normalise_scenario(value)

    assert expected in refused.value.message


@pytest.mark.parametrize(
    "disturbance",
    [
        CUT,
        {"at": {"seconds": 3}, "do": {"tasks": "reset.yml"}, "proof": "none"},
        {
            "at": {"state": "INSTALLING"},
            "commands": ["off"],
            "undo": ["on"],
            "for": 5,
            "proof": {"commands": ["is-off"]},
        },
    ],
)
def test_a_complete_scenario_can_be_given_again(disturbance: dict[str, t.Any]) -> None:
    once = normalise_scenario({"name": "x", "within": 60, "disturbances": [disturbance]})

    assert normalise_scenario(once) == once


@given(anything)
def test_whatever_is_given_is_a_whole_scenario_or_refused_in_words(value: t.Any) -> None:
    for given_value in (value, {"name": value}, {"disturbances": [{"at": value, "do": value}]}):
        try:
            scenario = normalise_scenario(given_value)
        except ScenarioRefused as refused:
            assert refused.as_result()["msg"].endswith(".")
        else:
            assert scenario == {} or tuple(scenario) == KEYS
            assert normalise_scenario(scenario) == scenario


ECUS = [{"ecu_name": "Gateway", "part_number": "GW-1", "sw_version": "2.0.0"}]
VARIABLES = {
    "hatci_vin": "V",
    "hatci_source_ecus": [{"ecu_name": "Gateway", "part_number": "GW-1", "sw_version": "1.0.0"}],
    "hatci_target_ecus": ECUS,
    "hatci_source_build_level": "old",
    "hatci_target_build_level": "new",
    "hatci_target_remark": "remark",
}


def test_the_target_is_offered_as_it_is() -> None:
    assert offered(VARIABLES, "target") == VARIABLES


def test_a_wrong_part_number_is_one_that_no_ecu_has() -> None:
    wrong = offered(VARIABLES, "wrong_part_number")

    assert wrong["hatci_target_ecus"] == [{**ECUS[0], "part_number": "GW-1-WRONG"}]
    assert {**wrong, "hatci_target_ecus": ECUS} == VARIABLES


def test_a_rollback_offers_the_source() -> None:
    swapped = offered(VARIABLES, "source")

    assert (swapped["hatci_source_build_level"], swapped["hatci_target_build_level"]) == ("new", "old")
    assert (swapped["hatci_source_ecus"], swapped["hatci_target_ecus"]) == (ECUS, VARIABLES["hatci_source_ecus"])
    assert swapped["hatci_source_remark"] == "remark" and "hatci_target_remark" not in swapped
    assert offered(swapped, "source") == VARIABLES


@pytest.mark.parametrize(
    ("proof", "rig", "problem"),
    [
        (
            "unreachable",
            {"has_device": False, "has_ecus": True},
            "but no device is leased; set jumpstarter_exporter_name",
        ),
        ("unreachable", {"has_device": True, "has_ecus": False}, "by ECUs that do not answer; set ota_vehicle_ecus."),
        ("power", {"has_device": True, "has_ecus": False}, ""),
        ("unreachable", {"has_device": True, "has_ecus": True}, ""),
    ],
)
def test_what_a_rig_cannot_do_or_prove_is_refused(proof: str, rig: dict[str, bool], problem: str) -> None:
    scenario = normalise_scenario({"disturbances": [{**CUT, "proof": proof}]})
    if not problem:
        refuse_unprovable(scenario, **rig)
        return
    with pytest.raises(ScenarioRefused, match=problem):
        refuse_unprovable(scenario, **rig)


def test_the_plain_test_needs_nothing_of_the_rig() -> None:
    refuse_unprovable({}, has_device=False, has_ecus=False)


PLANNED = normalise_scenario({"disturbances": [CUT]})["disturbances"][0]
POINT = {"reached": True, "state": "INSTALLING", "status": {"progress": 41}}


def test_a_disturbance_is_recorded_with_its_proof() -> None:
    record = disturbance_of(
        PLANNED,
        POINT,
        {"acted": True, "problem": "", "began": 0.0, "done": 1.5},
        {"state": "INSTALLING"},
        {"proven": True, "measured": "0 of 2 ECUs answered", "problem": ""},
        {"ended": 20.25},
        {"state": "INSTALLING", "status": {"progress": 43}},
    )

    assert record == {
        "name": "power_off",
        "what": "j power off",
        "at": {"progress": 40.0},
        "reached": True,
        "state": "INSTALLING",
        "progress": 41,
        "state_after": "INSTALLING",
        "progress_after": 43,
        "began": "1970-01-01T00:00:00.000Z",
        "acted": "1970-01-01T00:00:01.500Z",
        "ended": "1970-01-01T00:00:20.250Z",
        "proof": "unreachable",
        "measured": "0 of 2 ECUs answered",
        "proven": True,
        "problem": "",
    }


@pytest.mark.parametrize(
    ("results", "problem"),
    [
        ([{"reached": False, "state": "COMPLETE"}, {}, {}, {}], "the deployment ended COMPLETE before it came to"),
        ([{"reached": False, "state": "PENDING", "msg": "It stands still."}, {}, {}, {}], "It stands still."),
        ([POINT, {"problem": "'j power off' failed"}, {}, {"skipped": True}], "'j power off' failed"),
        ([POINT, {}, {"state": "COMPLETE"}, {"proven": True}], "the update had ended already when it was disturbed"),
        ([POINT, {}, {"state": "Installed"}, {"proven": True}], "the update had ended already when it was disturbed"),
        ([POINT, {}, {}, {"proven": False, "problem": "Gateway still answered"}], "Gateway still answered"),
        ([POINT, {}, {}, {}], "it was not proven"),
    ],
)
def test_a_disturbance_that_did_not_happen_says_why(results: list[dict[str, t.Any]], problem: str) -> None:
    point, begun, during, proven = results

    record = disturbance_of(PLANNED, point, begun, during, proven, {}, {}, ["INSTALLED"])

    assert not record["proven"]
    assert record["problem"].startswith(problem)


def recorded(written: dict[str, t.Any], during: str = "INSTALLING", **results: t.Any) -> dict[str, t.Any]:
    """Return what is recorded of a disturbance that was made and is proven, unless the results say otherwise."""
    [planned] = normalise_scenario({"disturbances": [{"at": AT, **written}]})["disturbances"]
    undone = results.pop("undone", {"ended": 20.25})
    done = ({"acted": True, "began": 0.0, "done": 1.5}, {"state": during}, {"proven": True, "problem": ""}, undone, {})
    return disturbance_of(planned, POINT, *done, [], **results)


@pytest.mark.parametrize("state", ["FAILED", "cancelled", "Error"])
@pytest.mark.parametrize(
    ("written", "can_end_it"),
    [
        ({"do": "power_off"}, False),
        ({"commands": ["j power off"]}, False),
        ({"do": {"tasks": "relay.yml"}, "proof": "power"}, False),
        ({"commands": ["cancel"]}, True),
        ({"do": {"tasks": "cancel.yml"}, "proof": "none"}, True),
    ],
)
def test_without_power_an_update_has_not_failed_by_itself(
    written: dict[str, t.Any], can_end_it: bool, state: str
) -> None:
    record = recorded(written, state)

    assert record["proven"] == can_end_it
    assert record["problem"] == ("" if can_end_it else "the update had ended already when it was disturbed")


def test_a_failure_state_of_this_sums_ends_an_update_too() -> None:
    assert recorded(CUT, "REJECTED")["proven"]
    assert not recorded(CUT, "Rejected", failure_states=["REJECTED"])["proven"]


@pytest.mark.parametrize(
    ("results", "problem"),
    [
        ({"broken": "Run my tasks: the relay is away."}, "Run my tasks: the relay is away."),
        ({"lasted": {"proven": False, "problem": "Gateway still answered"}}, "it did not last: Gateway still answered"),
        ({"undone": {"failed": True, "msg": "It could not be undone."}}, "It could not be undone."),
    ],
)
def test_what_went_wrong_with_it_is_recorded_with_the_cut_that_did_happen(
    results: dict[str, t.Any], problem: str
) -> None:
    record = recorded(CUT, **results)

    assert (record["proven"], record["problem"]) == (False, problem)
    assert record["acted"] == "1970-01-01T00:00:01.500Z"
    assert (record["ended"] is None) == ("undone" in results)


@pytest.mark.parametrize("skipped", [{"skipped": True, "changed": False}, {}, None])
def test_a_proof_that_was_not_made_once_more_says_nothing(skipped: dict[str, t.Any] | None) -> None:
    done = ({"began": 0.0}, {"state": "INSTALLING"}, {"proven": True}, {"ended": 1.0}, {"state": "INSTALLING"})
    states: dict[str, t.Any] = {"success_states": "COMPLETE,DONE", "failure_states": "FAILED, REJECTED"}
    assert disturbance_record(PLANNED, POINT, *done, **states, lasted=skipped)["proven"]
    ended = (done[0], {"state": "rejected"}, *done[2:])
    assert not disturbance_record(PLANNED, POINT, *ended, **states, lasted=skipped)["proven"]


@pytest.mark.parametrize(
    ("state", "success_states", "reached"),
    [
        ("IN_PROGRESS", ["COMPLETE"], True),
        ("complete", "Done, COMPLETE", False),
        ("DONE", "Done, COMPLETE", False),
        ("FAILED", ["COMPLETE"], False),
    ],
)
def test_at_its_time_an_update_that_has_ended_cannot_be_disturbed(
    state: str, success_states: t.Any, reached: bool
) -> None:
    waited, seen = {"skipped": True}, {"state": state, "status": {}}
    point = disturbance_point({"at": {"seconds": 3}}, waited, seen, success_states, ["FAILED"])
    assert point == {**seen, "reached": reached}


def test_at_a_progress_the_wait_has_told() -> None:
    waited = {"state": "COMPLETE", "reached": False}
    assert disturbance_point({"at": {"progress": 3}}, waited, {"skipped": True}, ["COMPLETE"], ["FAILED"]) == waited
    late = {"state": "PENDING", "msg": "It did not come to 3 %."}
    point = disturbance_point({"at": {"progress": 3}}, late, {"skipped": True}, ["COMPLETE"], ["FAILED"])
    assert point == {**late, "reached": False}


@pytest.mark.parametrize("expect", ["refused", "restored", "completed_or_restored"])
def test_an_end_that_only_the_vehicle_can_tell_needs_a_look_at_it(expect: str) -> None:
    scenario = normalise_scenario({"expect": expect})
    rig = rig_of({"ota_vehicle_checks": []})
    with pytest.raises(
        ScenarioRefused, match=f"expects the end {expect}, which only the vehicle can tell.*; set ota_vehicle_ecus"
    ):
        refuse_unprovable(scenario, **rig)
    refuse_unprovable(scenario, **rig_of({"ota_vehicle_checks": ["target"]}))
    refuse_unprovable(normalise_scenario({"expect": "completed"}), **rig)
    refuse_unprovable({}, **rig)
