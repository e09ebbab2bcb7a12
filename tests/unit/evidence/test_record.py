# SPDX-License-Identifier: GPL-3.0-or-later
"""The record holds what the journal tells, by its schema, and its outcome follows from it."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import evidence_support
import pytest

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle, journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence.outcome import outcome_of
from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import make_record

WAIT = "Wait for the deployment"

Write = t.Callable[..., evidence_support.Script]


def record_of(directory: Path) -> dict[str, t.Any]:
    record = make_record(journal.read(directory))
    evidence_support.validate(record)
    return record


@pytest.mark.parametrize(
    ("write", "outcome"),
    [(evidence_support.passed, "PASS"), (evidence_support.failed, "FAIL"), (evidence_support.aborted, "ABORTED")],
)
def test_the_outcome_follows_from_the_record(write: Write, outcome: str, tmp_path: Path) -> None:
    write(tmp_path)
    if outcome == "ABORTED":
        bundle.finish_as_aborted(tmp_path)
    record = record_of(tmp_path)
    assert record["outcome"] == outcome_of(record) == outcome


def test_a_record_tells_what_was_tested_where_and_with_what(tmp_path: Path) -> None:
    evidence_support.passed(tmp_path)
    record = record_of(tmp_path)
    assert record["vehicle"]["vin"] == evidence_support.VIN
    assert record["vehicle"]["exporter"] == "vehicle_001"
    assert [ecu["sw_version"] for ecu in record["software"]["before"]["ecus"]] == ["1.0.0", "1.0.0"]
    assert [ecu["sw_version"] for ecu in record["software"]["after"]["ecus"]] == ["2.0.0", "2.0.0"]
    assert [state["state"] for state in record["deployment"]["states"]] == [
        "PENDING",
        "DOWNLOADING",
        "INSTALLING",
        "COMPLETE",
    ]
    assert record["lease"]["seconds"] == pytest.approx(802.9)
    assert record["ids"] == {
        "test_event_id": "te-000001",
        "source_event_id": "ev-000001",
        "target_event_id": "ev-000002",
        "deployment_id": "deploy-000001",
        "lease_name": "hatci-4711-vehicle-001-5f3a9c01",
    }
    assert record["versions"]["jmp"] == "0.8.1"
    assert record["drivers"] == {"jumpstarter-driver-network": "0.8.1"}
    assert "sw=2.0.0" in record["console"][0]["text"]


def test_what_was_under_way_when_the_play_died_is_told(tmp_path: Path) -> None:
    evidence_support.aborted(tmp_path)
    bundle.finish_as_aborted(tmp_path)
    record = record_of(tmp_path)
    assert [step["step"] for step in record["steps"] if step["outcome"] == "unfinished"] == [WAIT]
    assert record["deployment"]["states"][-1]["state"] == "INSTALLING"
    assert record["lease"]["released"] is None
    assert record["ended_by"] == "closer"


def test_the_states_of_a_deployment_that_was_asked_for_again_and_again_are_in_their_order(tmp_path: Path) -> None:
    """An update that is disturbed is waited for twice: to the moment of its disturbance, and to its end."""
    script = evidence_support.until_deployed(tmp_path)
    told = {"deployment_id": "deploy-000001"}
    script.state("DOWNLOADING", 3, 5)
    script.step("Wait for the moment", "hatci_update_status", 1, arguments={"wait": True}, state="DOWNLOADING", **told)
    script.step("Look", "hatci_update_status", 5, state="IN_PROGRESS", **told)
    script.state("FAILED", 3, 60)
    script.step("Wait", "hatci_update_status", 1, "failed", arguments={"wait": True}, state="FAILED", **told)

    states = record_of(tmp_path)["deployment"]["states"]

    assert [seen["state"] for seen in states] == ["DOWNLOADING", "IN_PROGRESS", "FAILED"]
    assert [seen["time"] for seen in states] == sorted(seen["time"] for seen in states)


def test_an_empty_journal_makes_a_record(tmp_path: Path) -> None:
    journal.create(tmp_path)
    journal.append(tmp_path, "test", {"vin": "1HG"})
    assert record_of(tmp_path)["outcome"] == "ABORTED"


CHECK = {"name": "codes", "passed": False, "expected": [], "measured": ["U0123-00"]}
SOURCE = {**CHECK, "name": "source"}
UNPROVEN = {"name": "power_off", "began": None, "ended": None, "proof": None, "proven": False}


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ({"checks": [CHECK]}, "FAIL"),
        ({"checks": [CHECK, SOURCE]}, "INVALID"),
        ({"checks": [{**CHECK, "passed": None}]}, "ERROR"),
        ({"checks": [{**CHECK, "means": "TIMEOUT"}]}, "TIMEOUT"),
        ({"disturbances": [UNPROVEN]}, "INVALID"),
        ({"troubles": ["The device is not back."]}, "ERROR"),
        ({"expect": "refused"}, "FAIL"),
        ({"expect": "completed_or_restored"}, "PASS"),
        ({"failed_step": "Look at the dashboard"}, "FAIL"),
        ({"failed_step": "Look at the dashboard", "failure_outcome": "ERROR"}, "ERROR"),
    ],
)
def test_what_speaks_against_a_success_is_heeded(told: dict[str, t.Any], outcome: str, tmp_path: Path) -> None:
    script = evidence_support.passed(tmp_path)
    script.line("result", **told)
    assert outcome_of(record_of(tmp_path)) == outcome


@pytest.mark.parametrize(("expect", "outcome"), [("refused", "PASS"), ("restored", "PASS"), ("completed", "FAIL")])
def test_a_refused_update_is_a_success_where_it_is_expected(expect: str, outcome: str, tmp_path: Path) -> None:
    script = evidence_support.failed(tmp_path)
    script.line("test", expect=expect)
    record = record_of(tmp_path)
    record["failure"] = None
    assert outcome_of(record) == outcome


def test_a_step_whose_failure_was_ignored_ends_no_test(tmp_path: Path) -> None:
    script = evidence_support.until_deployed(tmp_path)
    about = script.begin("Try", "jumpstarter_shell")
    script.line("end", **about, outcome="failed", msg="rc 1", result={}, seconds=1, is_ignored=True)
    bundle.finish_as_aborted(tmp_path)
    assert record_of(tmp_path)["failure"] is None


def look(directory: Path, moment: str, ended: str, **result: t.Any) -> dict[str, t.Any]:
    """Write a journal with a look at the vehicle that judges it; return its record."""
    script = evidence_support.until_deployed(directory)
    wanted = [{"ecu_name": "Gateway", "part_number": "Gateway-1", "sw_version": "2.0.0"}]
    arguments = {
        "moment": moment,
        "vin": evidence_support.VIN,
        "ecus": wanted,
        "checks": ["identity", "target", "codes"],
    }
    seen = {"record": evidence_support.account("2.0.0"), "differences": [], **result}
    script.step("Compare them", "hatci_vehicle_check", 0.1, ended, arguments=arguments, **seen)
    return record_of(directory)


def test_the_checks_of_the_vehicle_are_in_the_record(tmp_path: Path) -> None:
    record = look(tmp_path, "after", "ok")
    assert {check["name"]: check["passed"] for check in record["checks"]} == {
        "identity after the update": True,
        "target": True,
        "codes": True,
    }
    assert record["checks"][1]["expected"] == ["Gateway Gateway-1 2.0.0"]
    assert record["software"]["after"]["ecus"][0]["sw_version"] == "2.0.0"


def test_what_the_vehicle_failed_by_is_told_as_measured(tmp_path: Path) -> None:
    different = ["Gateway: its software is 1.0.0 instead of 2.0.0"]
    record = look(tmp_path, "after", "failed", outcome="FAIL", differences=different)
    assert [(check["passed"], check["measured"]) for check in record["checks"]] == [
        (True, evidence_support.VIN),
        (False, different),
        (None, []),
    ]
    assert outcome_of(record) == "FAIL"


def test_a_step_that_succeeded_when_it_was_repeated_is_no_failure(tmp_path: Path) -> None:
    script = evidence_support.until_deployed(tmp_path)
    script.step("Try", "jumpstarter_power", 1, "failed", msg="It is busy.")
    script.step("Try", "jumpstarter_power", 1, "changed")
    script.line("result", outcome="ERROR", summary="Why?")
    assert record_of(tmp_path)["failure"] is None


@pytest.mark.parametrize(("kept", "before"), [({}, None), (evidence_support.account("0.9.0"), "0.9.0")])
def test_what_a_resumed_test_sees_afterwards_is_not_what_the_vehicle_had_before(
    kept: dict[str, t.Any], before: str | None, tmp_path: Path
) -> None:
    script = evidence_support.Script(tmp_path)
    script.step("Take the test over", "hatci_resume", 0.2, before=kept, deployment_id="deploy-000001")
    script.step("Wait for the deployment", "hatci_update_status", 9, state="COMPLETE", deployment_id="deploy-000001")
    script.step("Read the ECUs", "jumpstarter_diagnostics", 9, **evidence_support.account("2.0.0"))

    software = make_record(journal.read(tmp_path))["software"]

    assert software["after"]["ecus"][0]["sw_version"] == "2.0.0"
    assert (software["before"] and software["before"]["ecus"][0]["sw_version"]) == before


def test_an_event_that_was_created_is_named_by_what_it_is(tmp_path: Path) -> None:
    script = evidence_support.Script(tmp_path)
    for update_type, outcome, event_id in (("RROM", "changed", "ev-1"), ("UROM", "failed", "ev-2")):
        arguments = {"update_type": update_type}
        script.step("Create", "hatci_create_event", 0.2, outcome, arguments=arguments, event_id=event_id)

    ids = make_record(journal.read(tmp_path))["ids"]

    assert (ids["source_event_id"], ids["target_event_id"]) == ("ev-1", "")


MINE = "ansible.builtin.command"
VERIFY = "Run the verification of this lab"


def verifying(directory: Path, *steps: tuple[str, str], ended: str = "") -> evidence_support.Script:
    """Write a test with a verification by the user, of whose tasks some failed."""
    script = evidence_support.passed(directory)
    about = script.begin(VERIFY, "")
    for module, how in steps:
        script.step("Try first lamp", module, 1, how, msg="It is dark.", outcome="ERROR")
    if ended:
        script.line("end", **about, outcome=ended, msg="All are dark.", result={}, seconds=1, is_ignored=False)
    return script


@pytest.mark.parametrize("module", [MINE, "jumpstarter_shell"])
def test_what_a_user_rescued_is_not_what_a_trouble_ended(module: str, tmp_path: Path) -> None:
    script = verifying(tmp_path, (module, "failed"), ended="ok")
    told = {"failed_step": "", "failure_outcome": "PASS", "troubles": ["The device is not back."]}
    script.line("result", ended_by="play", outcome="ERROR", **told)
    record = record_of(tmp_path)
    assert record["failure"] is None
    assert record["outcome"] == outcome_of(record) == "ERROR"


def test_what_a_user_rescued_ends_no_test_that_is_killed_later(tmp_path: Path) -> None:
    for number, ended in enumerate(("ok", "")):
        directory = tmp_path / str(number)
        verifying(directory, (MINE, "failed"), ended=ended).line("result", ended_by="closer", outcome="ABORTED")
        assert record_of(directory)["failure"] is None
    verifying(tmp_path / "ours", ("jumpstarter_shell", "failed")).line("result", ended_by="closer", outcome="ERROR")
    failure = record_of(tmp_path / "ours")["failure"]
    assert failure == {"step": "Try first lamp", "message": "It is dark.", "outcome": "ERROR"}


def test_a_success_that_is_stated_though_the_verification_failed_is_none(tmp_path: Path) -> None:
    verifying(tmp_path, (MINE, "failed"), ended="failed")
    record = record_of(tmp_path)
    assert record["failure"] == {"step": VERIFY, "message": "All are dark.", "outcome": None}
    assert (record["outcome"], outcome_of(record)) == ("PASS", "FAIL")


def ecus_of(version: str, part: str = "") -> list[dict[str, str]]:
    return [
        {"ecu_name": name, "part_number": f"{name}-1{part}", "sw_version": version} for name in evidence_support.ECUS
    ]


def offering(script: evidence_support.Script, *offered: tuple[str, str, list[dict[str, str]]]) -> None:
    for update_type, build_level, ecus in offered:
        arguments = {"update_type": update_type, "build_level": build_level, "ecus": ecus}
        script.step("Create an event", "hatci_create_event", 0.2, "changed", arguments=arguments)


def test_the_software_of_a_record_is_what_sums_was_sent(tmp_path: Path) -> None:
    script = evidence_support.passed(tmp_path)
    wrong = ecus_of("2.0.0", "-WRONG")
    offering(script, ("RROM", "2024.02.01", []), ("UROM", "2024.01.01", wrong))
    software = record_of(tmp_path)["software"]
    assert (software["source"]["build_level"], software["target"]["build_level"]) == ("2024.02.01", "2024.01.01")
    assert software["target"]["ecus"] == wrong


def test_a_way_back_that_created_no_event_yet_leads_to_the_source(tmp_path: Path) -> None:
    evidence_support.passed(tmp_path).line("result", offer="source")
    software = record_of(tmp_path)["software"]
    assert (software["source"]["build_level"], software["target"]["build_level"]) == ("2024.02.01", "2024.01.01")


def test_a_success_whose_lease_had_ended_before_is_none(tmp_path: Path) -> None:
    script = evidence_support.passed(tmp_path)
    assert record_of(tmp_path)["lease"]["was_held"] is True
    text = (tmp_path / "journal.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        if line["event"] == "end" and line["step"] == "Release the lease":
            line["outcome"] = "ok"
    (tmp_path / "journal.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    script.line("result", outcome="ERROR", summary="The lease had ended before it was given back.")
    record = record_of(tmp_path)
    assert record["lease"]["was_held"] is False
    assert record["outcome"] == outcome_of(record) == "ERROR"


def test_a_failure_whose_lease_had_ended_before_says_nothing_of_the_vehicle(tmp_path: Path) -> None:
    evidence_support.passed(tmp_path)
    record = record_of(tmp_path)
    record["failure"] = {"step": "Wait", "message": "The update failed.", "outcome": "FAIL"}
    assert outcome_of(record) == "FAIL"
    record["lease"]["was_held"] = False
    assert outcome_of(record) == "ERROR"
    record["failure"]["outcome"] = "TIMEOUT"
    assert outcome_of(record) == "TIMEOUT"


def test_a_look_that_may_not_be_shown_costs_no_record(tmp_path: Path) -> None:
    script = evidence_support.passed(tmp_path)
    for module in ("hatci_vehicle_check", "hatci_end_check"):
        about = script.begin("Look", module)
        script.line("begin", **about, arguments="(hidden)")
        script.line("end", **about, outcome="ok", msg="(hidden)", result={}, seconds=1, is_ignored=False)
    record = record_of(tmp_path)
    assert record["outcome"] == outcome_of(record) == "PASS"


@pytest.mark.parametrize("module", ["jumpstarter_recorder", "jumpstarter_exporter"])
def test_what_failed_and_went_on_is_not_what_ended_a_test_that_was_aborted(module: str, tmp_path: Path) -> None:
    script = evidence_support.until_deployed(tmp_path)
    script.step("Something of the role", module, 1, "failed", msg="It did not start.")
    bundle.finish_as_aborted(tmp_path, "ABORTED", "ABORTED: the play of job 7 ended before it reported an outcome.")
    record = record_of(tmp_path)
    assert record["outcome"] == outcome_of(record) == "ABORTED"
    assert record["failure"] is None


def of_lab(script: evidence_support.Script, step: str, module: str, ended: str = "ok", **told: t.Any) -> None:
    """Write a step that the lab added."""
    arguments = told.pop("arguments", {})
    about = {**script.begin(step, module, arguments), "is_of_lab": True}
    text = (script.directory / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    begun = {**json.loads(text[-1]), "is_of_lab": True}
    (script.directory / "journal.jsonl").write_text("\n".join([*text[:-1], json.dumps(begun)]) + "\n", encoding="utf-8")
    script.line("end", **about, outcome=ended, msg="", result=told, seconds=1, is_ignored=False)


OF_ANOTHER: dict[str, tuple[str, dict[str, t.Any]]] = {
    "state of another deployment": (
        "hatci_update_status",
        {"arguments": {"deployment_id": "deploy-9"}, "deployment_id": "deploy-9", "state": "FAILED", "outcome": "FAIL"},
    ),
    "wait for another deployment": (
        "hatci_update_status",
        {"arguments": {"deployment_id": "deploy-9", "wait": True}, "deployment_id": "deploy-9", "state": "COMPLETE"},
    ),
    "state of its own deployment": (
        "hatci_update_status",
        {"arguments": {"deployment_id": "deploy-000001"}, "deployment_id": "deploy-000001", "state": "COMPLETE"},
    ),
    "a lease": ("jumpstarter_lease", {"arguments": {"state": "acquire"}, "lease_name": "bench", "exporter": "bench"}),
    "a release": ("jumpstarter_lease", {"arguments": {"state": "release", "lease_name": "bench"}}),
    "a test event": ("hatci_test_event", {"test_event_id": "te-9"}),
    "a report": (
        "hatci_test_event_update",
        {
            "arguments": {"test_event_id": "te-9", "status": "FAIL"},
            "test_event_id": "te-9",
            "ended": "changed",
        },
    ),
    "an event": (
        "hatci_create_event",
        {"arguments": {"update_type": "UROM", "build_level": "9", "ecus": [{"ecu_name": "X"}]}, "event_id": "ev-9"},
    ),
    "a deployment": ("hatci_deploy_event", {"deployment_id": "deploy-9"}),
    "a look at another vehicle": ("jumpstarter_diagnostics", {**evidence_support.account("9.9.9"), "vin": "X"}),
}


@pytest.mark.parametrize("name", OF_ANOTHER)
def test_what_a_lab_does_by_itself_changes_nothing_in_the_record_of_its_test(name: str, tmp_path: Path) -> None:
    module, told = OF_ANOTHER[name]
    records = []
    for directory in (tmp_path / "plain", tmp_path / "lab"):
        script = evidence_support.until_verified(directory)
        if directory.name == "lab":
            of_lab(script, "Mine", module, **told)
        evidence_support.reported(script)
        records.append(record_of(directory))
    plain, lab = records
    (mine,) = [step for step in lab["steps"] if step.get("is_of_lab")]
    assert mine["step"] == "Mine"
    lab["steps"].remove(mine)
    lab["journal"] = plain["journal"]
    assert lab == plain
    assert lab["outcome"] == outcome_of(lab) == "PASS"


@pytest.mark.parametrize(
    "name", [name for name in OF_ANOTHER if "state" in name or "wait" in name or "release" in name]
)
def test_a_play_of_the_users_own_may_ask_for_other_deployments_and_give_back_other_devices(
    name: str, tmp_path: Path
) -> None:
    module, told = OF_ANOTHER[name]
    script = evidence_support.until_verified(tmp_path)
    script.step("Mine", module, 0, told.get("ended", "ok"), **{key: told[key] for key in told if key != "ended"})
    evidence_support.reported(script)
    record = record_of(tmp_path)
    assert (record["deployment"]["id"], record["deployment"]["state"]) == ("deploy-000001", "COMPLETE")
    assert record["lease"]["was_held"] is True
    assert record["outcome"] == outcome_of(record) == "PASS"


def test_a_check_that_a_lab_rescued_says_nothing_and_one_that_holds_is_shown(tmp_path: Path) -> None:
    script = evidence_support.until_verified(tmp_path)
    arguments = {"moment": "after", "checks": ["target"]}
    for differences, ended in ((["Gateway"], "failed"), ([], "ok")):
        account = evidence_support.account("2.0.0")
        of_lab(
            script, "Mine", "hatci_vehicle_check", ended, arguments=arguments, record=account, differences=differences
        )
    evidence_support.reported(script)
    record = record_of(tmp_path)
    assert [check["passed"] for check in record["checks"]] == [True] * 4
    assert record["checks"][0]["measured"] == "as expected"
    assert record["outcome"] == outcome_of(record) == "PASS"


@pytest.mark.parametrize(
    ("stated", "found", "release", "told"),
    [
        ("PASS", "PASS", ("release", "changed", {}), {"was_held": True}),
        ("PASS", "ERROR", ("release", "ok", {}), {"was_held": False}),
        ("PASS", "ERROR", ("release", "failed", {}), {"release_failed": True}),
        ("FAIL", "FAIL", ("release", "failed", {}), {"release_failed": True}),
        ("FAIL", "ERROR", ("release", "ok", {}), {"was_held": False}),
        ("FAIL", "FAIL", ("kept", "changed", {"kept_until": "2026-03-01T13:00:00Z"}), {}),
        ("FAIL", "FAIL", ("kept", "changed", {}), {"was_held": True}),
        ("FAIL", "ERROR", ("kept", "ok", {}), {"was_held": False}),
        ("FAIL", "FAIL", ("kept", "failed", {}), {"release_failed": True}),
        ("ABORTED", "ABORTED", ("release", "ok", {}), {"was_held": False}),
        ("ABORTED", "ABORTED", ("release", "failed", {}), {"release_failed": True}),
    ],
)
def test_a_verdict_stands_as_far_as_its_lease_is_known_to_have_held(
    stated: str, found: str, release: tuple[str, str, dict[str, str]], told: dict[str, bool], tmp_path: Path
) -> None:
    state, ended, result = release
    script = evidence_support.until_deployed(tmp_path)
    arguments = {"wait": True}
    if stated == "ABORTED":
        script.begin(WAIT, "hatci_update_status", arguments)
    elif stated == "PASS":
        script.step(WAIT, "hatci_update_status", 9, arguments=arguments, state="COMPLETE")
    else:
        script.step(WAIT, "hatci_update_status", 9, "failed", arguments=arguments, state="FAILED", outcome="FAIL")
    script.step("Release the lease", "jumpstarter_lease", 1, ended, arguments={"state": state}, **result)
    last = "closer" if stated == "ABORTED" else "play"
    script.line("result", ended_by=last, outcome=found, failed_step=WAIT if stated == "FAIL" else "")
    record = record_of(tmp_path)
    lease = record["lease"]
    assert {name: lease[name] for name in ("was_held", "release_failed") if name in lease} == told
    assert bool(lease["released"]) is ("was_held" in told)
    assert record["outcome"] == outcome_of(record) == found


@pytest.mark.parametrize("module", ["jumpstarter_shell", "ansible.builtin.command", "jumpstarter_recorder"])
@pytest.mark.parametrize("ended", ["PASS", "FAIL", "lost"])
def test_however_much_a_lab_says_its_test_keeps_its_end(module: str, ended: str, tmp_path: Path) -> None:
    journal.create(tmp_path)
    for line in evidence_support.lines_of(evidence_support.until_deployed(tmp_path / "begun")):
        journal.append(tmp_path, line["event"], line)
    for number in range(600):
        about = {"id": f"lab {number}", "step": "Talk", "module": module, "is_of_lab": True}
        journal.append(tmp_path, "begin", {**about, "arguments": {}})
        journal.append(tmp_path, "end", {**about, "outcome": "ok", "result": {"stdout": "x" * 3000}})
    told = evidence_support.lines_of(
        evidence_support.failed(tmp_path / "end") if ended == "FAIL" else evidence_support.passed(tmp_path / "end")
    )
    for line in told[len(evidence_support.lines_of(evidence_support.until_deployed(tmp_path / "same"))) :]:
        lost = {"outcome": "ok"} if ended == "lost" and line.get("step") == "Release the lease" else {}
        journal.append(tmp_path, line["event"], {**line, **(lost if line["event"] == "end" else {})})
    record = record_of(tmp_path)
    found = "ERROR" if ended == "lost" else ended
    assert outcome_of(record) == found
    assert record["lease"]["was_held"] is (ended != "lost")
    assert record["deployment"]["state"] == ("FAILED" if ended == "FAIL" else "COMPLETE")
    assert record["journal"]["is_complete"] is False
    assert (tmp_path / journal.JOURNAL).stat().st_size < journal.MAX_BYTES + journal.MAX_LINE


def test_a_lab_that_reads_the_state_for_ever_does_not_fill_the_room_of_the_end(tmp_path: Path) -> None:
    journal.create(tmp_path)
    for _unused in range(3000):
        journal.append(tmp_path, "state", {"deployment_id": "d-1", "state": "INSTALLING", "progress": 1})
    about = {"id": "1", "step": "Wait", "module": "hatci_update_status"}
    journal.append(tmp_path, "begin", {**about, "arguments": {"wait": True}})
    journal.append(tmp_path, "end", {**about, "outcome": "ok", "result": {"deployment_id": "d-1", "state": "COMPLETE"}})
    assert record_of(tmp_path)["deployment"]["succeeded"] is True


RECORDING_FAILS = {"msg": "The recorder did not start."}


@pytest.mark.parametrize("step", ["recorder", "went on", "ended it"])
def test_what_ended_a_test_whose_play_was_killed_is_what_its_closer_knows(step: str, tmp_path: Path) -> None:
    script = evidence_support.until_deployed(tmp_path)
    module = "jumpstarter_recorder" if step == "recorder" else "jumpstarter_disturbance"
    script.step("Mine", module, 1, "failed", **RECORDING_FAILS)
    script.begin(WAIT, "hatci_update_status", {"wait": True})
    told = "Mine" if step == "ended it" else ""
    outcome = "ERROR" if step == "ended it" else "ABORTED"
    finished = bundle.finish_as_aborted(tmp_path, outcome, "It ended.", failed_step=told)
    assert finished
    record = json.loads((finished / "record.json").read_text(encoding="utf-8"))
    evidence_support.validate(record)
    assert record["outcome"] == outcome_of(record) == outcome
    assert (record["failure"] or {}).get("step") == ("Mine" if step == "ended it" else None)
