# SPDX-License-Identifier: GPL-3.0-or-later
"""What a keeper costs and what it could give away."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import yaml
from lease_support import (
    ACQUIRE,
    POWER_ON,
    RELEASE,
    WAIT_FOR,
    ControllerDevice,
    Device,
    StartPlay,
    fake_jmp,
    pss_of,
    wait_for,
)

from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import end_watcher, is_watching
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

MOST_PSS = 12 * 1024 * 1024
MOST_JMP_STARTS = 4


def test_a_keeper_is_small_inherits_nothing_and_tells_nothing(device: Device, start: StartPlay, tmp_path: Path) -> None:
    secret = "the-token-of-sums"
    play = start(
        ACQUIRE + WAIT_FOR + RELEASE,
        device,
        variables={"go_on": str(tmp_path / "go")},
        env={"HATCI_TOKEN": secret, "JMP_TOKEN": "another-secret"},
    )
    play.until(lambda: play.results("Keep the name of the lease"))
    (keeper,) = play.keepers()
    assert pss_of(keeper) <= MOST_PSS

    secrets = [secret, "another-secret"]
    if isinstance(device, ControllerDevice):
        secrets.append(yaml.safe_load(device.controller.client_config("alice").read_text())["token"])
    for kind in ("cmdline", "environ"):
        shown = Path(f"/proc/{keeper}/{kind}").read_text()
        assert not any(word in shown for word in secrets)
    assert os.getsid(keeper) == keeper, "it must outlive the session of the play"
    assert os.readlink(f"/proc/{keeper}/cwd") == "/"

    files = {fd: os.readlink(f"/proc/{keeper}/fd/{fd}") for fd in os.listdir(f"/proc/{keeper}/fd")}
    log = str(play.result("Acquire the device")["keeper_log"])
    allowed = [log, "/dev/null", str(getattr(device, "lock", log)), "anon_inode:[pidfd]", "pipe:", "socket:"]
    assert all(any(target.startswith(one) for one in allowed) for target in files.values()), files
    channels = {target for target in files.values() if target.startswith(("pipe:", "socket:"))}
    assert len(channels) <= 2, "only the pipe that wakes it on a signal, and the socket on which it listens to tasks"
    for worker in os.listdir("/proc"):
        if worker.isdigit() and int(worker) != keeper:
            assert not channels & set(_links(worker)), f"process {worker} shares a channel with the keeper"

    (tmp_path / "go").touch()
    assert play.wait() == 0, play.output
    content = Path(log).read_text(encoding="utf-8")
    assert len(content) < 2000 and not any(word in content for word in secrets)
    assert Path(log).stat().st_mode & 0o077 == 0
    assert list(Path(log).parent.glob("*.json")) == []
    play.assert_gives_back(device)


def _links(pid: str) -> list[str]:
    try:
        return [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return []


def test_acquire_use_and_release_start_jmp_four_times(leased: ControllerDevice, run: StartPlay, tmp_path: Path) -> None:
    log = tmp_path / "starts"
    path = fake_jmp(tmp_path / "bin", f'echo "$3 $4" >>{log}\nexec REAL "$@"\n')
    play = run(ACQUIRE + POWER_ON + RELEASE, leased, path_first=path)
    assert play.process.returncode == 0, play.output
    starts = log.read_text(encoding="utf-8").splitlines()
    assert len(starts) <= MOST_JMP_STARTS, starts
    assert [start.split()[0] for start in starts] == ["create", "get", "shell", "delete"]


def test_a_process_that_got_the_pid_of_a_keeper_is_neither_taken_for_it_nor_ended() -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        owner = Owner.of(other.pid)
        before = {"pid": owner.pid, "start": owner.start - 1}
        assert is_watching({"pid": owner.pid, "start": owner.start}) and not is_watching(before)
        end_watcher(before, dismiss=True)
        end_watcher(before, dismiss=False)
        assert other.poll() is None
        other.kill()


def test_a_request_whose_keeper_was_stopped_ends_in_its_time(leased: ControllerDevice, start: StartPlay) -> None:
    leased.take()
    play = start(ACQUIRE, leased, variables={"jumpstarter_lease_guard_timeout": 15})
    play.until(play.keepers)
    (keeper,) = play.keepers()
    os.kill(keeper, signal.SIGSTOP)
    assert play.wait() == 2, play.output
    assert "did not become free within 15 s" in play.output
    wait_for(lambda: not play.keepers())
