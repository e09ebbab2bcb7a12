# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a whole fleet is: one line a minute, whichever of its workers shows it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import typing as t

from ansible.playbook.task import Task

from ansible_collections.hatci.automation.plugins.module_utils._outcome import GOOD
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import DirectoryUnsafe, runtime_directory
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

MINUTE = 60.0


class FleetProgress:
    """What the workers of one play tell each other, in a file: the outcomes so far, a line each.

    :param owner: the ansible-playbook process.
    :param task: a task of the play.
    :param vehicles: how many there are.
    :param show: shows a line to whoever watches.
    """

    def __init__(
        self,
        owner: Owner,
        task: Task,
        vehicles: int = 0,
        show: t.Callable[[str], None] = lambda line: None,
        clock: t.Callable[[], float] = time.time,
    ) -> None:
        self._name = f"fleet-{owner.identity}-{task.get_play()._uuid}.log"
        self._vehicles = vehicles
        self._show = show
        self._clock = clock

    def note_end(self, host: str, outcome: str) -> None:
        """Note that a test of a vehicle has ended; of several the last one counts."""
        with contextlib.suppress(OSError, DirectoryUnsafe), self._file() as descriptor:
            os.write(descriptor, f"{json.dumps([host, outcome])}\n".encode())

    def remind(self, _line: str) -> None:
        """Say how far the fleet is, unless a worker has said so within the last minute."""
        with contextlib.suppress(OSError, ValueError, DirectoryUnsafe), self._file() as descriptor:
            said = os.stat(descriptor).st_atime
            if self._clock() - said < MINUTE:
                return
            os.utime(descriptor, (self._clock(), os.stat(descriptor).st_mtime))
            outcomes = dict(map(json.loads, os.pread(descriptor, os.stat(descriptor).st_size, 0).decode().splitlines()))
            failed = sum(outcome not in GOOD for outcome in outcomes.values())
            self._show(f"{len(outcomes)} of {self._vehicles} vehicles ended, {failed} failed, {_time_of_day()}")

    @contextlib.contextmanager
    def _file(self) -> t.Iterator[int]:
        """Open the file for this worker alone; what cannot be noted there is not worth a failure."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOATIME
        descriptor = os.open(runtime_directory() / self._name, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def _time_of_day() -> str:
    return time.strftime("%H:%M:%S")
