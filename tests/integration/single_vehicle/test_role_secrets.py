# SPDX-License-Identifier: GPL-3.0-or-later
"""The token for SUMS shows nowhere when roles and playbook run, fail or only check, however it was given."""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from play_support import PATHS, PLAYBOOKS, TEST_VARIABLES, VIN, inventory_of, processes_of, wait_until
from playbook_runner import AnsiblePlaybook
from secrets_support import CANARY, KEEP_FACTS, TokenSearch, echo_in_records, had_to_hide, logging_environment

from hatci_lab.sums.process import SumsProcess

PLAYBOOK = PLAYBOOKS / "ota_single_vehicle.yml"
COLLECTION = "hatci.automation."
CONNECTION = {f"group/{COLLECTION}hatci": "{{ lookup('hatci.automation.hatci_connection') }}"}
BEGIN = {f"{COLLECTION}hatci_test_event": {"vin": VIN}, "module_defaults": CONNECTION, "register": "hatci_begun"}
DEPLOY = {
    f"{COLLECTION}hatci_deploy_event": {"event_id": "{{ target_event_id | default('ev-1', true) }}"},
    "module_defaults": CONNECTION,
    "register": "hatci_deployed",
}
DEPLOYMENT = {"hatci_deployment_id": "{{ hatci_deployed.deployment_id | default('deploy-1') }}"}
REPORT = {
    "hatci_test_event_id": "{{ hatci_begun.test_event_id | default('te-1') }}",
    "hatci_test_status": "PASS",
    "hatci_test_summary": "Done.",
}


def role(name: str, tasks_from: str = "main", **variables: t.Any) -> dict[str, t.Any]:
    """Return the task that includes a role."""
    return {"ansible.builtin.include_role": {"name": COLLECTION + name, "tasks_from": tasks_from}, "vars": variables}


STEPS: list[dict[str, t.Any]] = [
    role("hatci_preflight"),
    role("jumpstarter_exporter_config"),
    BEGIN,
    role("jumpstarter_lease_guard"),
    role("hatci_request_update"),
    DEPLOY,
    role("hatci_wait_for_update", **DEPLOYMENT),
    role("jumpstarter_lease_guard", "always"),
    role("hatci_report_results", **REPORT),
    role("jumpstarter_exporter_config", "always", jumpstarter_exporter_cleanup=True),
]
"""Every role with every way into it, in the order of a test."""


def refuse_the_token(sums: SumsProcess) -> None:
    sums.add_fault(kind="status", status=401, body=f"Bearer {CANARY} expired", times=0)


def refuse_the_events(sums: SumsProcess) -> None:
    sums.add_fault(kind="status", method="POST", path="/events", status=422, body={"error": {"is": CANARY}}, times=0)


def refuse_the_report(sums: SumsProcess) -> None:
    sums.add_fault(kind="status", method="PATCH", status=422, body=f"<title>{CANARY}</title>", times=0)


def fail_the_update(sums: SumsProcess) -> None:
    echo_in_records(sums, state="FAILED")


Trouble = Callable[[SumsProcess], None]
RUN: list[str] = []
CHECK = ["--check", "--diff"]


@pytest.fixture
def play(ansible_playbook: AnsiblePlaybook, guarded: SumsProcess, secrets: Path, tmp_path: Path) -> t.Any:
    """Run a playbook at -vvvv with logs and caches, and the token given as users give it."""
    ways: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "variable": ({"hatci_token": "{{ secret_token }}"}, {}),
        "file": ({"hatci_token_file": str(secrets / "token")}, {}),
        "environment": ({}, {"HATCI_TOKEN": CANARY}),
    }

    def run(playbook: str | Path, way: str, *arguments: str, start: bool = False) -> t.Any:
        variables, environment = ways[way]
        inventory = tmp_path / "inventory.yml"
        inventory.write_text(inventory_of(), encoding="utf-8")
        lab = {"hatci_base_url": guarded.url, "hatci_lab_sums_url": guarded.url, **PATHS, **TEST_VARIABLES}
        patience = {"hatci_report_results_retry_timeout": 0, "hatci_preflight_retry_timeout": 0}
        return (ansible_playbook.start if start else ansible_playbook)(
            playbook,
            "-vvvv",
            *("-i", str(inventory), "-e", f"@{secrets / 'variables.json'}"),
            *arguments,
            variables={**lab, **patience, **variables},
            env={**logging_environment(ansible_playbook.directory / "run-1"), **environment},
        )

    return run


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("way", "trouble", "arguments", "returncode"),
    [
        ("variable", echo_in_records, RUN, 0),
        ("environment", refuse_the_token, RUN, 2),
        ("file", refuse_the_events, RUN, 2),
        ("variable", refuse_the_report, RUN, 2),
        ("environment", fail_the_update, RUN, 2),
        ("variable", echo_in_records, CHECK, 0),
        ("file", refuse_the_token, CHECK, 2),
    ],
)
def test_the_token_shows_nowhere_when_a_vehicle_is_tested(
    play: t.Any,
    guarded: SumsProcess,
    search: TokenSearch,
    way: str,
    trouble: Trouble,
    arguments: list[str],
    returncode: int,
) -> None:
    trouble(guarded)

    played = play(PLAYBOOK, way, *arguments)
    wait_until(lambda: not processes_of(played.home))

    assert played.returncode == returncode, played.output
    assert guarded.requests() and all(request["authorized"] for request in guarded.requests())
    assert (played.home / "ansible.log").stat().st_size > 1000
    assert (played.home / "unsent-reports").exists() == (trouble is refuse_the_report)
    search.play(played)
    assert had_to_hide(played) == (arguments == RUN or trouble is refuse_the_token)


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("way", "trouble", "arguments", "failures"),
    [
        ("variable", echo_in_records, RUN, 0),
        ("file", fail_the_update, RUN, 1),
        ("environment", refuse_the_token, RUN, 6),
        ("file", echo_in_records, CHECK, 0),
        ("variable", refuse_the_token, CHECK, 1),
    ],
)
def test_the_token_shows_nowhere_when_each_role_is_used_by_itself(
    play: t.Any,
    guarded: SumsProcess,
    search: TokenSearch,
    way: str,
    trouble: Trouble,
    arguments: list[str],
    failures: int,
) -> None:
    trouble(guarded)
    show = {"name": "Show the failure", "ansible.builtin.debug": {"var": "ansible_failed_result"}}
    tasks = [{"block": [step], "rescue": [show]} for step in STEPS]

    played = play(
        yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": [*tasks, KEEP_FACTS]}]), way, *arguments
    )
    wait_until(lambda: not processes_of(played.home))

    assert played.returncode == 0, played.output
    assert len([task for task in played.tasks if task.name == show["name"]]) == failures, played.output
    (facts,) = (played.home / "facts").iterdir()
    assert "hatci_final_state" in facts.read_text() and "__hatci_wait_for_update" in facts.read_text()
    search.play(played)
    assert had_to_hide(played) == (arguments == RUN or trouble is refuse_the_token)


@pytest.mark.newest_core
def test_no_process_carries_the_token_while_a_vehicle_is_tested(
    play: t.Any, guarded: SumsProcess, search: TokenSearch, core: Path
) -> None:
    """While the update goes on, with keeper and closer beside it; then the play is killed, and both do their work."""
    guarded.set_vehicle(VIN, outcome="STUCK")
    started = play(PLAYBOOK, "variable", start=True)
    try:
        wait_until(lambda: guarded.state()["deployments"] or started.process.poll() is not None)
        assert started.process.poll() is None, started.output
        seen, found = search.processes()
    finally:
        started.end()

    assert not found, found
    for watcher in ("keeper_process", "closer_process"):
        assert any(watcher in arguments and str(core) in arguments for arguments in seen)
    wait_until(lambda: guarded.state()["test_events"][0]["status"] == "FAIL")
    wait_until(lambda: not processes_of(started.home))
    search.files(started.home)
