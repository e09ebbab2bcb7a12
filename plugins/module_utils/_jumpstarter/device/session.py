# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands on a device, through a held lease or a local exporter, with results that can be trusted."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import tempfile
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import command_runner
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.prepared_shell import (
    prepared_commands,
    put_commands,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.recorder import port_for
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.route import (
    CONNECTING,
    Route,
    find_route,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import (
    Jmp,
    has_renewed_token,
    plain_line,
    tokens_of,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.command_results import read_results
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import CompletedCommand
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._times import since_boot

Options = t.Mapping[str, t.Any]

RESULTS = "results.json"
LONGEST_QUOTE = 300


class Device:
    """A device that programs can be started for, and a directory in which they leave their results.

    Made by :func:`open_device`.
    """

    def __init__(self, caller: Caller, route: Route, directory: pathlib.Path) -> None:
        self.jmp = Jmp(caller.owner)
        self.jmp.lease = route.lease_name
        self.directory = directory
        self._caller = caller
        self._route = route

    def why_lost(self) -> str:
        """Return why the lease does not hold any more, after something failed; empty if it does.

        What failed under a lease that did not hold says nothing about the device.
        """
        return self._route.why_lost(self._caller)

    def note_proof(self, began: float) -> None:
        """Note that the lease of the device held when something began that was done through it.

        :param began: seconds since the machine was started.
        """
        if self._route.lease_name:
            LeaseFiles(self._route.lease_name).note_proof(began)

    def put(self, name: str, text: str) -> None:
        """Write a file into the directory, and the directories that its name leads through.

        :raises JumpstarterError: there is no room for it.
        """
        path = self.directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise _no_room(error) from None

    def run_commands(self, commands: t.Sequence[str], timeout: float) -> CompletedCommand:
        """Run shell commands inside one ``jmp shell``, up to the first that fails.

        :raises JumpstarterError: there is no room for their files, or the time passed.
        """
        try:
            program = put_commands(self.directory, commands)
        except OSError as error:
            raise _no_room(error) from None
        return self.run(program, timeout)

    def run(self, program: t.Sequence[str], timeout: float, beside: t.Sequence[str] = ()) -> CompletedCommand:
        """Run a program inside one ``jmp shell``; its last argument is the directory.

        What it did is in the files that it left there: neither that ``jmp`` ended with 0 nor that it did not says so.

        :param beside: a program that starts ``jmp shell``, which it gets as further arguments, and ends as that ends.
        :raises JmpTimeout: the time passed, and it was ended with all it started.
        """

        def run() -> CompletedCommand:
            return self.jmp.run(
                *("shell", *self._route.target, "--", *program, str(self.directory)),
                timeout=timeout,
                descriptor=self._route.lock,
                beside=beside,
                **CONNECTING,
            )

        finished = run()
        # What a command printed can hold any words, but then it has begun.
        if has_renewed_token(finished) and not (self.directory / command_runner.STARTED).exists():
            finished = run()
        return finished

    def last_words(self, finished: CompletedCommand) -> str:
        """Return why ``jmp`` ended, as far as it said so."""
        tokens = tokens_of(self._route.target)
        words = plain_line(finished.stderr, tokens) or plain_line(finished.stdout, tokens)
        return words.rstrip(".") or f"exit code {finished.exit_code}"


@contextlib.contextmanager
def open_device(options: Options, timeout: float) -> t.Iterator[Device]:
    """Find the way to the device that a task's options name, and keep it for the time of the task.

    :raises InputError: the options name no device, or no time.
    """
    if not 0 < timeout <= 30 * 86400:
        raise errors.InputError(f"timeout is {timeout:g}; give seconds, more than 0 and at most 30 days.")
    caller = Caller.from_options(options)
    with contextlib.ExitStack() as stack:
        route = find_route(options, timeout, caller, stack)
        try:
            directory = tempfile.TemporaryDirectory(prefix="hatci-", ignore_cleanup_errors=True)
        except OSError as error:
            raise _no_room(error) from None
        yield Device(caller, route, pathlib.Path(stack.enter_context(directory)))


def run_on_device(
    options: Options, commands: t.Sequence[str], *, may_be_prepared: bool = False
) -> list[dict[str, t.Any]]:
    """Run shell commands, in which ``j`` drives the device, up to the first that fails.

    :param may_be_prepared: a ``jmp shell`` that was started for them is used, if it is still there.
    :returns: for each command that ran ``command``, ``rc``, ``stdout`` and ``stderr``.
    :raises LeaseLost: a command failed, or was broken off, under a lease that did not hold any more.
    :raises JumpstarterError: the device could not be reached, or the time passed.
    """
    timeout = options["timeout"]
    with open_device(options, timeout) as device, contextlib.ExitStack() as stack:
        lease_name, directory, prepared = device.jmp.lease, device.directory, None
        began: float | None = None  # what was prepared began before
        try:
            with port_for(lease_name, commands):
                if may_be_prepared:
                    prepared = stack.enter_context(prepared_commands(lease_name, commands))
                if prepared:
                    directory = prepared.directory
                    finished = prepared.finish(timeout)
                else:
                    began = since_boot()
                    finished = device.run_commands(commands, timeout)
        except errors.JmpTimeout as error:
            done = read_results(directory / RESULTS)
            raise errors.DeviceUnreachable(
                f"{_progress(commands, done)} did not end within {timeout:g} s and was ended. "
                "Give a longer timeout if it needs one.",
                results=done,
            ) from error
        done = read_results(directory / RESULTS)
        is_failed = any(result["rc"] for result in done)
        if len(done) == len(commands) and not is_failed:
            if began is not None:
                device.note_proof(began)
            return done
        if is_failed:
            what = f"Command {done[-1]['command']!r:.80} failed with exit code {done[-1]['rc']}"
        else:
            began = (directory / command_runner.STARTED).exists()
            what = f"{_progress(commands, done)} {'was broken off' if began else 'did not run'}"
        lost = device.why_lost()
        if lost:
            raise errors.LeaseLost(
                f"{what}, but its lease did not hold, so this says nothing about the vehicle. {lost}", results=done
            )
        if not is_failed:
            raise errors.DeviceUnreachable(
                f"{what}, since jmp shell ended: {device.last_words(finished)}.", results=done
            )
        driver = missing_driver(done[-1])
        if driver:
            raise errors.DeviceUnreachable(
                f"{what}: the driver {driver} cannot be used; it is not installed beside jmp, or the client config "
                "does not allow it (drivers). This says nothing about the vehicle.",
                results=done,
            )
        return done


def last_line(result: t.Mapping[str, t.Any]) -> str:
    """Return the end of what a command printed, on one line and without a full stop."""
    said = (result["stderr"].strip() or result["stdout"])[-LONGEST_QUOTE * 4 :]
    return " ".join(said.split())[-LONGEST_QUOTE:].rstrip(".") or "no output"


def missing_driver(result: t.Mapping[str, t.Any]) -> str:
    """Return the driver for want of which a command failed; empty if it did not fail for that."""
    said = " ".join(f"{result['stderr']} {result['stdout']}".replace("\u2502", " ").split())
    found = re.search(r"Driver '([\w.]+)' is not installed|([\w.]+) doesn't match any of the allowed patterns", said)
    return (found[1] or found[2]) if found else ""


def _no_room(error: OSError) -> errors.JumpstarterError:
    where = os.environ.get("TMPDIR") or "the directory for temporary files"
    return errors.JumpstarterError(
        f"A command's files cannot be kept in {where}: {error.strerror or error}; make room there, or set TMPDIR to "
        "another directory."
    )


def _progress(commands: t.Sequence[str], done: list[dict[str, t.Any]]) -> str:
    number = min(len(done), len(commands) - 1)
    return f"Command {number + 1} of {len(commands)} ({commands[number]!r:.80})"
