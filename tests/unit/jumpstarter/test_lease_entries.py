# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of a list of leases that cannot be read: told where it matters, and never a reason to act."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from jumpstarter_support import FakeJmp, fake_lab
from sums_support import module_named, validated

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import yaml_text
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import Lease
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

NAME = "hatci-7-vehicle-001-0a1b2c3d"
READY = [{"type": "Ready", "status": "True"}]
HELD = {
    "name": NAME,
    "exporter": "vehicle_001",
    "client": "alice",
    "duration": 300.0,
    "conditions": READY,
    "effective_begin_time": "2026-01-01T00:00:00Z",
    "tags": {"hatci-job": "7"},
}
Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def jmp(tmp_path: Path) -> Iterator[FakeJmp]:
    """Return a `jmp` inside this process."""
    with fake_lab(tmp_path) as fake:
        yield fake


@pytest.fixture
def run(jmp: FakeJmp, tmp_path: Path) -> Run:
    """Run a module while `jmp` shows these leases."""

    def task(name: str, leases: t.Any, **arguments: t.Any) -> dict[str, t.Any]:
        jmp.prints(json.dumps({"leases": leases}))
        options = validated(f"jumpstarter_{name}", {"client_config": str(tmp_path / "client.yaml"), **arguments})
        return run_operation(module_named(f"jumpstarter_{name}").OPERATION, options, False)

    return task


ODD = [7, "x", None, {}, {**HELD, "name": 5}, {**HELD, "conditions": "Ready"}, {**HELD, "tags": ["7"]}]


@pytest.mark.parametrize("entry", [*ODD, {**HELD, "exporter": {}}, {**HELD, "effective_end_time": 5}])
def test_a_lease_that_cannot_be_read_is_not_taken_for_lost(run: Run, entry: t.Any) -> None:
    result = run("lease", [entry], state="renew", lease_name=NAME)
    assert "jmp get leases printed 1 of 1 leases in a form that is not known, so it cannot be told" in result["msg"]


@pytest.mark.parametrize("entry", ODD)
def test_a_lease_is_found_beside_others_that_cannot_be_read(run: Run, jmp: FakeJmp, entry: t.Any) -> None:
    result = run("lease", [entry, HELD], state="renew", lease_name=NAME)
    assert not result.get("failed") and len(jmp.called("update")) == 1


@pytest.mark.parametrize("entry", ODD)
def test_a_lease_that_cannot_be_read_is_no_orphan(run: Run, jmp: FakeJmp, entry: t.Any) -> None:
    result = run("orphans", [entry], running_jobs=[], min_age=0)
    assert (result["orphans"], result["others"], result["released"]) == ([], [], [])
    assert not jmp.called("delete")


@pytest.mark.parametrize("running", [[""], ["7a"], ["\u0667"], ["None"]])
def test_a_list_of_jobs_that_holds_no_ids_releases_nothing(run: Run, jmp: FakeJmp, running: list[str]) -> None:
    result = run("orphans", [HELD], running_jobs=running, min_age=0)
    assert "which is not a valid job id; no lease was released." in result["msg"]
    assert not jmp.called("delete")


@pytest.mark.parametrize("begin", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "soon", None])
def test_a_clock_that_was_never_set_makes_no_lease_old_or_long(run: Run, jmp: FakeJmp, begin: str | None) -> None:
    entry = {**HELD, "effective_begin_time": begin, "tags": {}}
    assert run("orphans", [entry])["orphans"] == []
    renewed = run("lease", [entry], state="renew", lease_name=NAME)
    assert renewed["msg"] == f"Lease {NAME} does not tell when it began, so it can't be renewed."
    assert not jmp.called("delete") and not jmp.called("update")


@pytest.mark.parametrize("duration", [1e308, -1e308, 10**400, "300", None, True, []])
@pytest.mark.parametrize("begin", ["9999-12-31T23:59:59-23:59", "2026-01-01", "0001-01-01T00:00:00+23:59"])
def test_the_end_of_a_lease_is_told_whatever_it_says(begin: str, duration: t.Any) -> None:
    lease = Lease.read({**HELD, "effective_begin_time": begin, "duration": duration})
    assert lease is not None and lease.until and lease.duration >= 0


@pytest.mark.parametrize("command", [None, "", " ", "a\0b", "\ud800", "x" * 200_000])
def test_a_command_that_no_shell_takes_is_refused_before_the_device_is_asked(
    run: Run, jmp: FakeJmp, command: str | None
) -> None:
    result = run("shell", [], exporter="vehicle_001", command=command)
    assert result["failed"] and "ommand" in result["msg"]
    assert jmp.calls == []


def test_a_yaml_library_that_is_missing_is_told_before_a_lease_is_made(
    run: Run, jmp: FakeJmp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_text, "HAS_YAML", False)
    result = run("lease", [], exporter="vehicle_001", output="yaml", timeout=0)
    assert result["msg"] == "The Python library PyYAML is missing; install it where this task runs."
    assert jmp.calls == []
