# SPDX-License-Identifier: GPL-3.0-or-later
"""Excluding others from a device on this machine."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError, LeaseLost
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import device_lock

HOLDER = {"job": "4711", "host": "bench-7", "pid": 12, "since": 0}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the lock of an exporter."""
    return device_lock.lock_path(str(tmp_path / "locks"), "vehicle_001")


def taken(path: Path) -> int:
    """Take a lock that is free and return its file descriptor."""
    lock = device_lock.try_lock(path, HOLDER)
    assert lock is not None
    return lock[0]


def test_a_device_is_had_by_one_at_a_time(path: Path) -> None:
    assert not device_lock.is_locked(path)
    descriptor = taken(path)

    assert device_lock.is_locked(path)
    assert device_lock.try_lock(path, {"job": "second"}) is None
    assert device_lock.read_holder(path) == HOLDER

    os.close(descriptor)
    assert not device_lock.is_locked(path)
    os.close(taken(path))


def test_a_lock_lives_as_long_as_the_last_process_that_has_it(path: Path) -> None:
    descriptor = taken(path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[descriptor]) as keeper:
        os.close(descriptor)
        assert device_lock.is_locked(path)
        keeper.kill()
    assert not device_lock.is_locked(path)


def test_whoever_comes_next_learns_who_was_there_before(path: Path) -> None:
    os.close(taken(path))

    lock = device_lock.try_lock(path, {"job": "second"})

    assert lock is not None
    os.close(lock[0])
    assert lock[1] == HOLDER
    assert device_lock.read_holder(path) == {"job": "second"}


def test_every_user_of_this_machine_can_take_the_lock(path: Path) -> None:
    old = os.umask(0o077)
    try:
        os.close(taken(path))
    finally:
        os.umask(old)

    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o1777


def test_a_lock_is_no_way_to_write_another_file(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    path.symlink_to(victim)

    with pytest.raises(InputError, match=r"vehicle_001\.lock cannot be used: .*; ask its owner to remove it"):
        device_lock.try_lock(path, HOLDER)
    assert victim.read_text(encoding="utf-8") == "precious"


def test_a_lock_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(InputError, match=r"The lock directory .*/file/locks cannot be used: .*; set lock_dir"):
        device_lock.lock_path(str(tmp_path / "file/locks"), "vehicle_001")
    with pytest.raises(InputError, match=r"exporter is '\.\./x'"):
        device_lock.lock_path(str(tmp_path), "../x")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"job": "7", "host": "b", "pid": 12, "since": 0}', "job 7, host b, pid 12, since 1970-01-01 00:00:00 UTC"),
        ('{"job": "4711", "since": "x"}', "job 4711, host ?, pid ?, since ?"),
        ('{"job": "7", "since": 1e300}', "job 7, host ?, pid ?, since ?"),
        ("[" * 4000, "someone who left no name"),
        ("", "someone who left no name"),
        ("[1]", "someone who left no name"),
        ("{broken", "someone who left no name"),
    ],
)
def test_the_holder_is_told_in_words_whatever_the_file_holds(path: Path, content: str, words: str) -> None:
    path.write_text(content, encoding="utf-8")
    assert device_lock.describe_holder(device_lock.read_holder(path)) == words


def test_a_lock_that_is_no_file_is_refused(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"vehicle_001\.lock cannot be used: it is not a file"):
        device_lock.try_lock(path, HOLDER)


def test_a_lock_on_a_full_disk_is_told_and_left(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_arguments: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", write)
    with pytest.raises(InputError, match=r"vehicle_001\.lock cannot be written: No space left on device; make room"):
        device_lock.try_lock(path, HOLDER)
    assert not device_lock.is_locked(path)


@pytest.mark.parametrize("directory", ["", " ", "locks", "\0", "\ud800", "~nobody-of-that-name/locks"])
def test_a_lock_directory_that_is_not_the_same_for_all_is_refused(directory: str) -> None:
    with pytest.raises(InputError, match=r"lock_dir (is|holds) .*; (give|correct)"):
        device_lock.lock_path(directory, "vehicle_001")


def test_a_lock_file_that_is_not_there_is_nobody_s(path: Path) -> None:
    assert device_lock.read_holder(path) == {}
    assert not device_lock.is_locked(path)


@pytest.mark.parametrize("mode", [0o777, 0o772, 0o720])
def test_a_lock_directory_that_others_can_empty_is_refused(tmp_path: Path, mode: int) -> None:
    directory = tmp_path / "locks"
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(InputError, match=r"Others may write the lock directory .* \(chmod 1777 "):
        device_lock.lock_path(str(directory), "sim1")
    directory.chmod(0o1777)
    assert device_lock.lock_path(str(directory), "sim1")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's directory")
@pytest.mark.parametrize("what", ["directory", "link"])
def test_a_lock_directory_of_another_user_is_refused(tmp_path: Path, what: str) -> None:
    directory = tmp_path / "locks"
    if what == "directory":
        directory.mkdir(mode=0o1777)
    else:
        directory.symlink_to(tmp_path)
    os.chown(directory, 44444, 44444, follow_symlinks=False)
    with pytest.raises(InputError, match=r"belongs to another user \(uid 44444\)"):
        device_lock.lock_path(str(directory), "sim1")


def test_whoever_shares_a_lock_is_seen_until_every_copy_is_closed(path: Path) -> None:
    descriptor = taken(path)
    with pytest.raises(LeaseLost, match="is not held any more"), device_lock.share_lock(path, "another"):
        pass
    device_lock._write(descriptor, path, {"lease": "mine"})
    with device_lock.share_lock(path, "mine") as copy:
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[copy]) as driver:
            assert device_lock.is_driven(descriptor)
            driver.kill()
        assert device_lock.is_driven(descriptor)
    assert not device_lock.is_driven(descriptor)
    os.close(descriptor)
