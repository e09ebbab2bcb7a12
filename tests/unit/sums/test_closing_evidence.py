# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence that a closer finishes: it costs no report, and says in the end whether SUMS has taken it."""

from __future__ import annotations

import json
import types
import typing as t
from pathlib import Path

import evidence_support
import pytest
from scripted_backend import Backend, Reply
from sums_support import TOKEN, VIN, validated

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle, whereabouts
from ansible_collections.hatci.automation.plugins.module_utils._evidence.outcome import outcome_of
from ansible_collections.hatci.automation.plugins.module_utils._sums.closer_process import Closer

TEST_EVENT = {"test_event_id": "te-000001", "vin": VIN, "status": "RUNNING"}
REPORT = {"status": "PASS", "summary": "all well", "metadata": {"outcome": "PASS"}}
TAKEN = Reply(200, json.dumps({**TEST_EVENT, "status": "PASS"}).encode())


def close(
    backend: Backend,
    tmp_path: Path,
    report: dict[str, t.Any] | None = None,
    evidence: dict[str, t.Any] | None = None,
) -> list[str]:
    """Close what a play left that was about to report; return what the closer logged.

    :param evidence: what the closer was told of it; default is that it is not finished.
    """
    said: list[str] = []
    watch = types.SimpleNamespace(log=said.append, pause=lambda seconds: None)
    closer = Closer(t.cast("t.Any", {}), t.cast("t.Any", watch))
    connection = validated("hatci_health", {"hatci_base_url": backend.url, "hatci_token": TOKEN, "retry_timeout": 0})
    which = {"base_url": backend.url, "test_event_id": "te-000001"}
    kept = {"keep_report_in": str(tmp_path / "kept")}
    about = {"host": "car", "job": "7", "metadata": {}, "vin": VIN, "connection": connection}
    closer._record({"watch": {**which, **about, **kept}})
    closer._record({"evidence": evidence or {"host": "car", "directory": str(tmp_path / "evidence")}})
    closer._record({"report": {**which, **kept, "report": report or REPORT}})
    closer._close(closer._events.left())
    return said


def test_a_report_that_goes_out_late_is_in_the_record(backend: Backend, tmp_path: Path) -> None:
    evidence_support.until_deployed(tmp_path / "evidence")
    backend.replies(Reply(503), TAKEN)
    close(backend, tmp_path)
    (path,) = tmp_path.glob("evidence*/record.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["outcome"] == record["reported"] == outcome_of(record) == "PASS"


@pytest.mark.parametrize(("reported", "stated"), [("PASS", "ERROR"), ("FAIL", "FAIL")])
def test_a_report_that_goes_out_after_its_play_is_in_the_record_that_the_play_made(
    reported: str, stated: str, backend: Backend, tmp_path: Path
) -> None:
    """The play had ended the test, but for the report, which made no success of what it stated."""
    write = evidence_support.passed if reported == "PASS" else evidence_support.failed
    script = write(tmp_path / "evidence", name="evidence")
    lines = (tmp_path / "evidence/journal.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if "Report the outcome" not in line]
    (tmp_path / "evidence/journal.jsonl").write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    away = "SUMS is away."
    script.line("result", ended_by="play", outcome=stated, summary=f"It is done. {away}", troubles=[away])
    bundled, record = bundle.bundle(tmp_path / "evidence", None, None)
    assert (record["outcome"], record["reported"]) == (stated, None)
    backend.replies(Reply(503), Reply(200, json.dumps({**TEST_EVENT, "status": reported}).encode()))
    report = {"status": reported, "summary": "It is done.", "metadata": {"outcome": reported}}
    close(backend, tmp_path, report, {"host": "car", "directory": "", "finished": str(bundled)})
    record = json.loads((bundled / "record.json").read_text(encoding="utf-8"))
    evidence_support.validate(record)
    assert record["outcome"] == record["reported"] == outcome_of(record) == reported
    assert (record["ended_by"], record["summary"]) == ("play", "It is done.")


def test_no_token_is_left_in_evidence_of_a_test_that_had_been_reported(tmp_path: Path) -> None:
    evidence_support.until_deployed(tmp_path / "evidence").line("begin", id="9", step=f"Say {TOKEN}", module="x.y.z")
    closer = Closer(t.cast("t.Any", {}), t.cast("t.Any", types.SimpleNamespace(log=lambda line: None)))
    connection = validated("hatci_health", {"hatci_base_url": "https://sums.example.com", "hatci_token": TOKEN})
    which = {"base_url": "https://sums.example.com", "test_event_id": "te-000001"}
    about = {"host": "car", "job": "7", "metadata": {}, "vin": VIN, "connection": connection}
    closer._record({"watch": {**which, **about, "keep_report_in": str(tmp_path / "kept")}})
    closer._record({"evidence": {"host": "car", "directory": str(tmp_path / "evidence")}})
    closer._record({"settled": dict(which)})
    closer._close(closer._events.left())
    for path in (tmp_path / "evidence").iterdir():
        assert TOKEN not in path.read_text(encoding="utf-8")
    assert (tmp_path / "evidence/record.json").exists()


@pytest.mark.parametrize(
    "breaks", [(bundle, "finish_as_aborted"), (bundle, "read_record"), (whereabouts, "found_again")]
)
def test_evidence_that_cannot_be_made_costs_no_report(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: tuple[types.ModuleType, str]
) -> None:
    def fail(*_arguments: t.Any, **_options: t.Any) -> None:
        raise RuntimeError("nobody thought of this")

    evidence_support.until_deployed(tmp_path / "evidence")
    monkeypatch.setattr(*breaks, fail)
    backend.replies(Reply(503), TAKEN)
    said = close(backend, tmp_path)
    assert backend.seen[-1].json == REPORT
    assert any("could not be finished: nobody thought of this" in line for line in said)


def test_evidence_whose_name_was_new_when_its_play_was_killed_is_made_anew_as_sums_is_told(
    backend: Backend, tmp_path: Path
) -> None:
    """The play had bundled a PASS, for a store, and had told nobody where it was nor reported it."""
    evidence_support.passed(tmp_path / "evidence", name="evidence")
    evidence_support.passed(tmp_path / "evidence-2", name="evidence-2")
    bundled, _record = bundle.bundle(tmp_path / "evidence", None, None)
    assert bundled.name == "evidence-te-000001"
    backend.replies(Reply(200, json.dumps({**TEST_EVENT, "status": "FAIL"}).encode()))
    aborted = {"status": "FAIL", "summary": "ABORTED: the play ended.", "metadata": {"outcome": "ABORTED"}}

    close(backend, tmp_path, aborted)

    record = json.loads((bundled / "record.json").read_text(encoding="utf-8"))
    assert record["outcome"] == record["reported"] == "ABORTED"
    assert not (tmp_path / "evidence-2/record.json").exists()


def test_evidence_gets_no_outcome_of_another_test_of_its_vehicle(backend: Backend, tmp_path: Path) -> None:
    """An earlier test of a suite is still open, since SUMS was away then."""
    script = evidence_support.until_verified(tmp_path / "evidence")
    text = (tmp_path / "evidence/journal.jsonl").read_text(encoding="utf-8").replace("te-000001", "te-000002")
    (tmp_path / "evidence/journal.jsonl").write_text(text, encoding="utf-8")
    evidence_support.reported(script)
    backend.replies(Reply(200, json.dumps({**TEST_EVENT, "status": "FAIL"}).encode()))

    close(backend, tmp_path, {"status": "FAIL", "summary": "FAIL: dark.", "metadata": {"outcome": "FAIL"}})

    (path,) = tmp_path.glob("evidence*/record.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert (record["ids"]["test_event_id"], record["outcome"]) == ("te-000002", "PASS")
