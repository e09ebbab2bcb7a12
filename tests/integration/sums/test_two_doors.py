# SPDX-License-Identifier: GPL-3.0-or-later
"""Every SUMS module through both ways in: inside ansible-playbook, and as a process of its own."""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from playbook_runner import AnsiblePlaybook, PlayResult
from sums_support import ARGUMENTS, EVENT, MODULES, VIN, assert_is_sentence

from hatci_lab.sums.process import SumsProcess


@dataclasses.dataclass(frozen=True)
class Case:
    """One task; `needs` is text that its result must contain, so that the case is what it is meant to be."""

    module: str
    arguments: dict[str, t.Any]
    needs: str
    check_mode: bool = False
    keywords: dict[str, t.Any] = dataclasses.field(default_factory=dict)


class Raw(str):
    """YAML with a tag, kept as it is."""


def _without(name: str) -> dict[str, t.Any]:
    return {key: value for key, value in EVENT.items() if key != name}


def _deep(levels: int) -> t.Any:
    value: t.Any = 1
    for _unused in range(levels):
        value = {"a": value}
    return value


CASES: dict[str, Case] = {
    "health": Case("hatci_health", {}, '"status": "ok"'),
    "health in check mode": Case("hatci_health", {}, '"status": "ok"', check_mode=True),
    "create, source": Case("hatci_create_event", {**EVENT, "update_type": "RROM"}, "ev-000001"),
    "create, target": Case("hatci_create_event", {**EVENT, "remark": "ü\u2028", "model_year": 2024}, "ev-000002"),
    "create in check mode": Case("hatci_create_event", EVENT, "check-mode", check_mode=True),
    "create with types that YAML has": Case(
        "hatci_create_event",
        {**EVENT, "model_year": 2024, "build_level": 1.5, "remark": True, "region_spec": Raw("2024-02-01")},
        "build_level is the number 1.5; put it into quotes. remark is the boolean true; put it into quotes.",
    ),
    "create, reply lost": Case("hatci_create_event", EVENT, "It is unknown whether SUMS now has"),
    "create without a VIN": Case("hatci_create_event", _without("vin"), "missing required arguments: vin"),
    "create with an empty VIN": Case("hatci_create_event", {**EVENT, "vin": ""}, "vin is empty"),
    "create with no VIN at all": Case("hatci_create_event", {**EVENT, "vin": None}, "vin"),
    "create with an unknown kind": Case("hatci_create_event", {**EVENT, "update_type": "X"}, "must be one of"),
    "create with an unknown option": Case("hatci_create_event", {**EVENT, "colour": "red"}, "Unsupported parameters"),
    "create without ECUs": Case("hatci_create_event", {**EVENT, "ecus": []}, "ecus is empty"),
    "create with half an ECU": Case("hatci_create_event", {**EVENT, "ecus": [{"ecu_name": "A"}]}, "part_number"),
    "create with a text for ECUs": Case(
        "hatci_create_event", {**EVENT, "ecus": "Gateway"}, "ecus is text; give a list."
    ),
    "deploy what is not fixed": Case("hatci_deploy_event", {"event_id": "ev-000002"}, "is not fixed"),
    "fix": Case("hatci_fix_event", {"event_id": "ev-000002"}, '"fixed": true'),
    "fix again": Case("hatci_fix_event", {"event_id": "ev-000002"}, '"changed": false'),
    "fix in check mode": Case("hatci_fix_event", {"event_id": "ev-000001"}, '"changed": true', check_mode=True),
    "fix what check mode promised": Case("hatci_fix_event", {"event_id": "check-mode"}, "placeholder"),
    "fix an unknown event": Case("hatci_fix_event", {"event_id": "ev/../9"}, "SUMS answered 404"),
    "fix, no JSON": Case("hatci_fix_event", {"event_id": "ev-html"}, "HTML page titled 'Sign in'"),
    "fix, endless": Case("hatci_fix_event", {"event_id": "ev-huge"}, "more than 4 MiB"),
    "deploy what is not the target": Case("hatci_deploy_event", {"event_id": "ev-000001"}, "is a source event (RROM)"),
    "deploy": Case("hatci_deploy_event", {"event_id": "ev-000002"}, "deploy-000001"),
    "deploy in check mode": Case("hatci_deploy_event", {"event_id": "ev-000002"}, "check-mode", check_mode=True),
    "deploy none": Case(
        "hatci_deploy_event", {"event_id": "ev-000002", "deployment_count": 0}, "deployment_count is 0"
    ),
    "deploy many words": Case(
        "hatci_deploy_event", {"event_id": "ev-000002", "deployment_count": "x"}, "deployment_count"
    ),
    "wait": Case(
        "hatci_update_status",
        {"deployment_id": "deploy-000001", "wait": True, "poll_interval": 0.05, "wait_timeout": 30},
        '"state": "COMPLETE"',
    ),
    "wait for a failure": Case(
        "hatci_update_status", {"deployment_id": "d-failed", "wait": True, "poll_interval": 0.05}, "ECU on fire"
    ),
    "wait too short": Case(
        "hatci_update_status",
        {"deployment_id": "d-busy", "wait": True, "poll_interval": 0.05, "wait_timeout": 0.2},
        "did not end within 0.2 s",
    ),
    "wait in check mode": Case(
        "hatci_update_status", {"deployment_id": "d-busy", "wait": True}, '"state": "REBOOTING"', check_mode=True
    ),
    "look": Case("hatci_update_status", {"deployment_id": "d-failed"}, '"state": "FAILED"'),
    "look at an event": Case("hatci_update_status", {"event_id": "ev-000002"}, '"state": "FIXED"'),
    "look at nothing": Case("hatci_update_status", {}, "deployment_id, event_id"),
    "look at what is too deep": Case("hatci_update_status", {"event_id": "ev-deep"}, "no JSON"),
    "test event": Case(
        "hatci_test_event",
        {
            "vin": VIN,
            "abort_with_play": False,
            "metadata": {
                "n": 1,
                "big": 2**70,
                "x": 1.5,
                "none": None,
                "list": [True, {"ü": "\U0001f697"}],
                "day": Raw("2024-02-01"),
                "moment": Raw("2024-02-01T08:00:00Z"),
                "unsafe": Raw("!unsafe '{{ x }}'"),
                "vaulted": Raw("!vault |\nVAULT"),
                "templated": "{{ [1, 2] }}",
            },
        },
        "te-000001",
    ),
    "test event in check mode": Case("hatci_test_event", {"vin": VIN}, "check-mode", check_mode=True),
    "test event, fault": Case("hatci_test_event", {"vin": VIN}, "It is unknown whether SUMS now has"),
    "test event that is no JSON": Case("hatci_test_event", {"vin": VIN, "metadata": {"x": Raw(".nan")}}, "JSON"),
    "report": Case(
        "hatci_test_event_update",
        {"test_event_id": "te-000001", "status": "PASS", "summary": "all well", "artifact_urls": ["http://a/b"]},
        '"status": "PASS"',
    ),
    "report in check mode": Case(
        "hatci_test_event_update", {"test_event_id": "te-000001", "status": "FAIL"}, '"FAIL"', check_mode=True
    ),
    "report not believed": Case(
        "hatci_test_event_update", {"test_event_id": "te-liar", "status": "PASS"}, "answers that it holds 'FAIL'"
    ),
    "report of nothing": Case("hatci_test_event_update", {"test_event_id": "te-000001"}, "nothing to change"),
    "report, wrong word": Case("hatci_test_event_update", {"test_event_id": "x", "status": "GREEN"}, "must be one of"),
    "report, SUMS down": Case(
        "hatci_test_event_update", {"test_event_id": "te-down", "status": "PASS"}, "It is unknown whether SUMS holds"
    ),
    "wrong token": Case("hatci_health", {"hatci_token": "wrong"}, "SUMS answered 401"),
    "token that is none": Case("hatci_health", {"hatci_token": "two\nlines"}, "hatci_token holds characters"),
    "token from a file that is not there": Case("hatci_health", {"hatci_token_file": "/nowhere"}, "cannot be read"),
    "no token": Case("hatci_health", {"hatci_token": Raw("~")}, "hatci_token is empty"),
    "address that is none": Case("hatci_health", {"hatci_base_url": "sums"}, "not a valid address of a server"),
    "nobody at the address": Case("hatci_health", {"hatci_base_url": "http://127.0.0.1:9"}, "connection refused"),
    "plain http": Case("hatci_health", {"hatci_base_url": "http://sums.invalid"}, "sums.invalid"),
    "silence": Case("hatci_update_status", {"event_id": "ev-hang", "timeout": 0.3}, "timed out"),
    "no_log": Case("hatci_fix_event", {"event_id": "ev-000002"}, "censored", keywords={"no_log": True}),
}

VAULT_PASSWORD = "vault-password"


def _vaulted(text: str) -> str:
    sealed = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))]).encrypt(text).decode()
    return "\n".join(" " * 18 + line for line in sealed.splitlines())


def _as_yaml(tasks: list[dict[str, t.Any]]) -> str:
    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: t.Any) -> bool:
            return True

    marks: dict[str, str] = {}

    def represent(dumper: yaml.SafeDumper, data: Raw) -> yaml.Node:
        mark = f"raw-{len(marks)}-"
        marks[mark] = str(data).replace("VAULT", _vaulted("a vaulted word"))
        return dumper.represent_str(mark)

    Dumper.add_representer(Raw, represent)
    text = yaml.dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}], Dumper=Dumper, allow_unicode=True)
    for mark, raw in marks.items():
        text = text.replace(mark, raw)
    return text


def _playbook(url: str, token: str, environment: dict[str, str]) -> str:
    connection = {"hatci_base_url": url, "hatci_token": token, "timeout": 5, "retry_timeout": 0}
    tasks = [
        {
            "name": name,
            f"hatci.automation.{case.module}": {**connection, **case.arguments},
            "check_mode": case.check_mode,
            "ignore_errors": True,
            "environment": environment,
            **case.keywords,
        }
        for name, case in CASES.items()
    ]
    return _as_yaml(tasks)


def _arm(sums: SumsProcess) -> None:
    for kind in ("html", "huge", "hang"):
        sums.add_fault(kind=kind, path=f"/events/ev-{kind}", times=0)
    sums.add_fault(kind="replace", path="/events/ev-deep", body=_deep(300), times=0)
    failed = {"state": "failed", "reason": "ECU on fire", "timestamps": {"finished_at": "now"}}
    sums.add_fault(kind="replace", path="/deployments/d-failed", body=failed, times=0)
    sums.add_fault(kind="replace", path="/deployments/d-busy", body={"status": "rebooting", "progress": 7}, times=0)
    sums.add_fault(kind="drop_after", method="POST", path="/events", skip=2)
    sums.add_fault(kind="status_after_commit", method="POST", path="/test_events", skip=1)
    sums.add_fault(kind="replace", path="/test_events/te-liar", body={"id": "te-liar", "status": "FAIL"}, times=0)
    sums.add_fault(kind="status", path="/test_events/te-down", status=500, times=0)


@dataclasses.dataclass(frozen=True)
class Run:
    """What one way in made of all cases."""

    play: PlayResult
    requests: list[t.Any]
    state: t.Any


def _run_all(sums: SumsProcess, directory: Path, core: Path, way: str) -> Run:
    sums.reset()
    _arm(sums)
    directory.mkdir()
    password = directory / "password"
    password.write_text(VAULT_PASSWORD)
    environment = {"HATCI_WAY": "module"} if way == "module" else {}
    extra = {"JOB_ID": "4711"}
    if way == "in-process":
        extra["ANSIBLE_REMOTE_TMP"] = "/dev/null/nothing-runs-there"
    play = AnsiblePlaybook(directory, core)(
        _playbook(sums.url, sums.token, environment), "--vault-password-file", str(password), "-vvv", env=extra
    )
    return Run(play, sums.requests(), sums.state())


VOLATILE: list[tuple[str, str]] = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME"),
]


def _stable(value: t.Any) -> t.Any:
    text = json.dumps(value, sort_keys=True)
    for pattern, word in VOLATILE:
        text = re.sub(pattern, word, text)
    return json.loads(text)


def _plain(result: dict[str, t.Any]) -> t.Any:
    return _stable({name: value for name, value in result.items() if not name.startswith("_ansible")})


def _sent(run: Run) -> list[t.Any]:
    shown = ("method", "path", "query", "body", "headers", "authorized", "status", "committed")
    # How often a wait looks is a matter of time.
    requests = [request for request in run.requests if not request["path"].startswith("/api/v1/deployments/d")]
    return t.cast("list[t.Any]", _stable([{name: request[name] for name in shown} for request in requests]))


def test_both_doors_are_the_same(sums: SumsProcess, tmp_path: Path, core: Path) -> None:
    """All in one test, since running every case twice takes its time."""
    inside = _run_all(sums, tmp_path / "inside", core, "in-process")
    outside = _run_all(sums, tmp_path / "outside", core, "module")

    assert "AnsiballZ_hatci" not in inside.play.output
    assert outside.play.output.count("AnsiballZ_hatci") > len(MODULES)
    differences = {}
    for name, case in CASES.items():
        one, other = _plain(inside.play.task(name)), _plain(outside.play.task(name))
        if case.needs not in json.dumps(one, ensure_ascii=False):
            differences[name] = (f"{case.needs} is not in", one)
        elif one != other:
            keys = {*one, *other}
            differences[name] = {key: (one.get(key), other.get(key)) for key in keys if one.get(key) != other.get(key)}
    assert not differences, json.dumps(differences, indent=1)
    assert _sent(inside) == _sent(outside)
    assert len(_sent(inside)) > 20
    for run in (inside, outside):
        _assert_sentences(run.play)
        metadata = run.state["test_events"][0]["metadata"]
        assert metadata["vaulted"] == "a vaulted word" and metadata["unsafe"] == "{{ x }}"
        assert metadata["day"] == "2024-02-01" and metadata["templated"] == [1, 2]
    kept = [_stable({name: run.state[name] for name in ("events", "test_events")}) for run in (inside, outside)]
    assert kept[0] == kept[1]


def _assert_sentences(play: PlayResult) -> None:
    failures = [task for task in play.tasks if task.outcome == "failed" and "msg" in task.result]
    assert len(failures) > 20
    for task in failures:
        assert "Traceback" not in json.dumps(task.result), task.name
        if not re.search("argument|parameters|value of|one of the following|could not parse", task.result["msg"]):
            assert_is_sentence(task.result["msg"])


def test_check_mode_sends_reads_only(sums: SumsProcess, ansible_playbook: AnsiblePlaybook) -> None:
    event = sums.api("POST", "/events", EVENT).json()["event_id"]
    sums.api("POST", f"/events/{event}/fix", {})
    sums.api("POST", "/deployments", {"event_id": event})
    sums.clear_requests()
    tasks = [
        {f"hatci.automation.{name}": {"hatci_base_url": sums.url, "hatci_token": sums.token, **ARGUMENTS[name]}}
        for name in MODULES
    ]

    play = ansible_playbook(_as_yaml(tasks), "--check", "--diff")

    assert play.returncode == 0, play.output
    assert {request["method"] for request in sums.requests()} == {"GET"}


def test_options_come_from_the_environment_too(
    sums: SumsProcess, ansible_playbook: AnsiblePlaybook, tmp_path: Path
) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(sums.token)
    play = ansible_playbook(
        _as_yaml([{"name": "one", "hatci.automation.hatci_health": {}}]),
        env={"HATCI_BASE_URL": sums.url, "HATCI_TOKEN_FILE": str(token_file), "HATCI_TOKEN": "wrong"},
    )

    assert play.returncode == 0, play.output
    assert play.task("one")["health"] == {"status": "ok"}


@pytest.mark.parametrize("way", [{}, {"HATCI_WAY": "module"}], ids=["in-process", "module"])
def test_the_environment_adds_no_file_and_no_key_to_what_a_task_gives(
    sums: SumsProcess, ansible_playbook: AnsiblePlaybook, tmp_path: Path, way: dict[str, str]
) -> None:
    """A token file would replace the token, a key be joined to a certificate that holds its own."""
    files = {"wrong": "wrong", "right": sums.token, "both.pem": "certificate and key"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    wrong, right, both = (str(tmp_path / name) for name in files)
    health = "hatci.automation.hatci_health"
    file_of_task, key = {"HATCI_TOKEN_FILE": right}, {"HATCI_CLIENT_KEY": "/nowhere"}
    good: list[dict[str, t.Any]] = [
        {"name": "token", health: {"hatci_token": sums.token}},
        {"name": "certificate", health: {"hatci_token": sums.token, "client_cert": both}, "environment": key},
        {"name": "file and token", health: {"hatci_token": "wrong", "hatci_token_file": right}},
        {"name": "token of the task's environment", health: {}, "environment": {"HATCI_TOKEN": sums.token}},
        {"name": "both of it", health: {}, "environment": {"HATCI_TOKEN": "wrong", **file_of_task}},
        {"name": "empty token", health: {"hatci_token": ""}, "environment": file_of_task},
    ]
    bad: list[dict[str, t.Any]] = [
        {"name": "token, file of the task's environment", health: {"hatci_token": "no"}, "environment": file_of_task},
        {"name": "empty certificate", health: {"hatci_token": sums.token, "client_cert": ""}, "environment": key},
    ]
    for task in (*good, *bad):
        task.update(ignore_errors=True, environment={**way, **task.get("environment", {})})

    play = ansible_playbook(
        _as_yaml([*good, *bad]), "-vvv", env={"HATCI_BASE_URL": sums.url, "HATCI_TOKEN_FILE": wrong}
    )

    assert ("AnsiballZ_hatci" in play.output) == bool(way)
    seen = {task["name"]: play.task(task["name"]) for task in (*good, *bad)}
    assert [name for name, result in seen.items() if "health" in result] == [task["name"] for task in good], seen
    assert "SUMS answered 401" in seen["token, file of the task's environment"]["msg"]
    assert "client_key is /nowhere" in seen["empty certificate"]["msg"]


def test_group_defaults_reach_every_module(sums: SumsProcess, ansible_playbook: AnsiblePlaybook) -> None:
    tasks: list[dict[str, t.Any]] = [
        {
            "module_defaults": {
                "group/hatci.automation.hatci": {"hatci_base_url": sums.url, "hatci_token": sums.token}
            },
            "check_mode": True,
            "ignore_errors": True,
            "block": [{"name": name, f"hatci.automation.{name}": ARGUMENTS[name]} for name in MODULES],
        }
    ]

    play = ansible_playbook(_as_yaml(tasks))

    for name in MODULES:
        assert play.task(name)["invocation"]["module_args"]["hatci_base_url"] == sums.url


def test_async_takes_the_module_door(sums: SumsProcess, ansible_playbook: AnsiblePlaybook) -> None:
    connection = {"hatci_base_url": sums.url, "hatci_token": sums.token}
    tasks = [
        {"name": "later", "hatci.automation.hatci_health": connection, "async": 30, "poll": 1},
        {"name": "loop", "hatci.automation.hatci_health": connection, "loop": [1, 2]},
    ]

    async_dir = str(ansible_playbook.directory / "async")
    play = ansible_playbook(_as_yaml(tasks), "-vvv", env={"ANSIBLE_ASYNC_DIR": async_dir})

    assert play.returncode == 0, play.output[-3000:]
    assert "AnsiballZ_hatci_health" in play.output
    assert play.task("later")["health"] == {"status": "ok"}
    assert [one["health"] for one in play.task("loop")["results"]] == [{"status": "ok"}] * 2
