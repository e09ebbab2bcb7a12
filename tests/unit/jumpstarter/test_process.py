# SPDX-License-Identifier: GPL-3.0-or-later
"""A program ends in time, with all it started, and not later than its owner."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from play_support import wait_until

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import (
    CommandTimeout,
    end_group,
    run_bounded,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone

ENVIRONMENT = {"PATH": os.environ["PATH"]}
LONG = 600.0


def is_gone(pid_file: Path) -> bool:
    """Whether the process that wrote its id there has ended."""
    try:
        return psutil.Process(int(pid_file.read_text())).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_program_gives_its_output_and_exit_code() -> None:
    done = run_bounded(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout=LONG, environment=ENVIRONMENT)
    assert (done.exit_code, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_a_program_gets_the_environment_given_and_nothing_to_read() -> None:
    done = run_bounded(["sh", "-c", "echo $WORD; cat"], timeout=LONG, environment={**ENVIRONMENT, "WORD": "x"})
    assert (done.exit_code, done.stdout) == (0, "x\n")


def test_a_signal_is_a_negative_exit_code() -> None:
    assert run_bounded(["sh", "-c", "kill -9 $$"], timeout=LONG, environment=ENVIRONMENT).exit_code == -signal.SIGKILL


def test_much_output_on_both_pipes_does_not_block() -> None:
    script = "import sys; [(sys.stdout.write('o' * 1000), sys.stderr.write('e' * 1000)) for _ in range(2000)]"
    done = run_bounded([sys.executable, "-c", script], timeout=LONG, environment=ENVIRONMENT)
    assert (len(done.stdout), len(done.stderr)) == (2_000_000, 2_000_000)


def test_endless_output_is_cut_and_ended() -> None:
    with pytest.raises(CommandTimeout) as caught:
        run_bounded(["yes"], timeout=1, environment=ENVIRONMENT)
    assert 4 * 1024 * 1024 <= len(caught.value.finished.stdout) < 5 * 1024 * 1024


@pytest.mark.parametrize("ends", [False, True], ids=["goes on", "leaves a child"])
def test_output_that_comes_faster_than_it_is_read_holds_nobody_up(monkeypatch: pytest.MonkeyPatch, ends: bool) -> None:
    read = os.read

    def endless(descriptor: int, count: int) -> bytes:
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode) or count != 65536:
            return read(descriptor, count)
        reads.append(descriptor)
        assert len(reads) < 2_000_000, "nobody looked at the time any more"
        return b"y" * 1024

    reads: list[int] = []
    monkeypatch.setattr(os, "read", endless)
    if ends:
        assert run_bounded(["echo", "y"], timeout=LONG, environment=ENVIRONMENT).exit_code == 0
        return
    with pytest.raises(CommandTimeout):
        run_bounded(["sh", "-c", "echo y; exec sleep 600"], timeout=0.2, environment=ENVIRONMENT)


def test_a_program_that_leaves_a_child_with_its_output_is_not_waited_for(tmp_path: Path) -> None:
    script = f"(echo $$; exec sleep {LONG}) & echo $! > {tmp_path}/pid; echo done"
    done = run_bounded(["sh", "-c", script], timeout=LONG, environment=ENVIRONMENT)

    assert done.exit_code == 0 and "done" in done.stdout
    wait_until(lambda: is_gone(tmp_path / "pid"))


def test_a_program_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    script = f"trap '' TERM; echo said; sleep {LONG} & echo $! > {tmp_path}/pid; wait; wait"

    with pytest.raises(CommandTimeout) as caught:
        run_bounded(["sh", "-c", script], timeout=1, environment=ENVIRONMENT)

    assert caught.value.finished.stdout == "said\n"
    wait_until(lambda: is_gone(tmp_path / "pid"))


def test_a_program_does_not_outlive_its_owner(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", str(LONG)]) as playbook:
        owner = Owner.of(playbook.pid)

        def end_owner() -> None:
            wait_until((tmp_path / "pid").exists)
            playbook.kill()

        ending = threading.Thread(target=end_owner)
        ending.start()
        with pytest.raises(OwnerGone):
            run_bounded(
                [
                    "sh",
                    "-c",
                    f"echo $$ > {tmp_path}/pid.part; mv {tmp_path}/pid.part {tmp_path}/pid; exec sleep {LONG}",
                ],
                timeout=LONG,
                environment=ENVIRONMENT,
                owner=owner,
            )
        ending.join()
    wait_until(lambda: is_gone(tmp_path / "pid"))


def test_nothing_is_started_for_an_owner_that_is_gone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", str(LONG)]) as playbook:
        owner = Owner.of(playbook.pid)
        playbook.kill()

    with pytest.raises(OwnerGone):
        run_bounded(["touch", str(tmp_path / "ran")], timeout=LONG, environment=ENVIRONMENT, owner=owner)
    assert not (tmp_path / "ran").exists()


def test_a_program_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        run_bounded(["/no/such/program"], timeout=LONG, environment=ENVIRONMENT)


def test_no_descriptor_is_left_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    run_bounded(["true"], timeout=LONG, environment=ENVIRONMENT, owner=Owner.of(os.getpid()))
    with pytest.raises(CommandTimeout):
        run_bounded(["sleep", str(LONG)], timeout=0.1, environment=ENVIRONMENT)
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_left_the_group_and_its_environment_is_ended_too(tmp_path: Path) -> None:
    script = f"setsid env -i sh -c 'echo $$ > {tmp_path}/pid; exec sleep 600' & while :; do sleep 0.1; done"
    with pytest.raises(CommandTimeout):
        run_bounded(["/bin/sh", "-c", script], timeout=2, environment=ENVIRONMENT)
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_what_the_program_started_is_told_once_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second signal would end what is ending, such as a jmp that closes its drivers."""
    killpg = os.killpg

    def kill_later(group: int, number: int) -> None:
        # Long enough for an earlier signal to be seen as one of its own.
        time.sleep(0.5)
        killpg(group, number)

    monkeypatch.setattr(os, "killpg", kill_later)
    child = "trap 'echo told >> told' TERM; touch ready; while :; do sleep 0.1; done"
    script = f'trap : TERM; sh -c "{child}" & wait; wait'
    with subprocess.Popen(["sh", "-c", script], cwd=tmp_path, start_new_session=True) as process:
        wait_until((tmp_path / "ready").exists)
        end_group(process)

    assert (tmp_path / "told").read_text().split() == ["told"]
