# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding and ending everything that drives a leased device."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import LEASE_VARIABLE
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import wait_readable

GRACE_SECONDS = 1.0


def end_lease_processes(lease_name: str) -> int:
    """End every process of this user that was started for a lease, politely first.

    :returns: how many there were at first.
    """
    first = marked = _open_lease_processes(lease_name)
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
        for pidfd in marked:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(pidfd, number)
        _wait_for_all(marked)
        for pidfd in marked:
            os.close(pidfd)
        marked = _open_lease_processes(lease_name)
        if not marked:
            break
    return len(first)


def _open_lease_processes(lease_name: str) -> list[int]:
    """Return a pidfd of each process whose environment carries the mark."""
    mark = f"{LEASE_VARIABLE}={lease_name}".encode()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            with contextlib.suppress(OSError), open(f"/proc/{entry}/environ", "rb") as file:
                if mark in file.read().split(b"\0"):
                    found.append(os.pidfd_open(int(entry)))
    return found


def _wait_for_all(pidfds: list[int]) -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    waiting = list(pidfds)
    while waiting and time.monotonic() < deadline:
        ended = wait_readable(waiting, deadline - time.monotonic())
        waiting = [pidfd for pidfd in waiting if pidfd not in ended]
