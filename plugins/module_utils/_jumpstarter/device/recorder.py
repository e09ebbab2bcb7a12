# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorder of a lease's serial console, from the side of the tasks that start it, pass it and end it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import recorder_process
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.route import Route
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import LEASE_VARIABLE, Jmp
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import descendants_of
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import read_json, write_json
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import BOOTSTRAP, START_SECONDS
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import (
    Owner,
    OwnerGone,
    wait_readable,
)

STEP_ASIDE_SECONDS = 20.0
ASK_SECONDS = 1.0
LOOK_SECONDS = 0.05
END_SECONDS = 15.0

PLAIN = re.compile(r"\s*j ([\w.-]+)(?: [\w.:/=,+-]+)*\s*")
"""A command that does nothing but drive one driver; any other may do anything."""

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
        return found if isinstance(found, dict) and _owner_of(found) is not None else None

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
    root = str(recorder_process.__file__).rpartition("/ansible_collections/")[0]
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", BOOTSTRAP.format(module=recorder_process.__name__), root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), LEASE_VARIABLE: route.lease_name},
            pass_fds=() if route.lock is None else (route.lock,),
            start_new_session=True,
        )
    except OSError as error:
        raise errors.JumpstarterError(f"The recorder could not be started: {error.strerror}.") from None
    stdin, stdout = t.cast("t.IO[bytes]", process.stdin), t.cast("t.IO[bytes]", process.stdout)
    with stdin, stdout:
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps(order).encode() + b"\n")
            stdin.flush()
        if not wait_readable([stdout.fileno()], START_SECONDS) or not stdout.readline():
            process.kill()
            process.wait()
            raise errors.JumpstarterError(f"The recorder did not start; can {path} be written?")
    known = Owner.of(process.pid)
    write_json(
        files.record, {"pid": known.pid, "start": known.start, "path": str(path), "driver": driver, "shared": shared}
    )
    # init takes it over when this process ends, so it is not to be waited for.
    process.returncode = 0


def end_recorder(lease_name: str) -> Identity | None:
    """End the recording of a lease and return what it was; None if there was none."""
    files = RecorderFiles(lease_name)
    known = read_json(files.record)
    owner = _owner_of(known)
    if owner is not None:
        with contextlib.suppress(OwnerGone, ProcessLookupError):
            _end(owner)
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
        _take_turn(turn, t.cast("Owner", _owner_of(known)))
        yield


def _take_turn(turn: t.IO[str], recorder: Owner) -> None:
    """Wait until the recorder has let go of the port; one that does not is ended, since the test comes first."""
    deadline, asked = time.monotonic() + STEP_ASIDE_SECONDS, 0.0
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(turn, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return
        if not recorder.is_alive():
            return
        if time.monotonic() > deadline:
            with contextlib.suppress(OwnerGone, ProcessLookupError):
                _end(recorder)
            return
        if time.monotonic() - asked > ASK_SECONDS:
            asked = time.monotonic()
            with contextlib.suppress(ProcessLookupError):
                os.kill(recorder.pid, recorder_process.STEP_ASIDE)
        time.sleep(LOOK_SECONDS)


def _may_use(commands: t.Sequence[str], driver: str) -> bool:
    """Whether commands may use a driver; only a plain one that drives another certainly does not."""
    plain = [PLAIN.fullmatch(command) for command in commands]
    return any(found is None or found[1] == driver.partition(".")[0] for found in plain)


def _end(recorder: Owner) -> None:
    pidfd = recorder.open_pidfd()
    try:
        signal.pidfd_send_signal(pidfd, recorder_process.END)
        if not wait_readable([pidfd], END_SECONDS):
            for pid in descendants_of({recorder.pid}):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            wait_readable([pidfd], END_SECONDS)
    finally:
        os.close(pidfd)


def _owner_of(known: t.Any) -> Owner | None:
    """Return the process of a recorder; None if it has ended."""
    try:
        owner = Owner(int(known["pid"]), int(known["start"]))
    except (KeyError, TypeError, ValueError):
        return None
    return owner if owner.is_alive() else None
