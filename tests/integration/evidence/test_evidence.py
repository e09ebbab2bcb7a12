# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence of real plays, held against what SUMS says of them."""

from __future__ import annotations

import json
import signal
import typing as t
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from play_support import HOME, HOST, TEST_VARIABLES, VIN, inventory_of, processes_of, wait_until
from playbook_runner import AnsiblePlaybook

from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import compare
from ansible_collections.hatci.automation.plugins.module_utils._evidence.outcome import outcome_of
from hatci_lab.sums.process import SumsProcess

EVIDENCE = f"{HOME}/evidence"
ROLE = "hatci.automation.hatci_ota_test"
START = {
    "name": "Begin the evidence",
    "hatci.automation.hatci_evidence": {"state": "started", "path": EVIDENCE, "test": {"host": HOST, "vin": VIN}},
    "register": "__hatci_evidence",
}
FINISH = {
    "name": "Finish the evidence",
    "hatci.automation.hatci_evidence": {
        "state": "bundled",
        "path": "{{ __hatci_evidence.path }}",
        "test": {"outcome": "{{ ota_result.outcome }}", "summary": "{{ ota_result.summary }}"},
    },
    "when": "__hatci_evidence.path != ''",
    "register": "__hatci_evidence",
}
STAY = {"name": "Stay", "ansible.builtin.command": "sleep 600"}


def playbook_of(*tasks: dict[str, t.Any]) -> str:
    return yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": list(tasks)}])


def run_the_role() -> dict[str, t.Any]:
    return {"name": "Run the test", "ansible.builtin.include_role": {"name": ROLE}}


def bundles_in(home: Path) -> list[Path]:
    return sorted((home / "evidence").glob("*"))


def test_a_record_agrees_with_sums(play_vehicle: t.Any, sums: SumsProcess) -> None:
    played = play_vehicle(playbook_of(run_the_role()), variables={**TEST_VARIABLES, "ota_evidence_dir": EVIDENCE})

    assert played.returncode == 0, played.output
    (bundle,) = bundles_in(played.home)
    record = json.loads((bundle / "record.json").read_text(encoding="utf-8"))
    state = sums.state()
    assert (record["outcome"], record["vehicle"]["vin"]) == ("PASS", VIN)
    assert record["ids"] == {
        "test_event_id": state["test_events"][0]["test_event_id"],
        "source_event_id": state["events"][0]["event_id"],
        "target_event_id": state["events"][1]["event_id"],
        "deployment_id": state["deployments"][0]["deployment_id"],
        "lease_name": record["lease"]["name"],
    }
    assert bundle.name.endswith(f"-{HOST}-{record['ids']['test_event_id']}")
    assert {check["name"]: check["passed"] for check in record["checks"]} == {"target": True}
    assert record["software"]["after"]["ecus"][0]["sw_version"] == "2.0.0"
    assert set(record["versions"]) == {"hatci.automation", "ansible-core", "python", "jmp"}
    assert record["reported"] == "PASS"
    assert record["deployment"]["states"][-1]["state"] == "COMPLETE"
    assert record["lease"]["released"]
    assert "ECU Gateway part=GW-2024-001 sw=2.0.0" in record["console"][0]["text"]
    assert "ECU Gateway part=GW-2024-001 sw=2.0.0\n" in (bundle / record["transcript"]).read_text(encoding="utf-8")
    assert not [step for step in record["steps"] if step["outcome"] in ("failed", "unfinished")]
    assert not played.task("Finish the evidence").get("warnings")


@pytest.mark.newest_core
def test_what_goes_wrong_after_a_success_makes_it_an_error_for_everyone(play_vehicle: t.Any, sums: SumsProcess) -> None:
    """The config of the exporter cannot be removed, for the name of its directory is too long then."""
    ended = "hatci_final_state | default('') != ''"
    directory = f"{{{{ '/' ~ 'x' * 300 if {ended} else {HOME[2:-2]} ~ '/configs' }}}}"
    told = {"jumpstarter_exporters_dir": directory, "jumpstarter_exporter_cleanup": True}
    played = play_vehicle(
        playbook_of(run_the_role()), variables={**TEST_VARIABLES, "ota_evidence_dir": EVIDENCE, **told}
    )

    assert played.returncode == 2, played.output
    (bundle,) = bundles_in(played.home)
    record = json.loads((bundle / "record.json").read_text(encoding="utf-8"))
    (test_event,) = sums.state()["test_events"]
    assert (test_event["status"], test_event["metadata"]["outcome"]) == ("FAIL", "ERROR")
    assert record["outcome"] == record["reported"] == outcome_of(record) == "ERROR"
    assert test_event["summary"] == f"ERROR: {record['summary']}"
    assert "cannot be written: File name too long" in record["summary"]
    case = ET.parse(bundle / "junit.xml").getroot().find(".//testcase")
    assert case is not None and [child.get("type") for child in case if child.tag == "error"] == ["ERROR"]
    assert played.task("Tell the outcome")["msg"] == f"ERROR {VIN}: {record['summary']}"


@pytest.mark.newest_core
def test_a_report_that_is_sent_late_is_in_the_record_then(play_vehicle: t.Any, sums: SumsProcess) -> None:
    sums.add_fault(kind="status", status=500, method="PATCH", path="/test_events/.*", times=0)
    variables = {**TEST_VARIABLES, "ota_evidence_dir": EVIDENCE, "hatci_report_results_retry_timeout": 0}
    played = play_vehicle(playbook_of(run_the_role()), variables=variables)

    assert played.returncode == 2, played.output
    (bundle,) = bundles_in(played.home)

    def record() -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads((bundle / "record.json").read_text(encoding="utf-8")))

    assert (record()["outcome"], record()["reported"]) == ("ERROR", None)
    assert played.task("Tell the outcome")["msg"].startswith(f"ERROR {VIN}: ")
    sums.clear_faults()
    wait_until(lambda: record()["reported"] == "PASS")
    (test_event,) = sums.state()["test_events"]
    assert record()["outcome"] == outcome_of(record()) == test_event["status"] == "PASS"
    wait_until(lambda: not processes_of(played.home))
    assert compare(bundle) == []


@pytest.mark.newest_core
def test_a_fleet_has_an_index_and_a_junit_file_that_miss_no_vehicle(play_vehicle: t.Any) -> None:
    ended = {"name": "End", "ansible.builtin.set_fact": {"ota_result": {"outcome": "PASS", "summary": "Done."}}}
    absent = {**ended, "ansible.builtin.set_fact": {"ota_result": {"outcome": "ERROR", "summary": "No device."}}}
    first, second = "inventory_hostname == 'vehicle_001'", "inventory_hostname == 'vehicle_002'"
    index = {
        "name": "Sum up",
        "hatci.automation.hatci_evidence": {"state": "bundled", "path": EVIDENCE},
        "run_once": True,
    }
    finish = {**FINISH, "when": first}
    tasks = [{**START, "when": first}, {**ended, "when": first}, finish, {**absent, "when": second}, index]
    played = play_vehicle(playbook_of(*tasks), inventory=inventory_of("vehicle_001", "vehicle_002", "vehicle_003"))

    assert played.returncode == 0, played.output
    cases = ET.parse(played.home / "evidence/junit.xml").getroot().findall(".//testcase")
    assert [(case.get("name"), [child.tag for child in case if child.tag != "properties"]) for case in cases] == [
        ("vehicle_001", []),
        ("vehicle_002", ["error"]),
        ("vehicle_003", ["error"]),
    ]
    page = (played.home / "evidence/index.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("vehicle_001", "vehicle_002", "No device.", "vehicle_003"))


@pytest.mark.newest_core
def test_check_mode_leaves_no_evidence(play_vehicle: t.Any) -> None:
    variables = {**TEST_VARIABLES, "ota_evidence_dir": EVIDENCE}
    played = play_vehicle(playbook_of(run_the_role()), "--check", variables=variables)
    assert played.returncode == 0, played.output
    assert not (played.home / "evidence").exists()


@pytest.mark.newest_core
def test_a_journal_that_cannot_be_written_is_one_warning_and_no_failure(play_vehicle: t.Any) -> None:
    lose = {"name": "Lose it", "ansible.builtin.command": "rm -r {{ __hatci_evidence.path }}"}
    health = {"name": "Ask", "hatci.automation.hatci_health": {}, "loop": [1, 2, 3]}
    again = {"name": "Ask again", "hatci.automation.hatci_health": {}}
    environment = {"hatci_base_url": "{{ hatci_base_url }}", "hatci_token": "{{ hatci_token }}"}
    tasks = [START, lose, health, again]
    play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
    play["module_defaults"] = {"group/hatci.automation.hatci": environment}
    played = play_vehicle(yaml.safe_dump([play]))
    assert played.returncode == 0, played.output
    assert "".join(played.output.split()).count("cannotbewritten:Nosuchfileordirectory") == 1


@pytest.mark.newest_core
def test_the_evidence_of_a_killed_play_is_finished_as_aborted(
    ansible_playbook: AnsiblePlaybook, sums: SumsProcess, tmp_path: Path
) -> None:
    begin = {
        "name": "Begin",
        "hatci.automation.hatci_test_event": {"vin": VIN},
        "module_defaults": {"group/hatci.automation.hatci": {"hatci_base_url": sums.url, "hatci_token": sums.token}},
    }
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(inventory_of(), encoding="utf-8")
    play = ansible_playbook.start(playbook_of(START, begin, STAY), "-i", str(inventory))
    wait_until(lambda: "[Stay]" in play.output)
    play.process.send_signal(signal.SIGKILL)
    play.end()
    wait_until(lambda: not processes_of(ansible_playbook.directory))

    (test_event,) = sums.state()["test_events"]
    (bundle,) = bundles_in(play.home)
    record = json.loads((bundle / "record.json").read_text(encoding="utf-8"))
    assert (record["outcome"], record["ended_by"]) == ("ABORTED", "closer")
    assert record["summary"] == test_event["summary"]
    assert bundle.name.endswith(test_event["test_event_id"])
    assert (bundle / "report.html").exists()


@pytest.mark.newest_core
def test_sums_is_told_where_the_evidence_was_published(play_vehicle: t.Any, sums: SumsProcess) -> None:
    told = {"hatci_artifact_urls": ["https://lab.example.com/camera.mp4"], "ota_evidence_store": f"fs://{HOME}/store"}
    variables = {**TEST_VARIABLES, "ota_evidence_dir": EVIDENCE, **told}
    played = play_vehicle(playbook_of(run_the_role()), variables=variables)

    assert played.returncode == 0, played.output
    (bundle,) = bundles_in(played.home)
    there = played.home / "store" / bundle.name
    files = [path for path in sorted(there.iterdir()) if path.name != "report.html"]
    (test_event,) = sums.state()["test_events"]
    assert test_event["artifact_urls"] == [
        *told["hatci_artifact_urls"],
        *(f"file://{path}" for path in (there / "report.html", *files)),
    ]
    assert played.task("Publish the evidence")["ansible_stats"]["data"] == {
        "ota_evidence": {HOST: f"file://{there}/report.html"}
    }
    assert (there / "record.json").read_bytes() == (bundle / "record.json").read_bytes()
    assert json.loads((there / "record.json").read_text(encoding="utf-8"))["outcome"] == test_event["status"] == "PASS"


@pytest.mark.newest_core
def test_evidence_that_has_no_place_costs_no_test_and_publishes_nothing_else(
    play_vehicle: t.Any, sums: SumsProcess
) -> None:
    told = {"ota_evidence_dir": "/sys/evidence", "ota_evidence_store": f"fs://{HOME}/store"}
    played = play_vehicle(playbook_of(run_the_role()), variables={**TEST_VARIABLES, **told})

    assert played.returncode == 0, played.output
    (warning,) = played.task("Begin the evidence")["warnings"]
    assert warning.startswith("There will be no evidence in /sys/evidence")
    (test_event,) = sums.state()["test_events"]
    assert test_event["status"] == "PASS" and not test_event.get("artifact_urls")
    assert not (played.home / "store").exists()


@pytest.mark.newest_core
def test_a_store_that_is_away_changes_nothing_about_the_test(play_vehicle: t.Any, sums: SumsProcess) -> None:
    variables = {**TEST_VARIABLES, "ota_evidence_dir": EVIDENCE, "ota_evidence_store": "webdav://127.0.0.1:9/lab"}
    played = play_vehicle(playbook_of(run_the_role()), variables=variables)

    assert played.returncode == 0, played.output
    (test_event,) = sums.state()["test_events"]
    assert test_event["status"] == "PASS" and not test_event.get("artifact_urls")
    (bundle,) = bundles_in(played.home)
    (warning,) = played.task("Publish the evidence")["warnings"]
    assert "it cannot be reached" in warning and f"path={bundle}" in warning


SECRET = "canary-of-the-host"  # it opens nothing
GIVEN = {
    "token": {"hatci_token": SECRET},
    "expression": {"hatci_token": "{{ kept }}", "kept": SECRET},
    "file": {"hatci_token_file": f"{HOME}/token"},
}


@pytest.mark.newest_core
@pytest.mark.parametrize("given", GIVEN)
def test_the_tasks_of_a_lab_leave_no_token_of_their_host_in_a_journal_that_nobody_finishes(
    play_vehicle: t.Any, given: str
) -> None:
    write = {"name": "Write", "ansible.builtin.copy": {"content": SECRET, "dest": f"{HOME}/token"}}
    say = {"name": "Say", "ansible.builtin.fail": {"msg": f"refused {SECRET}"}, "ignore_errors": True}
    played = play_vehicle(
        playbook_of(write, START, say),
        variables={"hatci_token": "", **GIVEN[given]},
        env={"ANSIBLE_CALLBACKS_ENABLED": "hatci.automation.hatci_journal"},
    )
    assert played.returncode == 0, played.output
    (journal,) = (played.home / "evidence").glob("*/journal.jsonl")
    text = journal.read_text(encoding="utf-8")
    assert "refused (hidden)" in text and SECRET not in text
