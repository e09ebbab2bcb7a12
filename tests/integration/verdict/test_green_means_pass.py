# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is green only if every vehicle that it was launched for has passed, however it was launched or cut short."""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from play_support import PLAYBOOKS, TEST_VARIABLES, VIN, inventory_of, wait_until

from hatci_lab.sums.process import SumsProcess

SINGLE, FLEET, VERDICT, BEGIN = (
    PLAYBOOKS / f"ota_{name}.yml" for name in ("single_vehicle", "fleet", "verdict", "begin")
)
FAILING_VIN = "FA1LBH41JXMN10918"
NO_DEVICE = {"jumpstarter_exporter_name": "", "jumpstarter_exporter_template": "", "ota_verify_ecus": False}
Play = Callable[..., t.Any]

pytestmark = pytest.mark.newest_core


@pytest.fixture
def run(play_vehicle: Play) -> Play:
    """Run a playbook for two vehicles, of which "bad" fails its update."""

    def play(
        playbook: Path | str,
        *arguments: str,
        hosts: dict[str, str] | None = None,
        env: dict[str, str] | None = None,
        **changed: t.Any,
    ) -> t.Any:
        vins = hosts if hosts is not None else {"good": VIN, "bad": FAILING_VIN}
        inventory = yaml.safe_load(inventory_of(*vins))
        inventory["all"]["hosts"] = {host: {"hatci_vin": vin} for host, vin in vins.items()}
        variables = {**TEST_VARIABLES, **NO_DEVICE, **changed}
        del variables["hatci_vin"]
        return play_vehicle(playbook, *arguments, inventory=yaml.safe_dump(inventory), variables=variables, env=env)

    return play


@pytest.mark.parametrize("playbook", [SINGLE, FLEET], ids=["single", "fleet"])
def test_a_limit_hides_no_verdict(run: Play, sums: SumsProcess, playbook: Path) -> None:
    failed = run(playbook, "--limit", "bad")
    passed = run(playbook, "--limit", "good")

    assert failed.returncode == 2, failed.output
    assert passed.returncode == 0, passed.output
    assert [event["vin"] for event in sums.state()["test_events"]] == [FAILING_VIN, VIN]
    summary = passed.tasks[-1].result
    assert summary["failed_vehicles"] == [] and len(summary["lines"]) == 3, "exactly the vehicles inside the limit"


@pytest.mark.parametrize("playbook", [SINGLE, FLEET], ids=["single", "fleet"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("-e", "ota_hosts=vehicle-O01"),
        ("-e", "ota_hosts=vehicle-O01", "--limit", "good"),
        ("-e", "ota_hosts="),
        ("-e", "ota_hosts=,"),
        ("--tags", "no_such_tag"),
        ("--start-at-task", "Tell the outcome"),
        ("--skip-tags", "always"),
    ],
    ids=["typo", "typo with limit", "empty", "comma", "tags", "start at task", "skip tags"],
)
def test_a_run_that_tested_nothing_is_red(
    run: Play, sums: SumsProcess, playbook: Path, arguments: tuple[str, ...]
) -> None:
    played = run(playbook, *arguments)

    assert played.returncode != 0, played.output
    assert sums.state()["test_events"] == []
    assert "Traceback" not in played.output


def test_a_handover_that_nobody_made_is_red(run: Play, sums: SumsProcess) -> None:
    played = run(
        BEGIN, "--tags", "no_such_tag", "-e", '{"ota_handover": {"test_event_id": "te-1"}}', hosts={"good": VIN}
    )

    assert played.returncode == 2, played.output
    assert "Not handed over: good" in played.output
    assert sums.state()["test_events"] == []


def test_an_inventory_that_could_not_be_read_is_red(run: Play) -> None:
    played = run(SINGLE, hosts={})

    assert played.returncode == 2
    assert "No host matches all; give an inventory" in played.output


@pytest.mark.parametrize("playbook", [SINGLE, FLEET], ids=["single", "fleet"])
@pytest.mark.parametrize("what", ["end_host", "end_play"])
def test_a_verification_that_ends_the_play_is_refused_before_anything_is_created(
    run: Play, sums: SumsProcess, tmp_path: Path, playbook: Path, what: str
) -> None:
    tasks = tmp_path / "own.yml"
    tasks.write_text(f"- ansible.builtin.meta: {what}\n", encoding="utf-8")

    played = run(playbook, hosts={"good": VIN}, ota_verify_tasks=str(tasks))

    assert played.returncode == 2, played.output
    assert f"meta: {what} would end the test before it has reported" in played.output
    assert sums.state()["test_events"] == []


def test_a_play_that_ends_early_all_the_same_is_red(run: Play, sums: SumsProcess, tmp_path: Path) -> None:
    (tmp_path / "deeper.yml").write_text("- ansible.builtin.meta: end_host\n", encoding="utf-8")
    tasks = tmp_path / "own.yml"
    tasks.write_text("- ansible.builtin.include_tasks: '{{ which }}.yml'\n", encoding="utf-8")

    played = run(SINGLE, hosts={"good": VIN}, ota_verify_tasks=str(tasks), which="deeper")

    assert played.returncode == 2, played.output
    assert "the test began and did not reach its end" in played.stdout.replace("\n", " ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- name: [\n", "cannot be run"),
        ("- no.such.module: {}\n", "no.such.module"),
        ("- ansible.builtin.include_role: {name: nonesuch}\n", "nonesuch"),
        ("- hosts: all\n  tasks: []\n", "it is a playbook, not a list of tasks"),
        ("- ansible.builtin.include_tasks: none.yml\n", "none.yml"),
        ("key: value\n", "it is not a list of tasks"),
    ],
    ids=["yaml", "module", "role", "play", "include", "mapping"],
)
def test_a_broken_verification_is_told_before_anything_is_created(
    run: Play, sums: SumsProcess, tmp_path: Path, text: str, reason: str
) -> None:
    tasks = tmp_path / "own.yml"
    tasks.write_text(text, encoding="utf-8")

    played = run(SINGLE, hosts={"good": VIN}, ota_verify_tasks=str(tasks))

    told = played.task("Tell the outcome")["msg"]
    assert reason in told and "Nothing was created" in told
    assert sums.state()["test_events"] == []


@pytest.mark.parametrize(
    ("playbook", "text"),
    [
        (SINGLE, "- name: [\n"),
        (SINGLE, "- ansible.builtin.command: 'true'\n  throttle: '{{ later }}'\n"),
        (FLEET, "- ansible.builtin.command: 'true'\n  notify: no such handler\n"),
        (FLEET, "- ansible.builtin.pause: {seconds: 1}\n"),
    ],
    ids=["yaml", "keyword", "handler", "strategy"],
)
def test_one_vehicle_s_broken_file_leaves_the_others_alone(
    run: Play, sums: SumsProcess, tmp_path: Path, playbook: Path, text: str
) -> None:
    (tmp_path / "good.yml").write_text("- ansible.builtin.debug: {msg: well}\n", encoding="utf-8")
    (tmp_path / "bad.yml").write_text(text, encoding="utf-8")

    played = run(
        playbook,
        hosts={"good": VIN, "bad": VIN[:-1] + "7"},
        ota_verify_tasks=f"{tmp_path}/{{{{ inventory_hostname }}}}.yml",
    )

    assert played.returncode == 2
    assert [(event["vin"], event["status"]) for event in sums.state()["test_events"]] == [(VIN, "PASS")]


def test_a_verification_may_notify_what_its_play_has(run: Play, sums: SumsProcess, tmp_path: Path) -> None:
    for role in ("static", "dynamic"):
        (tmp_path / role / "handlers").mkdir(parents=True)
        (tmp_path / role / "handlers" / "main.yml").write_text(
            f"- name: {role}\n  ansible.builtin.debug: {{msg: heard by {role}}}\n", encoding="utf-8"
        )
    names = ["of the play", "static", "dynamic"]
    tasks = tmp_path / "own.yml"
    tasks.write_text(yaml.safe_dump([{"ansible.builtin.command": "true", "notify": names}]), encoding="utf-8")
    play = {
        "hosts": "good",
        "gather_facts": False,
        "handlers": [{"name": names[0], "ansible.builtin.debug": {"msg": "heard by the play"}}],
        "roles": [str(tmp_path / "static")],
        "tasks": [
            {"ansible.builtin.include_role": {"name": str(tmp_path / "dynamic")}},
            {"ansible.builtin.import_role": {"name": "hatci.automation.hatci_ota_test"}},
        ],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")

    played = run(tmp_path / "play.yml", hosts={"good": VIN}, ota_verify_tasks=str(tasks))

    assert played.returncode == 0, played.output
    assert [event["status"] for event in sums.state()["test_events"]] == ["PASS"]
    assert all(f"heard by {who}" in played.output for who in ("the play", "static", "dynamic"))


def test_what_the_verification_notified_belongs_to_it(run: Play, sums: SumsProcess, tmp_path: Path) -> None:
    role = tmp_path / "lab_check"
    for part, text in (
        ("tasks", "- ansible.builtin.command: 'true'\n  notify: check the dashboard\n"),
        ("handlers", "- name: check the dashboard\n  ansible.builtin.fail: {msg: The dashboard is dark.}\n"),
    ):
        (role / part).mkdir(parents=True)
        (role / part / "main.yml").write_text(text, encoding="utf-8")
    tasks = tmp_path / "own.yml"
    tasks.write_text(f"- ansible.builtin.include_role: {{name: {role}}}\n", encoding="utf-8")

    played = run(SINGLE, hosts={"good": VIN}, ota_verify_tasks=str(tasks))

    assert played.returncode == 2, played.output
    (event,) = sums.state()["test_events"]
    assert (event["status"], event["metadata"]["outcome"]) == ("FAIL", "FAIL")
    assert "The dashboard is dark." in event["summary"]


def test_extra_variables_that_are_named_like_results_change_nothing(run: Play, sums: SumsProcess) -> None:
    results = {
        "hatci_final_state": "COMPLETE",
        "target_event_id": "ev-999999",
        "source_event_id": "ev-999998",
        "hatci_deployment_id": "deploy-999999",
        "hatci_event_id": "ev-999997",
        "hatci_test_event_id": "te-999999",
        "hatci_test_status": "PASS",
        "hatci_test_summary": "All is well.",
        "hatci_report_results_outcome": "PASS",
        "ota_fleet_reason": "",
    }

    played = run(SINGLE, hosts={"bad": FAILING_VIN}, **results)

    assert played.returncode == 2, played.output
    state = sums.state()
    (event,) = state["test_events"]
    target = state["events"][1]["event_id"]
    assert (event["status"], event["event_id"], event["metadata"]["outcome"]) == ("FAIL", target, "FAIL")
    assert [deployment["event_id"] for deployment in state["deployments"]] == [target]
    assert "ended FAILED" in event["summary"]


def test_a_result_from_elsewhere_is_no_result(run: Play) -> None:
    played = run(SINGLE, "--tags", "nothing", hosts={"good": VIN}, ota_result={"outcome": "PASS", "run": "1-1"})

    assert played.returncode == 2
    assert "something else than the test of this run" in played.stdout.replace("\\n", " ")


def test_no_log_hides_the_reason_everywhere(run: Play, sums: SumsProcess, tmp_path: Path) -> None:
    tasks = tmp_path / "own.yml"
    tasks.write_text(
        "- name: Unlock the service port\n"
        "  ansible.builtin.command: sh -c 'echo hunter2-pin; exit 1'\n  no_log: true\n",
        encoding="utf-8",
    )

    played = run(SINGLE, hosts={"good": VIN}, ota_verify_tasks=str(tasks))

    assert played.returncode == 2
    (event,) = sums.state()["test_events"]
    assert event["summary"] == "Unlock the service port: it failed, and its no_log hides the reason"
    assert "hunter2" not in played.output and "hunter2" not in str(event)


@pytest.mark.parametrize("playbook", [SINGLE, FLEET], ids=["single", "fleet"])
def test_any_errors_fatal_loses_no_outcome(run: Play, sums: SumsProcess, playbook: Path) -> None:
    played = run(playbook, env={"ANSIBLE_ANY_ERRORS_FATAL": "1"})

    assert played.returncode != 0, played.output
    outcomes = {event["vin"]: event for event in sums.state()["test_events"]}
    assert outcomes[FAILING_VIN]["metadata"]["outcome"] == "FAIL"
    assert "ended FAILED" in outcomes[FAILING_VIN]["summary"]


@pytest.mark.parametrize("limit", ["vehicle_001", "vehicle_001,localhost"])
def test_the_verdict_of_a_workflow_under_a_limit(run: Play, limit: str) -> None:
    played = run(
        VERDICT,
        "--limit",
        limit,
        hosts={"vehicle_001": VIN},
        ota_tests={"vehicle_001": {"outcome": "FAIL", "summary": "dark"}},
    )

    assert played.returncode != 0, played.output


def test_a_vehicle_that_handed_on_nothing_fails_the_workflow(run: Play) -> None:
    played = run(
        VERDICT, hosts={}, ota_vehicles=["good", "bad"], ota_tests={"good": {"outcome": "PASS", "summary": "well"}}
    )

    assert played.returncode == 2
    assert played.task("Decide")["msg"] == "ERROR bad: the test did not begin"


@pytest.mark.parametrize("playbook", ["single_vehicle", "suite", "resume", "begin", "fleet"])
def test_a_pattern_without_vehicles_is_red_though_localhost_is_in_the_inventory(
    run: Play, sums: SumsProcess, playbook: str
) -> None:
    played = run(PLAYBOOKS / f"ota_{playbook}.yml", hosts={"good": VIN, "localhost": FAILING_VIN}, ota_hosts="typo")

    assert played.returncode != 0, played.output
    assert "No host matches typo" in played.output
    assert sums.state()["test_events"] == []


@pytest.mark.parametrize("keyword", ["ignore_errors", "check_mode"])
@pytest.mark.parametrize("on", ["play", "role"])
def test_a_keyword_of_ones_own_play_makes_no_pass(
    run: Play, sums: SumsProcess, tmp_path: Path, keyword: str, on: str
) -> None:
    (tmp_path / "own.yml").write_text("- ansible.builtin.assert: {that: false}\n", encoding="utf-8")
    role: dict[str, t.Any] = {
        "name": "Test",
        "ansible.builtin.import_role": {"name": "hatci.automation.hatci_ota_test"},
    }
    play: dict[str, t.Any] = {"hosts": "good", "gather_facts": False, "tasks": [role]}
    (play if on == "play" else role)[keyword] = True
    summary = {"hosts": "good", "gather_facts": False, "tasks": [{"hatci.automation.hatci_summary": {}}]}
    playbook = tmp_path / "play.yml"
    playbook.write_text(yaml.safe_dump([play, summary]), encoding="utf-8")

    played = run(playbook, hosts={"good": VIN}, ota_verify_tasks=str(tmp_path / "own.yml"))

    assert played.returncode == 2, played.output
    assert "PASS" not in [event["status"] for event in sums.state()["test_events"]]
    if keyword == "check_mode":
        assert sums.state()["test_events"] == []


@pytest.mark.parametrize("own", [{}, {"ignore_errors": False}], ids=["of the play", "of its own"])
def test_a_handler_whose_failure_would_be_ignored_makes_no_pass(
    run: Play, sums: SumsProcess, tmp_path: Path, own: dict[str, bool]
) -> None:
    notify = {"name": "Look", "ansible.builtin.command": "true", "notify": "check the dashboard"}
    (tmp_path / "own.yml").write_text(yaml.safe_dump([notify]), encoding="utf-8")
    play = {
        "hosts": "good",
        "gather_facts": False,
        "ignore_errors": True,
        "handlers": [{"name": "check the dashboard", "ansible.builtin.fail": {"msg": "It is dark."}, **own}],
        "tasks": [{"ansible.builtin.import_role": {"name": "hatci.automation.hatci_ota_test"}}],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")

    played = run(tmp_path / "play.yml", hosts={"good": VIN}, ota_verify_tasks=str(tmp_path / "own.yml"))

    assert "PASS" not in [event["status"] for event in sums.state()["test_events"]], played.output
    told = "It is dark." if own else "whose failure would not be seen, since the play has ignore_errors"
    assert told in " ".join(played.output.split()), played.output


def test_a_verdict_on_all_vehicles_is_no_failure_of_the_one_that_speaks_it(run: Play, sums: SumsProcess) -> None:
    """The test event of the first host is open where its play was cut short."""
    begin = {"hatci.automation.hatci_test_event": {"vin": VIN, "suite_name": "own"}}
    connection = {"hatci_base_url": "{{ hatci_base_url }}", "hatci_token": "{{ hatci_token }}"}
    play = {
        "hosts": "good",
        "gather_facts": False,
        "module_defaults": {"group/hatci.automation.hatci": connection},
        "tasks": [begin, {"hatci.automation.hatci_summary": {}}],
    }
    played = run(yaml.safe_dump([play]), hosts={"good": VIN})

    assert played.returncode == 2, played.output
    wait_until(lambda: [event["status"] for event in sums.state()["test_events"]] == ["FAIL"])
    (test_event,) = sums.state()["test_events"]
    assert test_event["metadata"]["outcome"] == "ABORTED", test_event


@pytest.mark.parametrize("part", ["main", "hand_over"])
def test_a_test_that_would_be_predicted_in_parts_is_refused(
    run: Play, sums: SumsProcess, tmp_path: Path, part: str
) -> None:
    role = {"ansible.builtin.import_role": {"name": "hatci.automation.hatci_ota_test", "tasks_from": part}}
    play = {"hosts": "all", "connection": "local", "gather_facts": False, "check_mode": True, "tasks": [role]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")

    played = run(tmp_path / "play.yml", hosts={"good": VIN})

    assert played.returncode == 2, played.output
    assert "check_mode is a keyword of the play" in played.output.replace("\n", " ")
    assert sums.state()["test_events"] == []
