# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding and ending everything that drives a leased device."""

from __future__ import annotations

import contextlib
import os
import signal

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import LEASE_VARIABLE
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import descendants_of
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import wait_readable

GRACE_SECONDS = 1.0


def end_lease_processes(lease_name: str) -> int:
    """End every process of this user that was started for a lease, politely first.

    :returns: how many there were at first.
    """
    first = processes = _open_lease_processes(lease_name)
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
        for pidfd in processes:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(pidfd, number)
        _wait_for_all(processes)
        for pidfd in processes:
            os.close(pidfd)
        processes = _open_lease_processes(lease_name)
        if not processes:
            break
    return len(first)


def leases_that_hold(descriptor: int) -> set[str]:
    """Return the leases for which processes of this user have an open file open too."""
    wanted = os.fstat(descriptor)
    found = set()
    for pid in _processes():
        if lease_name := _lease_of(pid):
            with contextlib.suppress(OSError):
                for entry in os.listdir(f"/proc/{pid}/fd"):
                    with contextlib.suppress(OSError):
                        if os.path.samestat(os.stat(f"/proc/{pid}/fd/{entry}"), wanted):
                            found.add(lease_name)
    return found


def _open_lease_processes(lease_name: str) -> list[int]:
    """Return a pidfd of each process that carries the mark, and of all that these have started."""
    processes = {pid for pid in _processes() if _lease_of(pid) == lease_name}
    found = []
    for pid in (processes | descendants_of(processes)) - {os.getpid()}:
        with contextlib.suppress(OSError):
            found.append(os.pidfd_open(pid))
    return found


def _processes() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and int(entry) != os.getpid()]


def _lease_of(pid: int) -> str:
    """Return the lease that the environment of a process of this user names; empty if there is none."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        for variable in file.read().split(b"\0"):
            name, _sign, value = variable.partition(b"=")
            if name == LEASE_VARIABLE.encode():
                return value.decode(errors="replace")
    return ""


def _wait_for_all(pidfds: list[int]) -> None:
    deadline = Deadline(GRACE_SECONDS)
    waiting = list(pidfds)
    while waiting and not deadline.expired:
        ended = wait_readable(waiting, deadline.left)
        waiting = [pidfd for pidfd in waiting if pidfd not in ended]
