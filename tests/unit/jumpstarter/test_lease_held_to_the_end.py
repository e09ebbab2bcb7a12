# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving a device back tells whether its lease was held until then, not whether something was left to delete."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from jumpstarter_support import FakeJmp, fake_lab
from sums_support import module_named, validated

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp import cli, controller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import (
    CommandTimeout,
    CompletedCommand,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import device_lock, release
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import (
    LeaseFiles,
    forget_proof,
)
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation
from ansible_collections.hatci.automation.plugins.module_utils._times import since_boot

NAME = "hatci-7-vehicle-001-0a1b2c3d"
HELD: dict[str, t.Any] = {
    "name": NAME, "exporter": "sim1", "client": "alice", "duration": 5.0, "tags": {},
    "effective_begin_time": "2026-01-01T00:00:00Z", "conditions": [{"type": "Ready", "status": "True"}],
}  # fmt: skip


def ended(reason: str) -> dict[str, t.Any]:
    """Return the lease as it is when it has ended."""
    condition = {"type": "Ready", "status": "False", "reason": reason}
    return {**HELD, "conditions": [condition], "effective_end_time": "2026-01-01T00:00:05Z"}


def leases(*found: dict[str, t.Any]) -> CompletedCommand:
    """Return what `jmp get leases` prints."""
    return CompletedCommand(0, json.dumps({"leases": list(found)}), "")


GONE = CompletedCommand(1, "", f'Error: lease "{NAME}" has already been released')
AWAY = CompletedCommand(1, "", "Error: grpc error: Connection refused")
DONE = CompletedCommand(0, "", "")
LATE = CommandTimeout(CompletedCommand(-9, "", ""))


@pytest.fixture
def jmp(tmp_path: Path) -> Iterator[FakeJmp]:
    """Return a `jmp` inside this process."""
    with fake_lab(tmp_path) as fake:
        yield fake


def manage(home: Path, **options: t.Any) -> dict[str, t.Any]:
    """Run jumpstarter_lease."""
    given = validated("jumpstarter_lease", {"lock_dir": str(home / "locks"), **options})
    return run_operation(module_named("jumpstarter_lease").OPERATION, given, False)


def release_lease(
    home: Path, monkeypatch: pytest.MonkeyPatch, looks: list[t.Any], deletions: list[t.Any]
) -> dict[str, t.Any]:
    """Release the lease of a controller which answers looks and deletions with these, one after the other."""
    LeaseFiles(NAME).write(
        {"name": NAME, "mode": "controller", "what": "selector vin=1", "asked": "vin=1", "exporter": "sim1",
         "since": 0.0, "keeper": None, "config": ["--client-config", str(home / "client.yaml")], "lease": HELD,
         "keeper_log": None}
    )  # fmt: skip

    def run(argv: t.Sequence[str], **_options: t.Any) -> CompletedCommand:
        answer = (looks if argv[3] == "get" else deletions).pop(0)
        if isinstance(answer, Exception):
            raise answer
        return t.cast("CompletedCommand", answer)

    monkeypatch.setattr(cli, "run_bounded", run)
    monkeypatch.setattr(controller, "PAUSE_SECONDS", 0.0)
    return manage(home, state="release", lease_name=NAME, timeout=60)


@pytest.mark.parametrize(
    ("answers", "deletions", "was_held"),
    [
        ([leases(HELD)], [DONE], True),
        ([leases(ended("Expired"))], [DONE], False),
        ([leases({**HELD, "effective_begin_time": "2026-01-01T00:00:09Z"})], [DONE], False),
        ([leases()], [GONE], False),
        ([leases(HELD)], [LATE, GONE], True),
        ([leases(HELD)], [AWAY, DONE], True),
        ([AWAY, leases(ended("Released"))], [DONE], True),
        ([AWAY, leases(HELD)], [DONE], True),
        ([AWAY, leases(ended("Expired"))], [DONE], False),
        ([AWAY, leases(ended("Released"))], [GONE], False),
        ([AWAY, AWAY], [DONE], False),
    ],
    ids=[
        *("held", "ran out", "begun again", "deleted by another", "its reply was lost", "away for a moment"),
        *("not asked before", "ends a moment later", "not asked before, ran out", "not asked before, gone", "never"),
    ],
)
def test_a_controllers_lease(
    jmp: FakeJmp,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[t.Any],
    deletions: list[t.Any],
    was_held: bool,
) -> None:
    shown = [answer for answer in answers for _unused in range(2 if answer == leases() else 1)]
    result = release_lease(tmp_path, monkeypatch, shown, deletions)
    assert result["changed"] is was_held, result
    assert not deletions, "the device is given back whatever was known of its lease"


@pytest.mark.parametrize(
    ("deletions", "reacts", "looks", "was_held"),
    [
        ([DONE], True, [], True),
        ([GONE], True, [], False),
        ([LATE, GONE], True, [], True),
        ([AWAY, GONE], True, [], False),
        ([DONE], False, [leases(ended("Expired"))], False),
        ([DONE], False, [leases(ended("Released"))], True),
    ],
    ids=["kept", "deleted by another", "its reply was lost", "deleted while away", "stopped and ran out", "stopped"],
)
def test_a_controllers_lease_whose_keeper_lives_costs_no_look(
    jmp: FakeJmp,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    deletions: list[t.Any],
    reacts: bool,
    looks: list[t.Any],
    was_held: bool,
) -> None:
    monkeypatch.setattr(release, "is_watching", lambda _keeper: True)
    monkeypatch.setattr(release, "end_watcher", lambda _keeper, **_how: reacts)
    note_proof(age=5.0)
    assert release_lease(tmp_path, monkeypatch, looks, deletions)["changed"] is was_held
    assert not deletions and not looks


@pytest.mark.parametrize("proof", ["none", "old", "before what SUMS said", "of the clock before a restart"])
def test_a_keeper_that_lives_is_no_proof_that_a_lease_holds(
    jmp: FakeJmp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proof: str
) -> None:
    """Somebody shortened it, or the clock of the controller went forward; the controller deletes it all the same."""
    monkeypatch.setattr(release, "is_watching", lambda _keeper: True)
    monkeypatch.setattr(release, "end_watcher", lambda _keeper, **_how: True)
    if proof != "none":
        note_proof(age={"old": 61.0, "before what SUMS said": 5.0}.get(proof, -5.0))
    if proof == "before what SUMS said":
        forget_proof(NAME)
    looks, deletions = [leases(ended("Expired"))], [DONE]
    assert release_lease(tmp_path, monkeypatch, looks, deletions)["changed"] is False
    assert not deletions and not looks


def note_proof(age: float) -> None:
    """Note that the lease was seen to hold so many seconds ago."""
    files = LeaseFiles(NAME)
    files.write({})
    files.note_proof(since_boot() - age)


@pytest.mark.parametrize("trouble", ["", "told", "not told yet"])
def test_a_local_lease(jmp: FakeJmp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    monkeypatch.setattr(release, "is_watching", lambda _keeper: True)
    held = manage(tmp_path, exporter="vehicle_001")
    name, path = held["lease_name"], Path(held["lease"]["lock"])
    if trouble == "told":
        LeaseFiles(name).trouble.write_text("Somebody removed the lock file.", encoding="utf-8")
    elif trouble:
        path.unlink()
        assert device_lock.try_lock(path, {"lease": "hatci-8"})
    assert manage(tmp_path, state="release", lease_name=name)["changed"] is not bool(trouble)
