# SPDX-License-Identifier: GPL-3.0-or-later
"""Journals of tests that went one way or another, with times as a real lab has them."""

from __future__ import annotations

import datetime
import json
import subprocess
import typing as t
from pathlib import Path

import jsonschema
from play_support import REPOSITORY

from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import compare
from ansible_collections.hatci.automation.plugins.module_utils._evidence.outcome import outcome_of

SCHEMA = json.loads((REPOSITORY / "docs/evidence-record.schema.json").read_text(encoding="utf-8"))
VIN = "1HGBH41JXMN109186"
BEGAN = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)
ECUS = ("Gateway", "Telematics")
ABOUT = {
    "vin": VIN,
    "host": "vehicle_001",
    "program_name": "Sedan",
    "model_year": "2024",
    "region": "NA",
    "tester": "Kim <kim@example.com>",
    "suite": "ota_single_vehicle",
    "source": {"build_level": "2024.01.01", "ecus": []},
    "target": {
        "build_level": "2024.02.01",
        "ecus": [{"ecu_name": name, "part_number": f"{name}-1", "sw_version": "2.0.0"} for name in ECUS],
    },
    "job": {"id": "4711", "url": "https://aap.example.com/jobs/4711", "revision": "1a2b3c4"},
    "versions": {"hatci.automation": "0.1.0", "ansible-core": "2.19.0"},
    "drivers": {"jumpstarter-driver-network": "0.8.1"},
}


def account(version: str, *codes: str) -> dict[str, t.Any]:
    """Return what a vehicle with this software says of itself."""
    told = [{"code": code, "status": 47, "confirmed": True} for code in codes]
    ecus = [
        {
            "name": name,
            "reachable": True,
            "part_number": f"{name}-1",
            "sw_version": version,
            "codes": told,
            "error": None,
        }
        for name in ECUS
    ]
    return {"vin": VIN, "ecus": ecus, "taken_at": "2026-03-01T12:00:09Z", "voltage": 12.6}


class Script:
    """Writes the journal of a test step by step.

    :param directory: of its evidence.
    """

    def __init__(self, directory: Path, **about: t.Any) -> None:
        self.directory = directory
        self._seconds = 0.0
        self._steps = 0
        directory.mkdir(parents=True, exist_ok=True)
        self.line("test", **{**ABOUT, **about})

    def line(self, event: str, **values: t.Any) -> None:
        """Write one line."""
        moment = (BEGAN + datetime.timedelta(seconds=self._seconds)).isoformat(timespec="milliseconds")
        line = {"time": moment.replace("+00:00", "Z"), "event": event, **values}
        with (self.directory / "journal.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def step(self, step: str, module: str, seconds: float, ended: str = "ok", **told: t.Any) -> None:
        """Write begin and end of a step.

        :param told: ``arguments``, ``msg`` and what the module returned.
        """
        arguments, message = told.pop("arguments", {}), told.pop("msg", "")
        about = self.begin(step, module, arguments)
        self._seconds += seconds
        self.line("end", **about, outcome=ended, msg=message, result=told, seconds=seconds, is_ignored=False)

    def begin(self, step: str, module: str, arguments: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Write the begin of a step only."""
        self._steps += 1
        about = {"id": str(self._steps), "step": step, "module": module}
        self.line("begin", **about, arguments=arguments or {})
        return about

    def state(self, state: str, progress: int, seconds: float) -> None:
        """Let the deployment come to a state after some seconds."""
        self._seconds += seconds
        self.line("state", deployment_id="deploy-000001", state=state, progress=progress)


def until_deployed(directory: Path, **about: t.Any) -> Script:
    """Write all up to the deployment."""
    script = Script(directory, **about)
    script.step("Check that SUMS is up", "hatci_health", 0.2, health_endpoint=True)
    script.step("Check that jmp is there", "jumpstarter_info", 1.4, version="0.8.1", mode="controller")
    script.step("Record that the test has begun", "hatci_test_event", 0.1, "changed", test_event_id="te-000001")
    script.step(
        "Acquire the device",
        "jumpstarter_lease",
        6.5,
        "changed",
        arguments={"state": "acquire"},
        lease_name="hatci-4711-vehicle-001-5f3a9c01",
        mode="controller",
        exporter="vehicle_001",
    )
    script.step("Look at the vehicle", "jumpstarter_diagnostics", 4.1, **account("1.0.0", "B1000-00"))
    for name, update_type, event_id in (("source", "RROM", "ev-000001"), ("target", "UROM", "ev-000002")):
        given = {"update_type": update_type}
        step = f"Create the {name} event"
        script.step(step, "hatci_create_event", 0.2, "changed", arguments=given, event_id=event_id)
    script.step("Deploy the target event", "hatci_deploy_event", 0.2, "changed", deployment_id="deploy-000001")
    return script


def lines_of(script: Script) -> list[dict[str, t.Any]]:
    """Return what a script has written."""
    text = (script.directory / "journal.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def until_verified(directory: Path, **about: t.Any) -> Script:
    """Write all up to the end of the looks at the vehicle, all of it good."""
    script = until_deployed(directory, **about)
    waiting = script.begin("Wait for the deployment", "hatci_update_status", {"wait": True})
    for state, progress, seconds in (("PENDING", 0, 2), ("DOWNLOADING", 10, 60), ("INSTALLING", 40, 300)):
        script.state(state, progress, seconds)
    script.state("COMPLETE", 100, 420)
    result = {"state": "COMPLETE", "reason": "", "deployment_id": "deploy-000001", "timestamps": {}}
    script.line("end", **waiting, outcome="ok", msg="", result=result, seconds=782, is_ignored=False)
    script.step("Look at the vehicle again", "jumpstarter_diagnostics", 12.0, **account("2.0.0", "B1000-00"))
    script.step(
        "Ask the vehicle for its software versions",
        "jumpstarter_shell",
        3.0,
        stdout="ECU Gateway part=Gateway-1 sw=2.0.0\nECU Telematics part=Telematics-1 sw=2.0.0\n",
        rc=0,
    )
    return script


def passed(directory: Path, **about: t.Any) -> Script:
    """Write the journal of a test that passed."""
    return reported(until_verified(directory, **about))


def reported(script: Script) -> Script:
    """Write the end of a test that passed: its device is given back, and its outcome is reported."""
    script.step("Release the lease", "jumpstarter_lease", 1.2, "changed", arguments={"state": "release"})
    script.step(
        "Report the outcome",
        "hatci_test_event_update",
        0.2,
        "changed",
        arguments={"status": "PASS", "metadata": {"outcome": "PASS"}},
    )
    checks = [
        {"name": "identity", "passed": True, "expected": VIN, "measured": VIN},
        {"name": "target", "passed": True, "expected": "2024.02.01", "measured": "2024.02.01"},
        {"name": "codes", "passed": True, "expected": "no new code", "measured": []},
    ]
    script.line(
        "result", ended_by="play", outcome="PASS", summary="Update to 2024.02.01 ended COMPLETE.", checks=checks
    )
    return script


def failed(directory: Path, **about: t.Any) -> Script:
    """Write the journal of a test whose deployment failed."""
    script = until_deployed(directory, **about)
    message = "Deployment deploy-000001 ended FAILED after 1:00 min: low battery."
    told = {"deployment_id": "deploy-000001", "state": "FAILED", "reason": "low battery", "outcome": "FAIL"}
    script.state("INSTALLING", 10, 5)
    script.step(
        "Wait for the deployment", "hatci_update_status", 60, "failed", arguments={"wait": True}, msg=message, **told
    )
    script.step("Release the lease", "jumpstarter_lease", 1.2, "changed", arguments={"state": "release"})
    summary = f"Wait for the deployment: {message}"
    script.line("result", ended_by="play", outcome="FAIL", summary=summary, failed_step="Wait for the deployment")
    return script


def aborted(directory: Path, **about: t.Any) -> Script:
    """Write what a play leaves that was killed while it waited."""
    script = until_deployed(directory, **about)
    script.begin("Wait for the deployment", "hatci_update_status", {"wait": True})
    script.state("INSTALLING", 40, 90)
    return script


def make_key(directory: Path, kind: str) -> tuple[str, str]:
    """Make a key with openssl; return the paths of its private and its public part.

    :param kind: ``ed25519`` or ``p256``.
    """
    private, public = directory / f"{kind}.pem", directory / f"{kind}.pub.pem"
    curve = (
        ["-algorithm", "ED25519"] if kind == "ed25519" else ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    )
    subprocess.run(["openssl", "genpkey", *curve, "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return str(private), str(public)


def validate(record: dict[str, t.Any]) -> None:
    """Fail unless a record is as its schema says."""
    jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(record)


def outcomes_that_do_not_follow(directory: Path) -> list[tuple[str, str, str]]:
    """Return of each record below a directory whose outcome does not follow from it: its path and both outcomes.

    A test without steps was told its outcome, and a closer whose report SUMS has not taken yet makes the record again.
    """
    records = {path: json.loads(path.read_text(encoding="utf-8")) for path in directory.rglob("record.json")}
    told = [
        (str(path), str(record["outcome"]), outcome_of(record))
        for path, record in records.items()
        if record["steps"] and (record["ended_by"] != "closer" or record["reported"])
    ]
    return [(path, stated, found) for path, stated, found in told if stated != found]


def records_checked_against_sums(home: Path, state: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the records of all tests that a play left, each having been compared with what SUMS holds by itself.

    :param home: where the play ran.
    :param state: of SUMS.
    """
    paths = sorted((home / "ota-evidence").glob("*/record.json"))
    records = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    events = {event["test_event_id"]: event for event in state["test_events"]}
    left = {each["event_id"]: each for each in state["events"]}
    assert {record["ids"]["test_event_id"] for record in records} == set(events)
    for path, record in zip(paths, records, strict=True):
        event = events[record["ids"]["test_event_id"]]
        validate(record)
        assert outcome_of(record) == record["outcome"] == record["reported"] == event["metadata"]["outcome"]
        assert event["summary"] in (record["summary"], f"{record['outcome']}: {record['summary']}")
        assert (record["vehicle"]["vin"], record["test"]["suite"]) == (event["vin"], event["suite_name"])
        assert record["began"] <= record["ended"] and path.parent.name.endswith(event["test_event_id"])
        assert compare(path.parent) == []
        ids = record["ids"]
        for update_type, name in (("RROM", "source_event_id"), ("UROM", "target_event_id")):
            if ids[name]:
                created = left.pop(ids[name])
                assert (created["update_type"], created["vin"]) == (update_type, event["vin"])
                offered = record["software"][name.partition("_")[0]]
                assert {"build_level": created["build_level"], "ecus": created["ecus"]} == offered
        own = [each for each in state["deployments"] if each["event_id"] == ids["target_event_id"]]
        told = {"id": own[-1]["deployment_id"], "state": own[-1]["state"]} if own else None
        found = record["deployment"]
        assert (found and {"id": found["id"], "state": found["state"]}) == told
    assert not left
    return records
