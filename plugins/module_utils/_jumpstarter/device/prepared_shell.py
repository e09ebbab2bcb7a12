# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ``jmp shell`` that is started before its commands are wanted, since they may not be as late as its start takes."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import (
    command_runner,
    preloaded_command,
    prepared_process,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.companion import (
    NotStarted,
    companion_of,
    end_companion,
    start_companion,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.route import (
    CONNECT_SECONDS,
    CONNECTING,
    Route,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import Jmp
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import CompletedCommand
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import check_name
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import read_json, write_json
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import (
    Owner,
    OwnerGone,
    OwnerUnknown,
    wait_readable,
)

COMMANDS = "commands.json"
LOOK_SECONDS = 0.02


def put_commands(directory: pathlib.Path, commands: t.Sequence[str]) -> list[str]:
    """Write what ``jmp shell`` is to run into a directory; return the program, without the directory."""
    (directory / COMMANDS).write_text(json.dumps(list(commands)), encoding="utf-8")
    runner = directory / "runner.py"
    runner.write_text(inspect.getsource(command_runner), encoding="utf-8")
    return [sys.executable, "-I", "-S", str(runner)]


def prepare(route: Route, commands: t.Sequence[str], owner: Owner) -> None:
    """Start a ``jmp shell`` for commands that are wanted later; it ends with the lease and with the play.

    :raises JumpstarterError: it cannot be started.
    """
    dismiss(route.lease_name)
    try:
        directory = pathlib.Path(tempfile.mkdtemp(prefix="hatci-"))
    except OSError as error:
        raise _not_prepared(error) from None
    try:
        companion = start_companion(prepared_process, _order(route, directory, commands, owner), route)
        record = {"pid": companion.pid, "start": companion.start, "directory": str(directory)}
        write_json(LeaseFiles(route.lease_name).prepared, record)
    except (OSError, NotStarted) as error:
        # One that has begun finds nothing to run and ends.
        _leave(directory)
        raise _not_prepared(error) from None


def _order(route: Route, directory: pathlib.Path, commands: t.Sequence[str], owner: Owner) -> prepared_process.Order:
    jmp = Jmp()
    jmp.lease = route.lease_name
    program = [*put_commands(directory, commands), command_runner.AT_GATE]
    preloaded = inspect.getsource(preloaded_command)
    (directory / command_runner.PRELOADED).write_text(preloaded, encoding="utf-8")
    os.mkfifo(directory / command_runner.GATE, 0o600)
    return {
        "argv": jmp.argv("shell", *route.target, "--", *program, str(directory)),
        "environment": jmp.environment(**CONNECTING),
        "directory": str(directory),
        "lock": route.lock,
        "owner": (owner.pid, owner.start),
    }


def _not_prepared(error: Exception) -> errors.JumpstarterError:
    return errors.JumpstarterError(f"A start of jmp shell cannot be prepared: {error}.")


class PreparedCommands:
    """Commands that were let go.

    :param directory: where they leave their results.
    """

    def __init__(self, companion: Owner, directory: pathlib.Path) -> None:
        self.directory = directory
        self._companion = companion

    def finish(self, timeout: float) -> CompletedCommand:
        """Wait until their ``jmp shell`` has ended.

        :param timeout: seconds after which it is ended with all it started.
        :raises JmpTimeout: the time passed.
        """
        try:
            pidfd = self._companion.open_pidfd()
        except OwnerUnknown as error:
            raise errors.JumpstarterError(f"How the commands ended cannot be seen: {error}.") from None
        except OwnerGone:
            pass
        else:
            try:
                if not wait_readable([pidfd], timeout):
                    end_companion(self._companion)
                    raise errors.JmpTimeout(f"jmp shell did not end within {timeout:g} s and was ended.")
            finally:
                os.close(pidfd)
        finished = read_json(self.directory / prepared_process.FINISHED) or {}
        return CompletedCommand(finished.get("exit_code", 1), "", finished.get("words", ""))


@contextlib.contextmanager
def prepared_commands(lease_name: str, commands: t.Sequence[str]) -> t.Iterator[PreparedCommands | None]:
    """Let go what was prepared for these commands; None if nothing was, or if its ``jmp shell`` has ended."""
    known = _forget(lease_name)
    if known is None:
        yield None
        return
    companion, directory = companion_of(known), pathlib.Path(known["directory"])
    try:
        if companion and _are_the(commands, directory) and _let_go(directory, companion):
            yield PreparedCommands(companion, directory)
            return
    finally:
        # Whatever breaks off the task ends the commands too; and another start is not made beside this one.
        _end(directory, companion)
    yield None


def dismiss(lease_name: str) -> None:
    """End what was prepared and is not wanted any more."""
    if known := _forget(lease_name):
        _end(pathlib.Path(known["directory"]), companion_of(known))


def _are_the(commands: t.Sequence[str], directory: pathlib.Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return bool(json.loads((directory / COMMANDS).read_text(encoding="utf-8")) == list(commands))
    return False


def _let_go(directory: pathlib.Path, companion: Owner) -> bool:
    """Have the commands begin as soon as they have come to their gate; return False if they never do."""
    deadline = Deadline(CONNECT_SECONDS)
    while companion.is_alive() and not deadline.expired:
        if (gate := _open_gate(directory)) is not None:
            with contextlib.suppress(OSError), gate:
                gate.write(b"1")
                gate.flush()
                return True
            return False
        time.sleep(LOOK_SECONDS)
    return False


def _end(directory: pathlib.Path, companion: Owner | None) -> None:
    _leave(directory)
    if companion:
        end_companion(companion)


def _leave(directory: pathlib.Path) -> None:
    """Remove the files of commands; those that have not begun never will."""
    shutil.rmtree(directory, ignore_errors=True)


def _open_gate(directory: pathlib.Path) -> t.IO[bytes] | None:
    """Return the way into a gate; None if nobody waits at it."""
    with contextlib.suppress(OSError):
        return open(os.open(directory / command_runner.GATE, os.O_WRONLY | os.O_NONBLOCK), "wb")
    return None


def _forget(lease_name: str) -> dict[str, t.Any] | None:
    """Return what was prepared for a lease, which is known from then on to the caller alone."""
    file = LeaseFiles(check_name(lease_name, "lease_name")).prepared
    known = read_json(file)
    with contextlib.suppress(OSError):
        file.unlink()
    return known
