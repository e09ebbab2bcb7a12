# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorder of a lease's serial console, from the side of the tasks that start it, pass it and end it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import re
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import recorder_process
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.companion import (
    NotStarted,
    companion_of,
    end_companion,
    start_companion,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.route import Route
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import Jmp
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import read_json, write_json
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

STEP_ASIDE_SECONDS = 20.0
ASK_SECONDS = 1.0
LOOK_SECONDS = 0.05

SWITCHES = re.compile(r"\s*j ([\w.-]+)(?: [\w.-]+)* (?:on|off|cycle)(?: -[\w=.-]+| [\d.]+)*\s*")
"""A command that does nothing but switch something, such as power; any other may use the console, as flashing does."""

Identity = dict[str, t.Any]


class RecorderFiles:
    """``record`` says who records what, ``turn`` is the lock of whoever uses the port."""

    def __init__(self, lease_name: str) -> None:
        lease = LeaseFiles(lease_name).record
        self.lease = lease
        self.record = lease.with_name(f"{lease_name}.console")
        self.turn = lease.with_name(f"{lease_name}.console-lock")

    def read(self) -> Identity | None:
        """Return who records; None if nobody does."""
        found = read_json(self.record)
        return found if isinstance(found, dict) and companion_of(found) is not None else None

    def remove(self) -> None:
        """Forget the recorder."""
        for path in (self.record, self.turn):
            with contextlib.suppress(OSError):
                path.unlink()


def start_recorder(route: Route, driver: str, path: pathlib.Path, *, shared: bool, owner: Owner | None) -> None:
    """Start recording for a lease.

    :param driver: name of the serial driver in the exporter.
    :param path: of the file that is written.
    :param owner: with whose end recording ends; None if it ends with the lease alone.
    :raises JumpstarterError: it cannot be started.
    """
    files = RecorderFiles(route.lease_name)
    jmp = Jmp()
    jmp.lease = route.lease_name
    order: recorder_process.Order = {
        "argv": jmp.argv("shell", *route.target, "--", "j", *driver.split("."), "pipe", "--no-input"),
        "environment": jmp.environment(JMP_RETRY_TIMEOUT="10", JMP_DIAL_TIMEOUT="10"),
        "path": str(path),
        "turn": str(files.turn),
        "lease": str(files.lease),
        "lock": route.lock,
        "owner": owner.pid if owner else None,
        "shared": shared,
    }
    try:
        known = start_companion(recorder_process, order, route)
    except NotStarted as error:
        raise errors.JumpstarterError(f"The recorder did not start ({error}); can {path} be written?") from None
    write_json(
        files.record, {"pid": known.pid, "start": known.start, "path": str(path), "driver": driver, "shared": shared}
    )


def end_recorder(lease_name: str) -> Identity | None:
    """End the recording of a lease and return what it was; None if there was none."""
    files = RecorderFiles(lease_name)
    known = read_json(files.record)
    recorder = companion_of(known)
    if recorder is not None:
        end_companion(recorder)
    files.remove()
    return known if isinstance(known, dict) else None


@contextlib.contextmanager
def port_for(lease_name: str, commands: t.Sequence[str]) -> t.Iterator[None]:
    """Keep the recorder of a lease, if it has one, off the serial port while these commands run."""
    files = RecorderFiles(lease_name)
    known = files.read()
    if known is None or known.get("shared") or not _may_use(commands, str(known.get("driver"))):
        yield
        return
    with files.turn.open("a") as turn:
        _take_turn(turn, t.cast("Owner", companion_of(known)))
        yield


def _take_turn(turn: t.IO[str], recorder: Owner) -> None:
    """Wait until the recorder has let go of the port; one that does not is ended, since the test comes first."""
    deadline, asked = Deadline(STEP_ASIDE_SECONDS), 0.0
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(turn, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return
        if not recorder.is_alive():
            return
        if deadline.expired:
            end_companion(recorder)
            return
        if time.monotonic() - asked > ASK_SECONDS:
            asked = time.monotonic()
            with contextlib.suppress(ProcessLookupError):
                os.kill(recorder.pid, recorder_process.STEP_ASIDE)
        time.sleep(LOOK_SECONDS)


def _may_use(commands: t.Sequence[str], driver: str) -> bool:
    """Whether commands may use a driver; only one that switches another certainly does not."""
    found = [SWITCHES.fullmatch(command) for command in commands]
    return any(switch is None or switch[1] == driver.partition(".")[0] for switch in found)
