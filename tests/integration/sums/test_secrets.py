# SPDX-License-Identifier: GPL-3.0-or-later
"""A token that must show nowhere: not in output, results, logs, caches, files left behind or other processes."""

from __future__ import annotations

import json
import os
import re
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml
from play_support import processes_of, wait_until
from playbook_runner import AnsiblePlaybook
from sums_support import ARGUMENTS, EVENT, MODULES, VIN

from hatci_lab.sums.process import SumsProcess

CANARY = "canary-9c1f7e-hatci-token"
TRACES = re.compile(re.escape(CANARY[:12]), re.IGNORECASE)
"""A part of the token is too much already."""
DOORS: dict[str, dict[str, str]] = {"in-process": {}, "module": {"HATCI_DOOR": "module"}}
SEARCHED: dict[str, int] = {"plays": 0, "results": 0, "files": 0, "processes": 0, "bytes": 0}


@pytest.fixture(scope="module", autouse=True)
def _tell_counts() -> Iterator[None]:
    yield
    print(f"\nsearched for the token: {SEARCHED}")


@pytest.fixture
def guarded(start_sums: Callable[..., SumsProcess]) -> SumsProcess:
    """Return a SUMS that takes nothing but the canary."""
    return start_sums(token=CANARY, update_seconds=0.1)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Return a directory outside of what is searched: where users keep the token."""
    directory = tmp_path / "secrets"
    directory.mkdir()
    (directory / "token").write_text(CANARY + "\n")
    (directory / "variables.json").write_text(json.dumps({"secret_token": CANARY}))
    return directory


def echo_everywhere(sums: SumsProcess) -> None:
    """Let SUMS repeat the token in records and errors, whole, nested, escaped and at the edge of what is shown."""
    echo = {"remark": CANARY, "echo": {"deep": [f"Bearer {CANARY}"], CANARY: 1}, "reason": f"because of {CANARY}"}
    for method, path in (("POST", "/events"), ("POST", "/test_events"), ("PATCH", ".*"), ("GET", "/events/ev-0.*")):
        sums.add_fault(kind="patch", method=method, path=path, body=echo, times=0)
    sums.add_fault(kind="patch", method="GET", path="/deployments/.*", body={**echo, "state": "FAILED"}, times=0)
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
    tasks: list[dict[str, t.Any]] = []
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
    return tasks


def playbook_of(tasks: list[dict[str, t.Any]]) -> str:
    return str(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}], allow_unicode=True))


def search(text: str, where: str) -> None:
    """Assert that a text holds nothing of the token."""
    SEARCHED["bytes"] += len(text)
    found = TRACES.search(text)
    assert not found, f"{where}: ...{text[max(0, found.start() - 300) : found.end() + 40]}..."


def search_files(directory: Path) -> None:
    """Assert that no file or name below a directory holds anything of the token."""
    for path in directory.rglob("*"):
        search(str(path), "a name")
        if path.is_file() and not path.is_symlink():
            SEARCHED["files"] += 1
            search(path.read_bytes().decode("utf-8", "replace"), str(path))


def logging_environment(home: Path) -> dict[str, str]:
    return {
        "ANSIBLE_LOG_PATH": str(home / "ansible.log"),
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(home / "facts"),
    }


@pytest.mark.parametrize("mode", ["run", "check"])
@pytest.mark.parametrize("door", DOORS)
def test_the_token_shows_nowhere(
    guarded: SumsProcess, secrets: Path, ansible_playbook: AnsiblePlaybook, door: str, mode: str
) -> None:
    if mode == "check" or door == "in-process":
        event = guarded.api("POST", "/events", EVENT).json()["event_id"]
        guarded.api("POST", f"/events/{event}/fix", {})
        guarded.api("POST", "/deployments", {"event_id": event})
    echo_everywhere(guarded)
    by_option = {"hatci_base_url": guarded.url, "hatci_token": "{{ secret_token }}", "retry_timeout": 0}
    by_file = {"hatci_base_url": guarded.url, "hatci_token_file": str(secrets / "token"), "retry_timeout": 0}
    playbook = playbook_of([*tasks_of(by_option, DOORS[door]), *tasks_of(by_file, DOORS[door])])
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

    SEARCHED["plays"] += 1
    SEARCHED["results"] += len(play.tasks)
    sent = guarded.requests()
    assert sum(request["authorized"] for request in sent) >= 20
    assert ("AnsiballZ_hatci" in play.output) == (door == "module")
    outcomes = [task.outcome for task in play.tasks if task.action.startswith("hatci")]
    assert outcomes.count("failed") > 15 and outcomes.count("ok") > 5
    assert (play.home / "ansible.log").stat().st_size > 1000 and list((play.home / "facts").iterdir())
    assert "********" in play.output
    search(play.output, "the output")
    search_files(ansible_playbook.directory)


def processes_with_the_token() -> tuple[list[str], list[str]]:
    """Return what the processes of a play are, and which of them carry the token in arguments or environment."""
    seen, found = [], []
    for process in psutil.process_iter():
        try:
            arguments, environment = " ".join(process.cmdline()), json.dumps(process.environ())
        except psutil.Error:
            continue
        if "hatci_lab" in arguments or process.pid == os.getpid():
            continue
        seen.append(arguments)
        if TRACES.search(arguments) or TRACES.search(environment):
            found.append(f"{process.pid} {arguments[:200]}")
    return seen, found


@pytest.mark.parametrize("door", DOORS)
def test_no_process_carries_the_token(
    guarded: SumsProcess, secrets: Path, ansible_playbook: AnsiblePlaybook, door: str
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
        {"hatci.automation.hatci_test_event": {**connection, "vin": VIN}, "environment": DOORS[door]},
        {"hatci.automation.hatci_update_status": wait, "environment": DOORS[door]},
    ]
    play = ansible_playbook.start(playbook_of(tasks), "-e", f"@{secrets / 'variables.json'}")
    try:
        wait_until(
            lambda: sum("/deployments/" in one["path"] for one in guarded.requests()) >= 3 or play.process.poll()
        )
        assert play.process.poll() is None, play.output
        seen, found = processes_with_the_token()
    finally:
        play.end()
    SEARCHED["processes"] += len(seen)
    assert any("closer_process" in arguments for arguments in seen)
    modules = [arguments for arguments in seen if f"{play.home}/remote" in arguments]
    assert any("AnsiballZ_hatci_update_status" in arguments for arguments in modules) == (door == "module")
    assert not found, found

    wait_until(lambda: guarded.state()["test_events"][0]["status"] == "FAIL")
    wait_until(lambda: not processes_of(ansible_playbook.directory))
    # A module that Ansible had no time to clean up holds its arguments; that is its own doing, on a SIGKILL only.
    for left in (play.home / "remote").rglob("AnsiballZ_*"):
        left.unlink()
    search_files(play.home)
