# SPDX-License-Identifier: GPL-3.0-or-later
"""Who drives a device whose keeper is gone: ended where it is this user's, waited for where it is not."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from jumpstarter_support import FakeKeeper

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import LeaseRefused, LeaseTimeout
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import acquire_local
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.device_lock import (
    lock_path,
    share_lock,
    try_lock,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import Request
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

LEASE = "hatci-17-vehicle-001-abcd"


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    """Return the lock file of a device that the lease had and that nobody keeps any more."""
    path = lock_path(str(tmp_path / "locks"), "bench")
    locked = try_lock(path, {"lease": LEASE})
    assert locked is not None
    os.close(locked[0])
    return path


def drive(path: Path | None, lease: str | None = LEASE) -> subprocess.Popen[bytes]:
    """Start what drives a device, as jmp shell does: with a copy of its lock, and marked with its lease."""
    program = "import os, sys; print(flush=True); os.read(0, 1)"
    environment = {**os.environ, **({"HATCI_LEASE": lease} if lease else {})}
    with contextlib.ExitStack() as stack:
        copies = []
        if path:
            holder = stack.enter_context(open(path, "rb"))
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            copies = [stack.enter_context(share_lock(path, LEASE))]
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
            pass_fds=copies,
        )  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == b"\n"
        return process


def end(process: subprocess.Popen[bytes]) -> None:
    """Let a driver end."""
    process.communicate()


@pytest.fixture
def acquire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: Path) -> t.Iterator[t.Callable[[], t.Any]]:
    """Yield what acquires the device."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(acquire_local, "start_keeper", lambda *_all, lock, **_options: FakeKeeper(lock))
    request = Request(
        caller=Caller("18", "bench", None), exporter="bench", selector=None, duration=60.0, timeout=0.0, max_hold=None,
        expected_exporter=None, say=lambda _line: None,
    )  # fmt: skip
    yield lambda: acquire_local.acquire_local(str(tmp_path / "locks"), request)
    FakeKeeper.end_all()


def test_what_a_dead_keeper_left_driving_is_ended(acquire: t.Callable[[], t.Any], locks: Path) -> None:
    driver = drive(locks)
    assert acquire()["exporter"] == "bench"
    assert driver.wait(20) < 0
    end(driver)


def test_whoever_still_drives_and_cannot_be_ended_keeps_the_device(acquire: t.Callable[[], t.Any], locks: Path) -> None:
    """As another user's command does, whose keeper was killed."""
    driver = drive(locks, lease=None)
    with pytest.raises(LeaseTimeout, match="did not become free"):
        acquire()
    assert driver.poll() is None
    end(driver)
    assert acquire()["exporter"] == "bench"


def test_a_lease_that_somebody_wrote_into_the_lock_file_chooses_nobody_to_end(
    acquire: t.Callable[[], t.Any], locks: Path
) -> None:
    """It drives another device, under another lock, and only its name stands here."""
    innocent = drive(None)
    assert acquire()["exporter"] == "bench"
    assert innocent.poll() is None
    end(innocent)


def test_an_odd_name_in_the_lock_file_harms_nothing(locks: Path, acquire: t.Callable[[], t.Any]) -> None:
    locks.write_text('{"lease": "../../etc/passwd"}', encoding="utf-8")
    assert acquire()["exporter"] == "bench"


def test_a_wait_that_only_this_run_could_end_is_refused_at_once(tmp_path: Path, acquire: t.Callable[[], t.Any]) -> None:
    run = Owner.of(os.getpid())
    request = Request(
        caller=Caller("18", "car-b", run), exporter="bench", selector=None, duration=60.0, timeout=0.0, max_hold=None,
        expected_exporter=None, say=lambda _line: None,
    )  # fmt: skip
    acquire_local.acquire_local(str(tmp_path / "locks"), request)
    second = request._replace(caller=Caller("18", "car-a", run))

    with pytest.raises(LeaseRefused, match=r"is held by host car-b of this very run, .* use the playbook ota_fleet"):
        acquire_local.acquire_local(str(tmp_path / "locks"), second._replace(blocks_run=True, timeout=600.0))
    with pytest.raises(LeaseTimeout, match="job 18, host car-b"):
        acquire_local.acquire_local(str(tmp_path / "locks"), second)
