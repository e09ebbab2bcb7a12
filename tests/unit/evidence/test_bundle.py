# SPDX-License-Identifier: GPL-3.0-or-later
"""Beginning evidence and finishing it, also after the play has died."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import evidence_support
import pytest

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle, journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence.commands import append_commands
from ansible_collections.hatci.automation.plugins.module_utils._evidence.console import Transcript
from ansible_collections.hatci.automation.plugins.module_utils._evidence.errors import EvidenceError
from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import compare
from ansible_collections.hatci.automation.plugins.module_utils._evidence.operation import manage_evidence
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

FILES = {"journal.jsonl", "record.json", "report.html", "junit.xml", "manifest.json"}


SAID = 'init: "network" is up & running <eth0>\n'


def options(state: str, path: Path, **given: t.Any) -> dict[str, t.Any]:
    """Return the options of a task with all their defaults."""
    defaults = {"key": None, "public_key": None, "test": None, "tests": None, "title": "OTA tests"}
    return {**defaults, "state": state, "path": str(path), **given}


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_bundle_is_named_by_time_host_and_test_event(tmp_path: Path) -> None:
    began = manage_evidence(options("started", tmp_path / "new" / "dir", test={"host": "vehicle/001"}), False)
    directory = Path(began["path"])
    journal.append(directory, "begin", {"id": "1", "step": "Record", "module": "hatci_test_event"})
    journal.append(directory, "end", {"id": "1", "outcome": "changed", "result": {"test_event_id": "te-000001"}})
    ended = manage_evidence(options("bundled", directory, test={"outcome": "ERROR", "summary": "No device."}), False)
    assert Path(ended["path"]).name == f"{directory.name}-te-000001"
    assert directory.name.endswith("Z-vehicle_001")
    assert names(Path(ended["path"])) == FILES
    assert ended["outcome"] == "ERROR"


def test_two_tests_that_begin_together_get_a_directory_each(tmp_path: Path) -> None:
    paths = {str(bundle.start(tmp_path, {"host": "vehicle_001"}, None)) for _unused in range(3)}
    assert len(paths) == 3


@pytest.mark.parametrize("state", ["started", "bundled"])
def test_check_mode_writes_nothing(state: str, tmp_path: Path) -> None:
    evidence_support.passed(tmp_path / "test")
    before = names(tmp_path / "test")
    assert manage_evidence(options(state, tmp_path / "test"), True)["path"] == ""
    assert manage_evidence(options(state, tmp_path / "none"), True)["path"] == ""
    assert names(tmp_path) == {"test"}
    assert names(tmp_path / "test") == before


def test_where_nothing_can_be_written_there_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = manage_evidence(options("started", tmp_path / "file" / "evidence"), False)
    assert result["path"] == ""
    assert result["warnings"] == [f"There will be no evidence in {tmp_path}/file/evidence: Not a directory."]


def test_a_directory_without_a_journal_is_an_error(tmp_path: Path) -> None:
    result = run_operation(manage_evidence, options("bundled", tmp_path / "typo"), False)
    assert result["failed"] and "give the directory of one test" in result["msg"]


def test_a_key_is_checked_before_a_test_begins(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="cannot be read"):
        manage_evidence(options("started", tmp_path, key=str(tmp_path / "none.pem")), False)
    assert not names(tmp_path)


@pytest.mark.parametrize(("is_reported", "reported"), [(True, "FAIL"), (False, None)])
def test_the_outcome_that_was_told_is_kept_where_the_play_died(
    tmp_path: Path, is_reported: bool, reported: str | None
) -> None:
    evidence_support.aborted(tmp_path)
    bundle.finish_as_aborted(tmp_path, "FAIL", "FAIL: low battery.", is_reported=is_reported)
    record = json.loads((tmp_path / "record.json").read_text())
    assert (record["outcome"], record["summary"]) == ("FAIL", "FAIL: low battery.")
    assert record["reported"] == reported


def test_a_failure_stays_one_where_the_play_died_while_it_cleaned_up(tmp_path: Path) -> None:
    script = evidence_support.until_deployed(tmp_path)
    script.step("Wait", "hatci_update_status", 9, "failed", msg="It ended FAILED.", outcome="FAIL", state="FAILED")
    script.begin("Release the lease", "jumpstarter_lease", {"state": "release"})
    bundle.finish_as_aborted(tmp_path)
    record = json.loads((tmp_path / "record.json").read_text())
    assert (record["outcome"], record["summary"]) == ("FAIL", "It ended FAILED.")


def test_an_outcome_that_sums_knows_stays_where_the_play_died_after_its_report(tmp_path: Path) -> None:
    script = evidence_support.until_deployed(tmp_path)
    arguments = {"status": "PASS", "metadata": {"outcome": "PASS"}}
    script.step("Report", "hatci_test_event_update", 0.1, "changed", arguments=arguments)
    bundle.finish_as_aborted(tmp_path)
    assert json.loads((tmp_path / "record.json").read_text())["outcome"] == "PASS"


def test_what_is_finished_is_left_alone(tmp_path: Path) -> None:
    evidence_support.passed(tmp_path)
    bundle.bundle(tmp_path, None, None)
    before = (tmp_path / "record.json").read_bytes()
    assert bundle.finish_as_aborted(tmp_path) is None
    assert bundle.finish_as_aborted(tmp_path / "gone") is None
    assert (tmp_path / "record.json").read_bytes() == before


def test_an_outcome_that_does_not_follow_is_told(tmp_path: Path) -> None:
    script = evidence_support.failed(tmp_path)
    script.line("result", outcome="PASS")
    result = manage_evidence(options("bundled", tmp_path), False)
    assert result["warnings"] == ["The record states PASS, and FAIL follows from what it holds."]


def test_evidence_whose_key_has_gone_with_its_job_is_made_without_a_signature_and_says_so(tmp_path: Path) -> None:
    key, _public = evidence_support.make_key(tmp_path, "ed25519")
    directory = bundle.start(tmp_path / "evidence", {"host": "vehicle_001"}, key)
    Path(key).unlink()

    finished = bundle.finish_as_aborted(directory, "ABORTED", "The play ended.")

    assert finished is not None and not (finished / "attestation.intoto.json").exists()
    (trouble,) = json.loads((finished / "record.json").read_text())["troubles"]
    assert trouble.startswith("The evidence is not signed: ") and "ed25519.pem" in trouble


def test_a_key_that_goes_during_a_test_costs_its_evidence_only_the_signature(tmp_path: Path) -> None:
    key, _public = evidence_support.make_key(tmp_path, "ed25519")
    directory = bundle.start(tmp_path / "evidence", {"host": "vehicle_001"}, key)
    evidence_support.passed(directory)
    Path(key).rename(tmp_path / "away.pem")

    made = manage_evidence(options("bundled", directory), False)

    (warning,) = made["warnings"]
    assert warning.startswith("The evidence is not signed: ") and made["outcome"] == "PASS"
    record = json.loads((Path(made["path"]) / "record.json").read_text())
    assert record["unsigned"] in warning
    assert warning in (Path(made["path"]) / "report.html").read_text()
    assert not (Path(made["path"]) / "attestation.intoto.json").exists()

    (tmp_path / "away.pem").rename(key)
    again = manage_evidence(options("bundled", Path(made["path"])), False)
    assert "warnings" not in again and (Path(made["path"]) / "attestation.intoto.json").exists()


@pytest.mark.parametrize("state", ["published", "verified", "started"])
def test_an_empty_path_is_not_the_current_directory(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence_support.passed(tmp_path / "web/test")
    bundle.bundle(tmp_path / "web/test", None, None)
    monkeypatch.chdir(tmp_path / "web")
    given = {**options(state, tmp_path), "path": "", "store": f"fs://{tmp_path}/store", "timeout": 5.0}
    with pytest.raises(EvidenceError, match="path is empty"):
        manage_evidence(given, False)
    assert {path.name for path in tmp_path.iterdir()} == {"web"}


def test_a_test_without_evidence_goes_on_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for state in ("noted", "bundled"):
        assert manage_evidence({**options(state, tmp_path), "path": ""}, False)["warnings"]
    assert not list(tmp_path.iterdir())


def test_all_that_a_vehicle_leaves_stays_within_1_MB_however_much_was_said(tmp_path: Path) -> None:
    key, _public = evidence_support.make_key(tmp_path, "ed25519")
    directory = bundle.start(tmp_path / "evidence", {"host": "vehicle_001", **evidence_support.ABOUT}, key)
    ecus = [
        {"name": f"ECU {n}", "part_number": f"AB-{n}", "sw_version": "1.0.0", "codes": [], "error": None}
        for n in range(200)
    ]
    for moment in ("before", "after"):
        about = {"id": moment, "step": f"Look {moment}", "module": "hatci_vehicle_check"}
        journal.append(directory, "begin", {**about, "arguments": {"moment": moment, "checks": ["identity"]}})
        journal.append(
            directory,
            "end",
            {**about, "outcome": "ok", "result": {"record": {"vin": "1", "taken_at": None, "ecus": ecus}}},
        )
    results = [{"command": "dmesg", "rc": 0, "stdout": SAID * 900, "stderr": ""}]
    for number in range(200):
        about = {"id": str(number), "step": f"Ask {number}", "module": "jumpstarter_shell"}
        journal.append(directory, "begin", {**about, "arguments": {"command": "dmesg"}})
        append_commands(directory, f"Ask {number}", results)
        result = {"stdout": SAID * 90, "seen": [{"name": "x"}] * 50}
        journal.append(directory, "end", {**about, "outcome": "failed", "msg": SAID * 90, "result": result})
    console = Transcript(str(directory / "console.log"))
    for number in range(9000):
        console.feed(b'line %d "<&> of many that a device prints\n' % number)
    console.end()
    console._file.close()

    made = manage_evidence(options("bundled", directory, test={"outcome": "FAIL", "summary": "x" * 4000}), False)

    sizes = {path.name: path.stat().st_size for path in Path(made["path"]).iterdir()}
    assert sum(sizes.values()) < 1_000_000, sizes
    assert {"console.log", "console-end.log", "commands.log", "attestation.intoto.json"} <= set(sizes)
    record = json.loads((Path(made["path"]) / "record.json").read_text())
    assert len(record["software"]["after"]["ecus"]) == 200
    assert any(step.get("is_shortened") for step in record["steps"])


def test_an_outcome_that_is_none_is_refused(tmp_path: Path) -> None:
    evidence_support.passed(tmp_path)
    with pytest.raises(EvidenceError, match=r"test\.outcome is 'pass'; give one of PASS, FAIL"):
        manage_evidence(options("bundled", tmp_path, test={"outcome": "pass"}), False)


def test_what_is_made_anew_is_not_finished_until_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence_support.passed(tmp_path)
    bundle.bundle(tmp_path, None, None)

    def die(*_arguments: t.Any) -> t.NoReturn:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(bundle, "make_manifest", die)
        with pytest.raises(KeyboardInterrupt):
            bundle.bundle(tmp_path, {"outcome": "ERROR"}, None)
    assert bundle.finish_as_aborted(tmp_path) == tmp_path and compare(tmp_path) == []


def test_a_run_that_dies_does_not_leave_the_junit_file_of_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text("<testsuites/>")
    bundle.start(tmp_path, {"host": "vehicle_001"}, None)
    assert not (tmp_path / "junit.xml").exists()


def test_jobs_that_share_a_directory_have_a_junit_file_each(tmp_path: Path) -> None:
    for job in ("11", "12"):
        directory = bundle.start(tmp_path, {"host": "vehicle_001"}, None)
        evidence_support.passed(directory, host=f"vehicle_{job}", job={"id": job, "url": "", "revision": ""})
        made, _record = bundle.bundle(directory, None, None)
        given = {"vehicle": f"vehicle_{job}", "path": str(made), "outcome": "PASS", "reason": "", "scenario": ""}
        manage_evidence(options("bundled", tmp_path, tests=[given]), False)
    bundle.start(tmp_path, {"host": "vehicle_001"}, None)

    assert {path.name for path in tmp_path.glob("*.xml")} == {"junit-11.xml", "junit-12.xml"}
    for job, other in (("11", "12"), ("12", "11")):
        text = (tmp_path / f"junit-{job}.xml").read_text(encoding="utf-8")
        assert f"vehicle_{job}" in text and f"vehicle_{other}" not in text
