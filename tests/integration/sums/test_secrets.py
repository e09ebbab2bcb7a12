# SPDX-License-Identifier: GPL-3.0-or-later
"""A token that must show nowhere: not in output, results, logs, caches, files left behind or other processes."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from play_support import HOME, processes_of, wait_until
from playbook_runner import AnsiblePlaybook
from secrets_support import CANARY, TokenSearch, echo_in_records, had_to_hide, logging_environment
from sums_support import ARGUMENTS, EVENT, MODULES, VIN

from hatci_lab.sums.process import SumsProcess

WAYS: dict[str, dict[str, str]] = {"in-process": {}, "module": {"HATCI_WAY": "module"}}


def echo_everywhere(sums: SumsProcess) -> None:
    """Let SUMS repeat the token in records and errors, whole, nested, escaped and at the edge of what is shown."""
    echo_in_records(sums, state="FAILED")
    sums.add_fault(kind="status", path="/events/bad-400", status=400, body={"error": f"no {CANARY}"}, times=0)
    sums.add_fault(kind="status", path="/events/bad-401", status=401, body=f"Bearer {CANARY} expired", times=0)
    sums.add_fault(kind="status", path="/events/bad-500", status=500, body={"x": {"y": CANARY}}, times=0)
    sums.add_fault(kind="status", path="/events/bad-edge", status=422, body="x" * 285 + CANARY, times=0)
    sums.add_fault(
        kind="redirect", path="/events/bad-302", headers={"location": f"https://{CANARY}.example/{CANARY}"}, times=0
    )
    sums.add_fault(kind="status", path="/events/bad-page", status=200, body=f"<title>{CANARY}</title>", times=0)


def tasks_of(connection: dict[str, t.Any], environment: dict[str, str]) -> list[dict[str, t.Any]]:
    """Return every module, succeeding, failing, refused and refusing, with results kept as facts."""
    calls: list[tuple[str, dict[str, t.Any]]] = [
        *((name, ARGUMENTS[name]) for name in MODULES),
        *(("hatci_update_status", {"event_id": f"bad-{kind}"}) for kind in (400, 401, 500, "edge", 302, "page")),
        *(("hatci_fix_event", {"event_id": f"bad-{kind}"}) for kind in (400, 401)),
        ("hatci_update_status", {"deployment_id": "deploy-000001", "wait": True, "poll_interval": 0.1}),
        ("hatci_create_event", {**EVENT, "ecus": "none"}),
        ("hatci_create_event", {**EVENT, "unknown_option": True}),
        ("hatci_test_event_update", {"test_event_id": "te-000001", "status": "GREEN"}),
        ("hatci_health", {"timeout": "long"}),
        ("hatci_health", {"hatci_base_url": "http://127.0.0.1:9"}),
        ("hatci_health", {"hatci_base_url": "https://user:password@127.0.0.1:9"}),
    ]
    if "hatci_token" in connection:
        calls.append(("hatci_health", {"hatci_token": connection["hatci_token"] + "\nX-Evil: 1"}))
        calls.append(("hatci_health", {"hatci_token": connection["hatci_token"] + " ü"}))
    tasks: list[dict[str, t.Any]] = [evidence("started", test={"host": "vehicle_001"}, path=f"{HOME}/evidence")]
    for number, (name, arguments) in enumerate(calls):
        tasks.append(
            {
                "name": f"{number} {name}",
                f"hatci.automation.{name}": {**connection, **arguments},
                "environment": environment,
                "ignore_errors": True,
                "register": "outcome",
            }
        )
        tasks.append({"ansible.builtin.set_fact": {f"kept_{number}": "{{ outcome }}", "cacheable": True}})
    tasks.append(evidence("bundled", path="{{ __hatci_evidence.path }}", test={"outcome": "PASS", "summary": "Done."}))
    tasks[-1] |= {"register": "bundled", "when": "not ansible_check_mode"}
    return tasks


def evidence(state: str, **arguments: t.Any) -> dict[str, t.Any]:
    """Return the task that begins or ends a journal of what the others do."""
    return {"hatci.automation.hatci_evidence": {"state": state, **arguments}, "register": "__hatci_evidence"}


def playbook_of(tasks: list[dict[str, t.Any]]) -> str:
    return str(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}], allow_unicode=True))


@pytest.mark.matrix
@pytest.mark.states_outcome
@pytest.mark.parametrize("mode", ["run", "check"])
@pytest.mark.parametrize("way", WAYS)
def test_the_token_shows_nowhere(
    guarded: SumsProcess, secrets: Path, search: TokenSearch, ansible_playbook: AnsiblePlaybook, way: str, mode: str
) -> None:
    if mode == "check" or way == "in-process":
        event = guarded.api("POST", "/events", EVENT).json()["event_id"]
        guarded.api("POST", f"/events/{event}/fix", {})
        guarded.api("POST", "/deployments", {"event_id": event})
    echo_everywhere(guarded)
    by_option = {"hatci_base_url": guarded.url, "hatci_token": "{{ secret_token }}", "retry_timeout": 0}
    by_file = {"hatci_base_url": guarded.url, "hatci_token_file": str(secrets / "token"), "retry_timeout": 0}
    playbook = playbook_of([*tasks_of(by_option, WAYS[way]), *tasks_of(by_file, WAYS[way])])
    guarded.clear_requests()

    play = ansible_playbook(
        playbook,
        "-vvvv",
        "-e",
        f"@{secrets / 'variables.json'}",
        *(["--check", "--diff"] if mode == "check" else []),
        env=logging_environment(ansible_playbook.directory / "run-1"),
    )
    wait_until(lambda: not processes_of(ansible_playbook.directory))

    sent = guarded.requests()
    assert sum(request["authorized"] for request in sent) >= 20
    assert ("AnsiballZ_hatci" in play.output) == (way == "module")
    outcomes = [task.outcome for task in play.tasks if task.action.startswith("hatci")]
    assert outcomes.count("failed") > 15 and outcomes.count("ok") > 5
    assert (play.home / "ansible.log").stat().st_size > 1000 and list((play.home / "facts").iterdir())
    search.play(play)
    assert had_to_hide(play)


def test_a_failed_task_can_be_shown(
    guarded: SumsProcess, secrets: Path, search: TokenSearch, ansible_playbook: AnsiblePlaybook
) -> None:
    """As anybody does in a rescue; a retried task, and one of a loop, must still have its token each time."""
    show = {"ansible.builtin.debug": {"msg": "{{ ansible_failed_task }} {{ ansible_failed_result }}"}}
    by_option = {"hatci_base_url": guarded.url, "hatci_token": "{{ secret_token }}"}
    lookup = "{{ lookup('hatci.automation.hatci_connection') }}"
    fix: dict[str, t.Any] = {"hatci.automation.hatci_fix_event": {"event_id": "nope"}}
    in_environment: dict[str, t.Any] = {
        "hatci.automation.hatci_fix_event": {"event_id": "nope"},
        "environment": {"HATCI_TOKEN": "{{ secret_token }}", "HATCI_BASE_URL": guarded.url},
    }
    wait = {"name": "hatci.automation.hatci_wait_for_update"}
    retried = {"until": "false", "retries": 2, "delay": 0, "register": "tried"}
    failing: list[dict[str, t.Any]] = [
        {"hatci.automation.hatci_fix_event": {"event_id": "nope", **by_option}},
        {**fix, "module_defaults": {"group/hatci.automation.hatci": lookup}},
        {**fix, "module_defaults": {"hatci.automation.hatci_fix_event": {**by_option, "hatci_token": CANARY}}},
        {**fix, "module_defaults": {"group/hatci.automation.hatci": by_option}, **retried},
        {"ansible.builtin.include_role": wait, "vars": {"hatci_deployment_id": "nope"}},
        {**in_environment, **retried},
        {**in_environment, "environment": {**in_environment["environment"], "HATCI_WAY": "module"}},
        {"hatci.automation.hatci_recover": by_option},  # has arguments that cannot be completed
        {"hatci.automation.jumpstarter_info": {"exporter": "a b"}, "environment": {"JMP_TOKEN": "{{ secret_token }}"}},
    ]
    variables = {
        **{"hatci_base_url": guarded.url, "hatci_token": "{{ secret_token }}"},
        "jumpstarter_lease_guard_lock_dir": "{{ nope }}",
    }
    tasks = [{"block": [task], "rescue": [show]} for task in failing]
    # Of a looped task, which no action sees, ansible-core 2.19 itself shows all that its expressions give.
    tasks.append({**failing[0], "loop": [1, 2], "ignore_errors": True})
    guarded.clear_requests()
    play = ansible_playbook(playbook_of(tasks), "-vvv", "-e", f"@{secrets / 'variables.json'}", variables=variables)
    assert play.returncode == 0, play.output
    asked = [request["authorized"] for request in guarded.requests()]
    assert len(asked) >= 13 and all(asked), asked
    # Where a playbook holds the token itself, Ansible has it from there.
    (play.home / "playbook.yml").unlink()
    search.play(play)


@pytest.mark.parametrize("way", WAYS)
def test_no_process_carries_the_token(
    guarded: SumsProcess, secrets: Path, search: TokenSearch, ansible_playbook: AnsiblePlaybook, way: str
) -> None:
    """While a wait goes on, with the closer of a test event beside it; then the play is killed, and it reports."""
    guarded.set_vehicle(VIN, outcome="STUCK")
    event = guarded.api("POST", "/events", EVENT).json()["event_id"]
    guarded.api("POST", f"/events/{event}/fix", {})
    deployment = guarded.api("POST", "/deployments", {"event_id": event}).json()["deployment_id"]
    guarded.clear_requests()
    connection = {"hatci_base_url": guarded.url, "hatci_token": "{{ secret_token }}"}
    wait = {**connection, "deployment_id": deployment, "wait": True, "poll_interval": 0.2, "wait_timeout": 200}
    tasks: list[dict[str, t.Any]] = [
        {"hatci.automation.hatci_test_event": {**connection, "vin": VIN}, "environment": WAYS[way]},
        {"hatci.automation.hatci_update_status": wait, "environment": WAYS[way]},
    ]
    play = ansible_playbook.start(playbook_of(tasks), "-e", f"@{secrets / 'variables.json'}")
    try:
        wait_until(
            lambda: sum("/deployments/" in one["path"] for one in guarded.requests()) >= 3 or play.process.poll()
        )
        assert play.process.poll() is None, play.output
        seen, found = search.processes()
    finally:
        play.end()
    assert any("closer_process" in arguments for arguments in seen)
    modules = [arguments for arguments in seen if f"{play.home}/remote" in arguments]
    assert any("AnsiballZ_hatci_update_status" in arguments for arguments in modules) == (way == "module")
    assert not found, found

    wait_until(lambda: guarded.state()["test_events"][0]["status"] == "FAIL")
    wait_until(lambda: not processes_of(ansible_playbook.directory))
    # A module that Ansible had no time to clean up holds its arguments; that is its own doing, on a SIGKILL only.
    for left in (play.home / "remote").rglob("AnsiballZ_*"):
        left.unlink()
    search.files(play.home)
