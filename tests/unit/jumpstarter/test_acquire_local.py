# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last holder of a lock left running is ended; what a lease drives that is kept goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from jumpstarter_support import FakeKeeper

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import acquire_local
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.device_lock import (
    lock_path,
    try_lock,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import Request
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

LEASE = "hatci-17-vehicle-001-abcd"


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[subprocess.Popen[bytes]]:
    """Yield a process that drives a device for the lease, and ends by itself when its input does."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, "HATCI_LEASE": LEASE}) as process:
        yield process
        process.kill()


@pytest.fixture
def acquire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[t.Callable[[], t.Any]]:
    """Yield what acquires a device whose lock file names the lease."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(acquire_local, "start_keeper", lambda *_all, lock, **_options: FakeKeeper(lock))
    descriptor, _before = t.cast(
        "tuple[int, t.Any]", try_lock(lock_path(str(tmp_path / "locks"), "bench"), {"lease": LEASE})
    )
    os.close(descriptor)
    request = Request(
        caller=Caller("18", "bench", None), exporter="bench", selector=None, duration=60.0, timeout=0.0, max_hold=None,
        expected_exporter=None, say=lambda _line: None,
    )  # fmt: skip
    yield lambda: acquire_local.acquire_local(str(tmp_path / "locks"), request)
    FakeKeeper.end_all()


def keep(pid: int) -> None:
    """Write the record of the lease, kept by a process."""
    keeper = Owner.of(pid)
    LeaseFiles(LEASE).write(
        {"name": LEASE, "mode": "local", "what": "exporter vehicle_001", "asked": "vehicle_001",
         "exporter": "vehicle_001", "keeper": {"pid": keeper.pid, "start": keeper.start}, "config": None, "lease": {},
         "keeper_log": None}
    )  # fmt: skip


def test_what_a_dead_holder_left_is_ended(acquire: t.Callable[[], t.Any], driver: subprocess.Popen[bytes]) -> None:
    acquire()
    assert driver.wait() < 0


def test_what_a_kept_lease_drives_goes_on(acquire: t.Callable[[], t.Any], driver: subprocess.Popen[bytes]) -> None:
    keep(os.getpid())
    acquire()
    assert driver.poll() is None


def test_an_odd_name_in_the_lock_file_harms_nothing(tmp_path: Path, acquire: t.Callable[[], t.Any]) -> None:
    lock_path(str(tmp_path / "locks"), "bench").write_text('{"lease": "../../etc/passwd"}', encoding="utf-8")
    assert acquire()["exporter"] == "bench"
