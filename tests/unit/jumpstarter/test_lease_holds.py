# SPDX-License-Identifier: GPL-3.0-or-later
"""Proving that a lease held, and driving no other device than the one that it is for."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from jumpstarter_support import FakeJmp, fake_lab
from sums_support import module_named, validated

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import records
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

NAME = "hatci-7-vehicle-001-0a1b2c3d"
BEGAN = "2026-01-01T00:00:00Z"
HELD: dict[str, t.Any] = {
    "name": NAME, "exporter": "sim1", "client": "alice", "duration": 300.0, "effective_begin_time": BEGAN, "tags": {},
    "conditions": [{"type": "Ready", "status": "True"}],
}  # fmt: skip
RELEASED = {
    **HELD,
    "conditions": [
        {"type": "Ready", "status": "False", "reason": "Released", "message": "The lease was marked for release"}
    ],
    "effective_end_time": "2026-01-01T00:10:00Z",
}
FAILED = json.dumps([{"command": "j power on", "rc": 7, "stdout": "", "stderr": "connection reset\n"}])
Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the home of the fake lab."""
    return tmp_path


@pytest.fixture
def jmp(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeJmp]:
    """Return a `jmp` inside this process, and a keeper that watches."""
    monkeypatch.setattr(records, "is_watching", lambda _identity: True)
    with fake_lab(home) as fake:
        yield fake


@pytest.fixture
def run(jmp: FakeJmp, home: Path) -> Run:
    """Run a module while `jmp` shows these leases and its commands leave these results."""

    def task(module: str, *leases: t.Any, results: str | None = None, **arguments: t.Any) -> dict[str, t.Any]:
        jmp.prints(json.dumps({"leases": leases, "exporters": []}), results=results)
        options = validated(f"jumpstarter_{module}", {"lock_dir": str(home / "locks"), **arguments})
        return run_operation(module_named(f"jumpstarter_{module}").OPERATION, options, False)

    return task


@pytest.fixture
def lease(jmp: FakeJmp, home: Path) -> str:
    """Return a lease of the controller's exporter sim1 that this host holds."""
    LeaseFiles(NAME).write(
        {"name": NAME, "mode": "controller", "what": "selector vin=1", "asked": "vin=1", "exporter": "sim1",
         "since": 0.0, "keeper": {"pid": 1, "start": 1}, "config": ["--client-config", str(home / "client.yaml")],
         "lease": HELD, "keeper_log": None}
    )  # fmt: skip
    return NAME


def test_a_lease_that_the_controller_still_shows_is_verified(run: Run, lease: str) -> None:
    result = run("lease", HELD, state="verified", lease_name=lease)
    assert (result["held"], result["since"], result["changed"]) == (True, "2026-01-01 00:00:00 UTC", False)


@pytest.mark.parametrize(
    ("leases", "words"),
    [
        (
            [RELEASED],
            "it was released at 2026-01-01 00:10:00 UTC, but not by this play (Released: The lease was marked",
        ),
        ([], "the controller knows no such lease"),
        ([{**HELD, "exporter": "sim2"}], "it was for exporter sim1"),
        ([{**HELD, "effective_begin_time": "2026-01-01T00:05:00Z"}], "is not the one that was acquired"),
        (
            [{**RELEASED, "conditions": [{"type": "Ready", "status": "False", "reason": "Expired"}]}],
            "it ran out at 2026-01-01 00:10:00 UTC, since nothing renewed it",
        ),
    ],
    ids=["released", "deleted", "another exporter", "begun again", "expired"],
)
def test_a_lease_that_did_not_hold_is_an_error_that_says_what_ended_it(
    run: Run, lease: str, leases: list[t.Any], words: str
) -> None:
    result = run("lease", *leases, state="verified", lease_name=lease)
    assert (result["failed"], result["outcome"]) == (True, "ERROR") and words in result["msg"]


def test_who_has_the_device_now_is_told(run: Run, lease: str) -> None:
    bob = {**HELD, "name": "another", "client": "bob", "tags": {"hatci-job": "9", "hatci-host": "car-b"}}
    result = run("lease", RELEASED, bob, state="verified", lease_name=lease)
    assert "Client bob for job 9, host car-b holds sim1 now." in result["msg"]


def test_trouble_that_the_keeper_told_of_is_not_verified_away(run: Run, lease: str) -> None:
    LeaseFiles(lease).trouble.write_text("It could not be renewed.", encoding="utf-8")
    result = run("lease", HELD, state="verified", lease_name=lease)
    assert result["outcome"] == "ERROR" and "It could not be renewed." in result["msg"]


def test_a_local_lease_is_verified_by_its_lock_file(run: Run, jmp: FakeJmp, home: Path) -> None:
    held = run("lease", exporter="vehicle_001")
    name = held["lease_name"]
    assert run("lease", state="verified", lease_name=name)["held"] is True

    lock = Path(held["lease"]["lock"])
    lock.unlink()
    result = run("lease", state="verified", lease_name=name)
    assert result["outcome"] == "ERROR" and f"The lock {lock} of lease {name} was not held to the end" in result["msg"]
    result = run("power", exporter="vehicle_001", lease_name=name, state="on")
    assert result["outcome"] == "ERROR" and "the device was left alone" in result["msg"] and jmp.calls == []


def test_a_lease_without_a_record_here_is_not_verified_without_a_controller(run: Run) -> None:
    result = run("lease", state="verified", lease_name=NAME)
    assert result["outcome"] == "ERROR" and "This machine has no record of lease" in result["msg"]


def test_a_command_that_fails_since_its_lease_was_deleted_says_nothing_about_the_vehicle(run: Run, lease: str) -> None:
    for module, arguments in (("shell", {"command": "j power on"}), ("power", {"state": "on"})):
        result = run(module, RELEASED, results=FAILED, lease_name=lease, **arguments)
        assert result["outcome"] == "ERROR" and "failed with exit code 7, but its lease did not hold" in result["msg"]
        result = run(module, HELD, results=FAILED, lease_name=lease, **arguments)
        assert result["outcome"] == "FAIL" and "failed with exit code 7: connection reset." in result["msg"]


def test_a_command_that_the_end_of_its_lease_broke_off_is_told_so(run: Run, lease: str) -> None:
    result = run("shell", RELEASED, lease_name=lease, command="j power on")
    assert result["outcome"] == "ERROR" and "it was released at" in result["msg"]


@pytest.mark.parametrize("name", ["vehicle_001", "sim2"])
def test_a_task_that_names_another_device_than_the_leased_one_is_refused(
    run: Run, jmp: FakeJmp, lease: str, name: str
) -> None:
    result = run("power", HELD, lease_name=lease, exporter=name, state="on")
    assert f"This host holds lease {lease} of selector vin=1, which brought sim1" in result["msg"]
    assert f"does not lead to {name}" in result["msg"] and not jmp.called("shell")
    assert run("power", HELD, results=FAILED, lease_name=lease, exporter="sim1", state="on")["failed"]
    assert jmp.called("shell")


@pytest.mark.parametrize("named_by", ["client_config", "current client", "JMP_ENDPOINT"])
def test_where_a_controller_is_configured_nothing_is_driven_without_a_lease(
    run: Run, jmp: FakeJmp, home: Path, named_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, t.Any] = {"exporter": "vehicle_001", "state": "on"}
    if named_by == "client_config":
        arguments["client_config"] = str(home / "client.yaml")
    elif named_by == "JMP_ENDPOINT":
        monkeypatch.setenv("JMP_ENDPOINT", "lab:8082")
    else:
        (home / ".config/jumpstarter").mkdir(parents=True)
        (home / ".config/jumpstarter/config.yaml").write_text("config: {current-client: alice}", encoding="utf-8")
    result = run("power", **arguments)
    assert "This host holds no lease of vehicle_001, although a controller is configured" in result["msg"]
    assert jmp.calls == []
    run("power", **{**arguments, "mode": "local"})
    assert jmp.called("shell")


def test_a_driver_that_is_missing_says_nothing_about_the_vehicle(run: Run) -> None:
    driver = "jumpstarter_driver_composite.client.CompositeClient"
    said = f"\u2502 Driver '{driver}' is not \u2502\n\u2502 installed.   \u2502\n"
    results = json.dumps([{"command": "j power on", "rc": 1, "stdout": "", "stderr": said}])
    result = run("power", results=results, exporter="vehicle_001", state="on")
    assert result["outcome"] == "ERROR"
    assert f"the driver {driver} cannot be used" in result["msg"]


def test_a_full_disk_is_told_in_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_options: object) -> t.NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryDirectory", full)
    result = run("power", exporter="vehicle_001", state="on")
    assert result["outcome"] == "ERROR" and "No space left on device; make room there" in result["msg"]
