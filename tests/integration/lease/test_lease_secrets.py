# SPDX-License-Identifier: GPL-3.0-or-later
"""Neither the token for SUMS nor the one for the controller shows anywhere but where the user has put it."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from lease_support import ACQUIRE, ControllerDevice, Device, StartPlay, exporter_config, fake_jmp, wait_for
from playbook_runner import read_results
from secrets_support import CANARY, TokenSearch, logging_environment

from hatci_lab.controller.process import ControllerProcess

COLLECTION = "hatci.automation.jumpstarter_"
WAYS: dict[str, dict[str, str]] = {"in-process": {}, "module": {"HATCI_WAY": "module"}}
WORK = """
        - name: Work
          hatci.automation.jumpstarter_shell:
            exporter: "{{ jumpstarter_exporter_name }}"
            command: env; touch {{ works }}; sleep 600
"""
NO_LOG = """
        - name: Print
          hatci.automation.jumpstarter_shell:
            exporter: "{{ jumpstarter_exporter_name }}"
            command: "echo {{ lookup('ansible.builtin.env', 'HATCI_TOKEN') }}"
          no_log: true
          register: printed
        - name: Print and fail
          hatci.automation.jumpstarter_shell:
            exporter: "{{ jumpstarter_exporter_name }}"
            command: "echo {{ lookup('ansible.builtin.env', 'HATCI_TOKEN') }} ; false"
          no_log: true
          ignore_errors: true
        - name: Use what was printed
          ansible.builtin.assert:
            that: printed.results[0].stdout is search('canary')
            quiet: true
"""
TOKEN = "{{ secret_token }}"
EXPORTER = {**exporter_config("sim9"), "token": TOKEN}


def token_of(config: Path) -> str:
    return str(yaml.safe_load(config.read_text())["token"])


@pytest.fixture
def configs(controller: ControllerProcess, secrets: Path, search: TokenSearch) -> dict[str, str]:
    """Return client configs by what is wrong with them, if anything, and look for their tokens from now on."""
    good = controller.client_config("alice")
    data = yaml.safe_load(good.read_text())
    head, _dot, _signature = data["token"].rpartition(".")
    wrong: dict[str, dict[str, t.Any]] = {
        "refused": {"token": f"{head}.{CANARY}"},
        "garbage": {"token": CANARY},
        "broken": {"token": [data["token"]], "refresh_token": CANARY},
    }
    for name, changes in wrong.items():
        (secrets / f"{name}.yaml").write_text(yaml.safe_dump({**data, **changes}))
    expired = controller.expired_token_config("alice")
    for config in (good, expired):
        search.watch(token_of(config))
    return {
        **{name: str(secrets / f"{name}.yaml") for name in wrong},
        "expired": str(expired),
        "good": str(good),
    }


@pytest.fixture
def spying_jmp(tmp_path: Path) -> tuple[Path, Path]:
    """Return the directory of a jmp that writes down how it was started, and the directory of its notes."""
    notes = tmp_path / "notes"
    notes.mkdir()
    spy = (
        f'tr "\\0" "\\n" </proc/$$/environ >{notes}/$$\ntr "\\0" "\\n" </proc/$$/cmdline >>{notes}/$$\nexec REAL "$@"\n'
    )
    return fake_jmp(tmp_path / "bin", spy), notes


def tasks_of(configs: dict[str, str], secrets: Path, environment: dict[str, str]) -> list[dict[str, t.Any]]:
    """Return every module, succeeding, failing, refused and refusing, with results kept as facts."""
    good = {"client_config": configs["good"]}
    held = {"lease_name": "{{ kept_1.lease_name }}"}
    directories = {"directory": str(secrets / "exporters.d"), "link_directory": str(secrets / "exporters")}
    calls: list[tuple[str, dict[str, t.Any]]] = [
        ("info", good),
        ("lease", {**good, "exporter": "sim1"}),
        ("power", {**held, "state": "on"}),
        ("shell", {**held, "commands": ["env", "j power explode"]}),
        ("lease", {**good, **held, "state": "renew", "output": "yaml"}),
        ("orphans", {**good, "running_jobs": []}),
        ("lease", {**good, **held, "state": "release"}),
        ("lease", {**good, "exporter": "nobody", "state": "create"}),
        ("power", {"exporter": "sim2", "state": "off"}),
        ("exporter", {**directories, "name": "sim9", "content": json.dumps(EXPORTER)}),
        ("exporter", {**directories, "name": "sim9", "content": f"token: {TOKEN}\nexport: ["}),
        ("exporter", {**directories, "name": "sim9", "content": f"token: {TOKEN}\nkind: Other"}),
        ("info", {"client_config": configs["expired"]}),
        ("info", {**good, "mode": "remote"}),
        ("shell", {"client_config": configs["garbage"], "lease_name": "hatci-other", "command": "true"}),
    ]
    for kind in ("refused", "broken"):
        config = {"client_config": configs[kind]}
        calls += [
            ("lease", {**config, "exporter": "sim1", "timeout": 1}),
            ("lease", {**config, "lease_name": "hatci-other", "state": "release", "timeout": 0}),
            ("power", {**config, "lease_name": "hatci-other", "state": "on"}),
        ]
    tasks: list[dict[str, t.Any]] = []
    for number, (name, arguments) in enumerate(calls):
        keep = {f"kept_{number}": "{{ outcome }}", "cacheable": True}
        tasks.append(
            {
                "name": f"{number} {name}",
                COLLECTION + name: arguments,
                "environment": environment,
                "ignore_errors": True,
                "register": "outcome",
            }
        )
        tasks.append({"ansible.builtin.set_fact": keep})
        tasks.append({"ansible.builtin.set_stats": {"data": {f"kept_{number}": "{{ outcome }}"}}})
    return tasks


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "arguments"), [("in-process", ()), ("module", ()), ("in-process", ("--check", "--diff"))]
)
def test_no_token_shows_in_what_the_modules_say_and_leave(
    configs: dict[str, str],
    secrets: Path,
    search: TokenSearch,
    spying_jmp: tuple[Path, Path],
    run: StartPlay,
    ansible_playbook: t.Any,
    way: str,
    arguments: tuple[str, ...],
    tmp_path: Path,
) -> None:
    tasks = tasks_of(configs, secrets, WAYS[way])
    playbook = yaml.safe_dump([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}])
    path, notes = spying_jmp
    home = ansible_playbook.directory / "run-1"

    play = run(
        playbook,
        arguments=("-vvvv", "-e", f"@{secrets / 'variables.json'}", *arguments),
        variables={"jumpstarter_lease_guard_lock_dir": str(tmp_path / "locks")},
        env={**logging_environment(home), "HATCI_TOKEN": CANARY, "ANSIBLE_SHOW_CUSTOM_STATS": "true"},
        path_first=path,
    )
    wait_for(lambda: not play.processes())

    assert play.process.returncode == 0, play.output
    search.play(play)
    search.files(notes)
    search.files(tmp_path / "locks")
    assert (play.home / "ansible.log").stat().st_size > 1000 and list((play.home / "facts").iterdir())
    assert ("AnsiballZ_jumpstarter" in play.output) == (way == "module")
    outcomes = [
        task.outcome for task in read_results(play.home / "results.jsonl") if task.action.startswith(COLLECTION)
    ]
    assert outcomes.count("failed") >= (4 if arguments else 12) and outcomes.count("ok") >= 9
    assert any("jmp\n" in note.read_text() for note in notes.iterdir())


@pytest.mark.parametrize("mode", ["controller", "local"], indirect=True)
def test_only_ansible_itself_has_the_token_for_sums_that_came_by_the_environment(
    device: Device, search: TokenSearch, start: StartPlay, secrets: Path, tmp_path: Path
) -> None:
    """While a command works on the device, with a keeper beside it; then the play is killed."""
    if isinstance(device, ControllerDevice):
        search.watch(token_of(device.controller.client_config("alice")))
    works = tmp_path / "works"

    play = start(ACQUIRE + WORK, device, variables={"works": str(works)}, env={"HATCI_TOKEN": CANARY})
    play.until(works.exists)
    seen, found = search.processes()
    play.kill_group()
    play.assert_gives_back(device)

    assert found and all("ansible-playbook" in arguments for arguments in found), found
    for started in ("keeper_process", " shell ", "runner.py", "sleep 600"):
        assert any(started in arguments for arguments in seen)
    search.play(play)


def test_only_ansible_and_jmp_have_the_token_for_the_controller_that_came_by_the_environment(
    leased: ControllerDevice, search: TokenSearch, start: StartPlay, tmp_path: Path
) -> None:
    config = yaml.safe_load(leased.controller.client_config("alice").read_text())
    environment = {
        "JMP_NAMESPACE": config["metadata"]["namespace"],
        "JMP_NAME": config["metadata"]["name"],
        "JMP_ENDPOINT": config["endpoint"],
        "JMP_TLS": json.dumps(config["tls"]),
        "JMP_TOKEN": config["token"],
    }
    search.watch(config["token"])
    works = tmp_path / "works"
    variables = {"works": str(works), "jumpstarter_exporter_name": leased.name}

    play = start(ACQUIRE + WORK.replace("env;", ""), variables=variables, env=environment)
    play.until(works.exists)
    seen, found = search.processes()
    play.kill_group()
    play.assert_gives_back(leased)

    assert any("keeper_process" in arguments for arguments in seen)
    assert not any("keeper_process" in arguments or "sleep 600" in arguments for arguments in found)
    search.play(play)


@pytest.mark.parametrize("mode", ["local"], indirect=True)
def test_no_log_hides_what_a_shell_printed(device: Device, search: TokenSearch, start: StartPlay) -> None:
    """Registered all the same, as with every module."""
    play = start(ACQUIRE + NO_LOG, device, env={"HATCI_TOKEN": CANARY})
    assert play.wait() == 0, play.output
    assert play.result("Print") and play.result("Print and fail")
    search.play(play)
