# SPDX-License-Identifier: GPL-3.0-or-later
"""No token stands in evidence, wherever it came from and however the host gives it."""

from __future__ import annotations

import json
import types
import typing as t
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle, commands, journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence.console import Transcript
from ansible_collections.hatci.automation.plugins.module_utils._evidence.errors import EvidenceError
from ansible_collections.hatci.automation.plugins.module_utils._evidence.operation import manage_evidence
from ansible_collections.hatci.automation.plugins.module_utils._evidence.values import shorten
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import send_report
from ansible_collections.hatci.automation.plugins.plugin_utils import typed_variables
from ansible_collections.hatci.automation.plugins.plugin_utils.journaled_step import (
    VARIABLE,
    JournaledStep,
    secrets_of,
)

TOKEN = 'canary"token'
"""JSON writes it in another way."""


def holding(directory: Path) -> list[str]:
    """Return the names of the files in which something of the token stands."""
    return sorted(path.name for path in directory.iterdir() if "canary" in path.read_text(encoding="utf-8"))


def expression(text: str) -> str:
    """Return text that Ansible takes for an expression."""
    trust = getattr(typed_variables.template, "trust_as_template", str)
    return str(trust(text)) if trust is str else t.cast("str", trust(text))


def templar_of(variables: dict[str, t.Any]) -> Templar:
    return Templar(DataLoader(), variables=variables)


@pytest.mark.parametrize("ended_by", ["play", "closer"])
def test_what_others_have_written_is_swept_when_the_evidence_is_finished(ended_by: str, tmp_path: Path) -> None:
    about = {"host": "vehicle_001", "job": {"url": f"https://aap/?{TOKEN}"}}
    directory = bundle.start(tmp_path, about, None, [TOKEN])
    journal.append(directory, "begin", {"id": "1", "step": "Mine", "module": "debug"})
    journal.append(directory, "end", {"id": "1", "outcome": "failed", "msg": f"refused {TOKEN}", "result": {}})
    console = Transcript(str(directory / "console.log"))
    console.feed(f"export TOKEN={TOKEN}\n".encode())
    console.end()
    console._file.close()
    summary = f"Mine: refused {TOKEN}"
    if ended_by == "closer":
        finished = bundle.finish_as_aborted(directory, "FAIL", summary, [TOKEN])
        assert finished is not None
    else:
        finished, _record = bundle.bundle(directory, {"outcome": "FAIL", "summary": summary}, None, [TOKEN])
    assert holding(finished) == []
    assert "export TOKEN=(hidden)" in (finished / "console.log").read_text(encoding="utf-8")
    assert "refused (hidden)" in json.loads((finished / "record.json").read_bytes())["summary"]


@pytest.mark.parametrize("given", ["text", "expression", "file", "file by expression"])
def test_a_host_may_give_its_token_in_any_way(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HATCI_TOKEN", raising=False)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    known: dict[str, t.Any] = {
        "text": {"hatci_token": TOKEN},
        "expression": {"hatci_token": expression("{{ vaulted }}"), "vaulted": TOKEN},
        "file": {"hatci_token_file": str(tmp_path / "token")},
        "file by expression": {"hatci_token_file": expression("{{ place }}/token"), "place": str(tmp_path)},
    }[given]
    directory = bundle.start(tmp_path / "evidence", {"host": "vehicle_001"}, None)
    task = types.SimpleNamespace(
        name="Ask", action="jumpstarter_shell", args={"commands": [f"echo {TOKEN}"]}, check_mode=False,
        ignore_errors=None, failed_when=[],
    )  # fmt: skip

    step = JournaledStep(task, {VARIABLE: str(directory), **known}, {}, False, templar_of(known))
    step.end({"msg": f"printed {TOKEN}"}, [{"command": "x", "rc": 0, "stdout": TOKEN, "stderr": ""}])

    assert holding(directory) == []


@pytest.mark.parametrize("name", ["hatci_token", "hatci_token_file"])
def test_a_token_that_cannot_be_rendered_or_read_is_left_to_whoever_needs_it(name: str) -> None:
    known = {name: expression("{{ not_set }}")}
    assert not any("not_set" in secret for secret in secrets_of(known, templar_of(known)))
    assert secrets_of({name: "/nowhere\0"}, None) <= {"/nowhere\0"}


def test_a_report_to_sums_does_not_quote_the_token() -> None:
    sent: list[dict[str, t.Any]] = []
    record = {"test_event_id": "te-1", "status": "FAIL"}

    def patch(*_segments: str, body: dict[str, t.Any]) -> t.Any:
        sent.append(body)
        return types.SimpleNamespace(record=record)

    connection = types.SimpleNamespace(token=TOKEN, retry_timeout=0)
    client: t.Any = types.SimpleNamespace(connection=connection, patch=patch)
    send_report(client, "te-1", {"status": "FAIL", "summary": f"Mine: refused {TOKEN}"}, {})
    assert sent == [{"status": "FAIL", "summary": "Mine: refused ********"}]


def test_a_token_in_a_header_is_hidden_though_nobody_knows_it() -> None:
    said = {"command": "curl -H 'Authorization: Bearer eyJhbGciOi.J9-x_y' lab", "msg": "The bearer of this is new."}
    assert shorten(said) == {**said, "command": "curl -H 'Authorization: Bearer (hidden)' lab"}


@pytest.mark.parametrize("secrets", [["lab", "lab-password"], ["lab-password", "lab"]])
def test_a_secret_that_begins_another_one_leaves_nothing_of_it(secrets: list[str], tmp_path: Path) -> None:
    assert shorten({"said": "lab-password"}, secrets) == {"said": "(hidden)"}
    journal.create(tmp_path)
    journal.append(tmp_path, "begin", {"id": "1", "step": "lab-password"})
    bundle.bundle(tmp_path, None, None, secrets)
    assert "password" not in (tmp_path / "journal.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("secret", ["test", "id", "event", "ids", "begin", "outcome", "o", "PASS"])
def test_a_password_that_is_an_everyday_word_costs_no_record(secret: str, tmp_path: Path) -> None:
    directory = bundle.start(tmp_path, {"host": "vehicle_001", "vin": "1HGBH41JXMN109186"}, None, [secret])
    about = {"id": "1", "step": "Record", "module": "hatci_test_event"}
    journal.append(directory, "begin", {**about, "arguments": {}})
    result = {"test_event_id": "te-000001", "ids": {"x": 1}}
    journal.append(directory, "end", {**about, "outcome": "changed", "result": result})
    journal.append(directory, "begin", {"id": "2", "step": f"Say {secret} aloud", "module": "debug"})

    _directory, record = bundle.bundle(directory, {"outcome": "PASS"}, None, [secret])

    assert [step["outcome"] for step in record["steps"]] == ["changed", "unfinished"]
    assert f" {secret} " not in record["steps"][1]["step"]
    assert (record["outcome"], record["ids"]["test_event_id"]) == ("PASS", "te-000001")
    assert record["vehicle"]["vin"] == "1HGBH41JXMN109186"


def test_a_path_that_cannot_be_one_is_refused_in_a_sentence() -> None:
    options = {"state": "started", "path": "evi\0dence", "key": None, "store": None, "test": {}}
    with pytest.raises(EvidenceError, match="which no directory is called; give another one"):
        manage_evidence(options, False)


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "WEBDAV_PASSWORD", "CONTROLLER_PASSWORD", "HATCI_TOKEN", "JMP_TOKEN"]
)
def test_what_the_environment_holds_for_others_is_a_secret_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, TOKEN)
    assert TOKEN in secrets_of({}, None)


def test_no_part_of_a_token_is_left_where_a_long_output_is_cut(tmp_path: Path) -> None:
    printed = "x" * (commands.MAX_OUTPUT - 6) + TOKEN
    commands.append_commands(tmp_path, "Print", [{"command": "cat log", "rc": 0, "stdout": printed}], [TOKEN])
    assert holding(tmp_path) == []


@pytest.mark.parametrize("password", ["ca-nary", "ca/nary", "ca@nary", "ca:nary"])
def test_the_password_of_a_url_is_hidden(password: str) -> None:
    assert "nary" not in shorten(f"see https://me:{password}@lab.example.com/x")


@pytest.mark.parametrize("url", ["https://lab:8080/x@y", "https://lab:8080", "https://lab/x:y", "mail kim@example.com"])
def test_what_is_no_password_stays(url: str) -> None:
    assert shorten(url) == url
