# SPDX-License-Identifier: GPL-3.0-or-later
"""A report that was kept as a file, sent later by the role: what it says goes to SUMS, and nothing else is heeded."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from play_support import VIN
from playbook_runner import AnsiblePlaybook

from hatci_lab.sums.process import SumsProcess

ROLE = "hatci.automation.hatci_report_results"
REPORT = {
    "status": "FAIL",
    "summary": "TIMEOUT: the update did not end",
    "artifact_urls": ["https://artifacts.example.com/serial.log"],
    "event_id": "ev-000007",
    "metadata": {"outcome": "TIMEOUT", "rack": "7"},
}


@pytest.fixture
def send(ansible_playbook: AnsiblePlaybook, sums: SumsProcess, tmp_path: Path) -> t.Callable[..., t.Any]:
    """Run the role on a file with this content."""

    def play(content: str | None, **variables: t.Any) -> t.Any:
        path = tmp_path / "report ä.json"
        if content is not None:
            path.write_text(content, encoding="utf-8")
        told = {"hatci_base_url": sums.url, "hatci_token": sums.token, "hatci_report_results_record": str(path)}
        task = {"name": "Send it", "ansible.builtin.include_role": {"name": ROLE}, "vars": {**told, **variables}}
        return ansible_playbook(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))

    return play


@pytest.fixture
def test_event_id(sums: SumsProcess) -> str:
    """Return the id of a test event that SUMS holds."""
    body = {"vin": VIN, "event_id": "pending", "ansible_job_id": "1", "git_sha": "x", "suite_name": "s"}
    return str(sums.api("POST", "/test_events", body).json()["test_event_id"])


def told_of(sums: SumsProcess) -> dict[str, t.Any]:
    """Return what SUMS was told of its only test event."""
    (body,) = [request["body"] for request in sums.requests() if request["method"] == "PATCH"]
    return t.cast("dict[str, t.Any]", body)


def test_a_whole_report_is_sent(send: t.Callable[..., t.Any], sums: SumsProcess, test_event_id: str) -> None:
    played = send(json.dumps({"test_event_id": test_event_id, **REPORT}), hatci_test_status="PASS")
    assert played.returncode == 0, played.output
    assert told_of(sums) == REPORT


def test_what_a_report_lacks_is_not_made_up(
    send: t.Callable[..., t.Any], sums: SumsProcess, test_event_id: str
) -> None:
    played = send(json.dumps({"test_event_id": test_event_id, "status": "PASS"}))
    assert played.returncode == 0, played.output
    assert told_of(sums) == {"status": "PASS"}


def test_a_file_leads_the_token_nowhere_else(
    send: t.Callable[..., t.Any], sums: SumsProcess, test_event_id: str
) -> None:
    elsewhere = {"hatci_base_url": "http://127.0.0.1:9", "hatci_ca_path": "/etc/passwd", "hatci_token": "other"}
    played = send(json.dumps({"test_event_id": test_event_id, **REPORT, **elsewhere}))
    assert played.returncode == 0, played.output
    assert told_of(sums) == REPORT


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "it is not valid JSON"),
        ("{", "it is not valid JSON"),
        ("[]", "it has no test_event_id"),
        ('{"status": "PASS"}', "it has no test_event_id"),
        ('{"test_event_id": "..", "status": "PASS"}', "it has no test_event_id"),
        ('{"test_event_id": "te-1", "status": "RUNNING"}', "its status is neither PASS nor FAIL"),
        ('{"test_event_id": "te-1", "status": "PASS", "metadata": []}', "its metadata has the wrong type"),
        (None, "there is no such file; it is removed once it has been sent"),
    ],
)
def test_a_file_that_keeps_no_report_is_refused(
    send: t.Callable[..., t.Any], sums: SumsProcess, content: str | None, reason: str
) -> None:
    played = send(content)
    assert played.returncode == 2, played.output
    assert f"keeps no report ({reason}); give the file that the failure named. Nothing was sent." in played.output
    assert not [request for request in sums.requests() if request["method"] == "PATCH"]
