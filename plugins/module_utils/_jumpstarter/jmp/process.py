# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a program with an end: in time, with all it started, and not longer than its owner."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone, wait_readable

MAX_OUTPUT = 4 * 1024 * 1024
READS_AT_ONCE = 16
"""Output may come faster than it is read; between so many reads is looked whether the time is over."""
GRACE_SECONDS = 2.0


class CommandTimeout(Exception):
    """The program did not end in time; carries what it had printed.

    :param finished: the output so far.
    """

    def __init__(self, finished: CompletedCommand) -> None:
        super().__init__("the program did not end in time")
        self.finished = finished


@dataclasses.dataclass(frozen=True)
class CompletedCommand:
    """How a program ended.

    :param exit_code: negative for the signal that ended it.
    """

    exit_code: int
    stdout: str
    stderr: str


def run_bounded(
    argv: t.Sequence[str],
    *,
    timeout: float,
    environment: t.Mapping[str, str],
    owner: Owner | None = None,
    descriptor: int | None = None,
) -> CompletedCommand:
    """Run a program in a session of its own until it ends.

    :param timeout: seconds after which the program and all in its process group are ended.
    :param owner: the process whose end also ends the program.
    :param descriptor: an open file of which the program gets a copy.
    :raises CommandTimeout: the time passed.
    :raises OwnerGone: the owner ended.
    :raises OSError: the program could not be started.
    """
    deadline = Deadline(timeout)
    with contextlib.ExitStack() as stack:
        owner_fd = stack.enter_context(_opened(owner.open_pidfd())) if owner else -1
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            pass_fds=() if descriptor is None else (descriptor,),
            start_new_session=True,
        )
        stack.callback(end_group, process)
        outputs = {pipe.fileno(): bytearray() for pipe in (process.stdout, process.stderr) if pipe}
        for descriptor in outputs:
            os.set_blocking(descriptor, False)
        process_fd = stack.enter_context(_opened(os.pidfd_open(process.pid)))
        open_pipes = set(outputs)
        while True:
            ready = wait_readable([process_fd, *open_pipes, *([owner_fd] if owner else [])], deadline.left)
            for descriptor in open_pipes & set(ready):
                if not _drain(descriptor, outputs[descriptor]):
                    open_pipes.discard(descriptor)
            if process_fd in ready:
                process.wait()
                break
            if owner_fd in ready:
                raise OwnerGone("the ansible-playbook process has ended")
            if deadline.expired:
                end_group(process)
                raise CommandTimeout(_finished(process, outputs))
        for descriptor in open_pipes:
            _drain(descriptor, outputs[descriptor])
        return _finished(process, outputs)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a program, its process group and all that left that group, politely first."""
    with contextlib.ExitStack() as stack:
        started, left = [], []
        for pid in descendants_of({process.pid}) if process.poll() is None else ():
            with contextlib.suppress(OSError):
                started.append(stack.enter_context(_opened(os.pidfd_open(pid))))
                if os.getpgid(pid) != process.pid:
                    left.append(started[-1])
        # Each once: a second signal keeps jmp from closing its drivers.
        _signal_all(left, signal.SIGTERM)
        _end_group(process)
        _signal_all(started, signal.SIGKILL)


def descendants_of(pids: t.Collection[int]) -> set[int]:
    """Return the processes that these have started, and those that these have started in turn."""
    parents = {int(entry): _parent_of(entry) for entry in os.listdir("/proc") if entry.isdigit()}
    found = set(pids)
    while grown := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= grown
    return found - set(pids)


def _parent_of(pid: str) -> int:
    with contextlib.suppress(OSError, IndexError, ValueError), open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])
    return 0


def _signal_all(pidfds: t.Sequence[int], number: int) -> None:
    for pidfd in pidfds:
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(pidfd, number)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    for number, grace in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
            break
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()


def _drain(descriptor: int, output: bytearray) -> bool:
    """Read some of what there is; return whether more may come."""
    for _unused in range(READS_AT_ONCE):
        try:
            chunk = os.read(descriptor, 65536)
        except BlockingIOError:
            return True
        if not chunk:
            return False
        if len(output) < MAX_OUTPUT:
            output += chunk
    return True


def _finished(process: subprocess.Popen[bytes], outputs: dict[int, bytearray]) -> CompletedCommand:
    stdout, stderr = (bytes(output).decode("utf-8", "replace") for output in outputs.values())
    return CompletedCommand(process.returncode if process.returncode is not None else -signal.SIGKILL, stdout, stderr)


@contextlib.contextmanager
def _opened(descriptor: int) -> t.Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)
