# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that YAML, an inventory or jinja2_native may have changed: refused before anything is created, or kept."""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from play_support import PATHS, PLAYBOOKS, REPOSITORY, TEST_VARIABLES, VIN
from sums_support import assert_is_sentence, deploy_update

from hatci_lab.sums.process import SumsProcess

ROLES = REPOSITORY / "roles"
REQUEST = """
- hosts: all
  gather_facts: false
  vars:
    level: 2024.20
    hatci_vin: 1HGBH41JXMN109186
    hatci_tester_name: automation_runner
    hatci_program_name: OTA_Test
    hatci_model_year: 2024
    hatci_region: NO
    hatci_target_build_level: "{{ level }}"
    hatci_source_ecus: [{ecu_name: Gateway, part_number: 0123, sw_version: 1.10}]
    hatci_target_ecus: [{ecu_name: Gateway, part_number: 12:30:45, sw_version: "{{ level }}"}]
  tasks:
    - ansible.builtin.include_role: {name: hatci.automation.hatci_request_update}
"""
INVENTORY = "vehicle_001 ansible_connection=local hatci_source_build_level=2024.10 hatci_source_remark=0x10\n"
ECUS = [{"ecu_name": "Gateway", "part_number": "GW-1", "sw_version": "1.10"}]
Play = Callable[..., t.Any]


def test_values_that_are_no_text_are_refused_by_name(play_vehicle: Play, sums: SumsProcess) -> None:
    played = play_vehicle(REQUEST, inventory=INVENTORY)

    assert played.returncode == 2
    message = played.task("Refuse variables that cannot be used")["msg"]
    assert_is_sentence(message)
    for words in (
        "hatci_region is the boolean false; put it into quotes.",
        "hatci_source_build_level is the number 2024.1; put it into quotes.",
        "hatci_target_build_level is the number 2024.2; put it into quotes.",
        "hatci_source_remark is the number 16; put it into quotes.",
        "hatci_source_ecus: part_number of ECU Gateway is the number 83; put it into quotes.",
        "hatci_source_ecus: sw_version of ECU Gateway is the number 1.1; put it into quotes.",
        "hatci_target_ecus: part_number of ECU Gateway is the number 45045; put it into quotes.",
        "hatci_target_ecus: sw_version of ECU Gateway is the number 2024.2; put it into quotes.",
    ):
        assert words in message
    assert sums.requests() == []


def test_an_extra_variable_that_would_hide_what_is_created_is_refused(play_vehicle: Play, sums: SumsProcess) -> None:
    _old, _deployment = deploy_update(sums)
    held = sums.state()["events"]
    texts = {"level": "2024.20", "hatci_region": "US", "hatci_source_ecus": ECUS, "hatci_target_ecus": ECUS}

    played = play_vehicle(REQUEST, "-e", "target_event_id=ev-000001", variables={**TEST_VARIABLES, **texts})

    assert played.returncode == 2
    message = played.task("Refuse variables that cannot be used")["msg"]
    assert_is_sentence(message)
    assert message.startswith(
        "The extra variable target_event_id would hide what this play itself sets under that name"
    )
    assert sums.state()["events"] == held


REPORT = """
- hosts: all
  gather_facts: false
  tasks:
    - hatci.automation.hatci_test_event: {vin: 1HGBH41JXMN109186}
      module_defaults: &connection
        group/hatci.automation.hatci: "{{ lookup('hatci.automation.hatci_connection') }}"
      register: begun
    - ansible.builtin.include_role: {name: hatci.automation.hatci_report_results}
      vars:
        hatci_test_event_id: "{{ begun.test_event_id }}"
        hatci_test_status: FAIL
        hatci_test_summary: SUMMARY
"""


@pytest.mark.parametrize(
    ("written", "words"),
    [("1.20", "the number 1.2"), ("no", "the boolean false"), ("2024-02-01", "the date 2024-02-01")],
)
def test_a_summary_that_is_no_text_is_not_reported(
    play_vehicle: Play, sums: SumsProcess, written: str, words: str
) -> None:
    played = play_vehicle(REPORT.replace("SUMMARY", written))

    assert played.returncode == 2
    assert f"hatci_test_summary is {words}; put it into quotes." in played.output.replace("\n", " ")
    assert not [request for request in sums.requests() if request["method"] == "PATCH" and written in str(request)]
    (event,) = sums.state()["test_events"]
    assert words.split()[-1] not in str(event.get("summary")).partition(":")[0]


@pytest.mark.newest_core
@pytest.mark.parametrize(
    "extra", ["hatci_test_status=PASS", "hatci_test_event_id=te-000009", "hatci_final_state=COMPLETE"]
)
def test_an_extra_variable_does_not_decide_what_is_reported(play_vehicle: Play, sums: SumsProcess, extra: str) -> None:
    played = play_vehicle(REPORT.replace("SUMMARY", "well"), "-e", extra)

    name = extra.partition("=")[0]
    assert played.returncode == 2
    assert f"The extra variable {name} would hide what this play itself sets" in played.output.replace("\n", " ")
    assert "PASS" not in str(sums.state()["test_events"])


@pytest.mark.newest_core
def test_an_extra_variable_does_not_decide_how_an_update_ended(play_vehicle: Play, sums: SumsProcess) -> None:
    _event, deployment = deploy_update(sums)
    wait = "- {hosts: all, gather_facts: false, roles: [hatci.automation.hatci_wait_for_update]}"

    played = play_vehicle(wait, "-e", f"hatci_deployment_id={deployment}", "-e", "hatci_final_state=COMPLETE")

    assert played.returncode == 2
    assert "The extra variable hatci_final_state would hide" in played.output.replace("\n", " ")


@pytest.mark.newest_core
@pytest.mark.parametrize("name", ["current_lease_name", "jumpstarter_lease_guard_kept", "__hatci_ota_test_update"])
def test_an_extra_variable_named_like_a_result_is_refused_before_anything_is_created(
    play_vehicle: Play, sums: SumsProcess, name: str
) -> None:
    played = play_vehicle(PLAYBOOKS / "ota_single_vehicle.yml", "-e", f"{name}=x", variables=TEST_VARIABLES)

    assert played.returncode == 2
    message = played.task("Refuse variables that cannot be used")["msg"]
    assert message.startswith(f"The extra variable {name} would hide") and message.endswith("Nothing was created.")
    assert sums.requests() == []


@pytest.mark.parametrize("native", ["false", "true"])
def test_text_of_any_look_reaches_sums_as_it_is(play_vehicle: Play, sums: SumsProcess, native: str) -> None:
    texts = {
        "level": "2024.20",
        "hatci_region": "True",
        "hatci_source_ecus": "- {ecu_name: Gateway, part_number: 0123, sw_version: 1.10}",
        "hatci_target_ecus": [{"ecu_name": "Gateway", "part_number": "12:30:45", "sw_version": "{{ level }}"}],
        "hatci_target_remark": "[1, 2]",
    }
    as_typed = ["-e", "hatci_source_build_level=2024.10", "-e", "hatci_source_remark=0123"]

    played = play_vehicle(REQUEST, *as_typed, variables=texts, env={"ANSIBLE_JINJA2_NATIVE": native})

    assert played.returncode == 0, played.output
    source, target = sums.state()["events"]
    assert (source["build_level"], target["build_level"]) == ("2024.10", "2024.20")
    assert (source["remark"], target["remark"]) == ("0123", "[1, 2]")
    assert (source["region"], source["model_year"]) == ("True", "2024")
    assert source["ecus"] == [{"ecu_name": "Gateway", "part_number": "0123", "sw_version": "1.10"}]
    assert target["ecus"] == [{"ecu_name": "Gateway", "part_number": "12:30:45", "sw_version": "2024.20"}]


@pytest.mark.newest_core
def test_values_of_later_steps_are_refused_before_the_first(play_vehicle: Play, sums: SumsProcess) -> None:
    wrong = {
        "hatci_poll_timeout_seconds": "an hour",
        "jumpstarter_lease_duration": "soon",
        "jumpstarter_lease_guard_timeout": "x",
        "ota_verify_ecus": "True ",
        "ota_metadata": '{"bench": 7}',
        "ota_end_datetime": "tomorrow",
        "hatci_target_ecus": "Gateway",
    }
    played = play_vehicle(PLAYBOOKS / "ota_single_vehicle.yml", variables={**TEST_VARIABLES, **wrong})

    assert played.returncode == 2
    message = played.task("Refuse variables that cannot be used")["msg"]
    assert_is_sentence(message)
    assert [name for name in wrong if f"{name} is " not in message] == []
    assert sums.requests() == []


def test_an_empty_answer_leaves_the_default(play_vehicle: Play, sums: SumsProcess) -> None:
    sums.set_vehicle(VIN, update_seconds=0)
    empty = dict.fromkeys(
        [
            *("hatci_poll_timeout_seconds", "hatci_wait_for_update_outage_seconds", "hatci_success_states"),
            *("jumpstarter_lease_duration", "jumpstarter_lease_guard_timeout", "jumpstarter_lease_guard_mode"),
            *("hatci_region_spec", "ota_start_datetime", "ota_end_datetime", "ota_metadata", "hatci_vin_check"),
            *("hatci_preflight_retry_timeout", "hatci_report_results_retry_timeout", "hatci_verify_tls"),
            "jumpstarter_lease_guard_release_timeout",
        ],
        "",
    )
    played = play_vehicle(PLAYBOOKS / "ota_single_vehicle.yml", variables={**TEST_VARIABLES, **empty})

    assert played.returncode == 0, played.output
    assert [event["status"] for event in sums.state()["test_events"]] == ["PASS"]


OPTIONS = yaml.safe_load((ROLES / "hatci_ota_test/meta/argument_specs.yml").read_text(encoding="utf-8"))
TEST_ROLE = """
- hosts: all
  gather_facts: false
  tasks: [ansible.builtin.include_role: {name: hatci.automation.hatci_ota_test}]
"""


@pytest.mark.parametrize("play", [PLAYBOOKS / "ota_single_vehicle.yml", TEST_ROLE], ids=["playbook", "role"])
def test_a_test_is_the_same_whoever_leaves_all_answers_empty(
    play_vehicle: Play, sums: SumsProcess, play: str | Path
) -> None:
    sums.set_vehicle(VIN, update_seconds=0)
    needed = {*TEST_VARIABLES, *PATHS, "hatci_base_url", "hatci_token"} - {"ota_verify_ecus"}
    empty = dict.fromkeys(OPTIONS["argument_specs"]["main"]["options"].keys() - needed, "")
    assert len(empty) > 40

    played = play_vehicle(play, variables={**TEST_VARIABLES, **empty})

    assert played.returncode == 0, played.output
    assert [event["status"] for event in sums.state()["test_events"]] == ["PASS"]
    assert "WARNING" not in played.output


@pytest.mark.parametrize("native", ["false", "true"])
@pytest.mark.parametrize("outcome", ["COMPLETE", "FAILED"])
def test_names_and_ids_that_look_like_numbers_stay_as_they_are(
    play_vehicle: Play, sums: SumsProcess, native: str, outcome: str
) -> None:
    ids = ["1e5", "7e123456", "1_000", "0x31"]
    if outcome == "FAILED":
        ids.reverse()
    sums.set_next_ids(*ids)
    sums.set_vehicle(VIN, update_seconds=0, outcome=outcome, reason="{'code': 1e5}")

    played = play_vehicle(
        PLAYBOOKS / "ota_single_vehicle.yml",
        variables={
            **TEST_VARIABLES,
            "jumpstarter_exporter_name": "1e6",
            "ota_suite_name": "1e7",
            "ota_evidence_dir": "1e8",
        },
        env={"ANSIBLE_JINJA2_NATIVE": native, "JOB_ID": "1_000", "GIT_SHA": "1234567"},
    )

    state = sums.state()
    created = [*state["test_events"], *state["events"], *state["deployments"]]
    assert [one.get("test_event_id") or one.get("deployment_id") or one["event_id"] for one in created] == ids
    (test_event,) = state["test_events"]
    assert (played.returncode, test_event["status"]) == ((0, "PASS") if outcome == "COMPLETE" else (2, "FAIL"))
    assert test_event["event_id"] == ids[2]
    assert [test_event[name] for name in ("ansible_job_id", "git_sha", "suite_name")] == ["1_000", "1234567", "1e7"]
    assert (played.home / "1e8").is_dir()
    told = played.task("Hand the outcome to whatever comes next, such as the next node of a workflow")
    names = ("test_event_id", "source_event_id", "target_event_id", "deployment_id")
    assert [told[name] for name in names] == ids
    if outcome == "FAILED":
        assert "{'code': 1e5}" in test_event["summary"]
        assert played.task("Note the failure")["ansible_facts"]["hatci_final_reason"] == "{'code': 1e5}"


LOOK_LIKE_NUMBERS = {
    "jumpstarter_client": "1e5",
    "jumpstarter_client_config": "1e6",
    "jumpstarter_exporter_selector": "1e7",
    "jumpstarter_lease_guard_expected_exporter": "1_000",
    "jumpstarter_lease_guard_take_over": "0x31",
}
TWO_ROLES = """
- hosts: all
  gather_facts: false
  tasks:
    - block: [ansible.builtin.include_role: {name: hatci.automation.hatci_preflight}]
      rescue: [ansible.builtin.include_role: {name: hatci.automation.jumpstarter_lease_guard}]
"""


@pytest.mark.parametrize("native", ["false", "true"])
def test_names_of_a_controller_that_look_like_numbers_stay_as_they_are(play_vehicle: Play, native: str) -> None:
    played = play_vehicle(
        TWO_ROLES,
        variables={**TEST_VARIABLES, "jumpstarter_exporter_name": "", **LOOK_LIKE_NUMBERS},
        env={"ANSIBLE_JINJA2_NATIVE": native},
    )

    for name in ("Check that jmp is there and works", "Acquire the device"):
        task = played.task(name)
        assert "client_config and client are both given" in task["msg"]
        seen = task["invocation"]["module_args"]
        given = {name.removeprefix("jumpstarter_"): text for name, text in LOOK_LIKE_NUMBERS.items()}
        options = {name.removeprefix("exporter_").removeprefix("lease_guard_"): text for name, text in given.items()}
        assert {option: seen[option] for option in options.keys() & seen.keys()} == {
            option: text for option, text in options.items() if option in seen
        }


def test_roles_take_ids_that_look_like_numbers(play_vehicle: Play, sums: SumsProcess) -> None:
    ids = {"hatci_event_id": "1e5", "hatci_deployment_id": "7e123456", "hatci_test_event_id": "1_000"}
    sums.set_next_ids(*ids.values())
    deploy_update(sums)
    job = {"ansible_job_id": "manual", "git_sha": "x", "suite_name": "x"}
    assert sums.api("POST", "/test_events", {**job, "vin": VIN, "event_id": "1e5"}).ok

    played = play_vehicle(
        "- {hosts: all, gather_facts: false,"
        " roles: [hatci.automation.hatci_wait_for_update, hatci.automation.hatci_report_results]}",
        *(word for name, value in ids.items() for word in ("-e", f"{name}={value}")),
        variables={
            **{"hatci_vin": VIN, "hatci_test_status": "PASS", "hatci_poll_interval_seconds": 0.1},
            **dict.fromkeys(["hatci_report_results_metadata", "hatci_report_results_outcome"], ""),
        },
        env={"ANSIBLE_JINJA2_NATIVE": "true"},
    )

    assert played.returncode == 0, played.output
    (test_event,) = sums.state()["test_events"]
    assert (test_event["status"], test_event["event_id"]) == ("PASS", "1e5")


@pytest.mark.parametrize("native", ["false", "true"])
def test_a_token_that_looks_like_a_number_is_sent_as_it_is(
    play_vehicle: Play, start_sums: Callable[..., SumsProcess], native: str
) -> None:
    own = start_sums(token="7e123456")
    play = """
- hosts: all
  gather_facts: false
  tasks:
    - hatci.automation.hatci_health:
      module_defaults:
        group/hatci.automation.hatci: "{{ lookup('hatci.automation.hatci_connection') }}"
"""
    connection = {"hatci_base_url": own.url, "hatci_token": "{{ vault_token }}", "vault_token": own.token}

    played = play_vehicle(play, variables=connection, env={"ANSIBLE_JINJA2_NATIVE": native})

    assert played.returncode == 0, played.output
