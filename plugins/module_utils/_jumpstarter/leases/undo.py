# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was done to a leased device and must be undone, whatever becomes of the play: a keeper's side of it.

While something is pending, a file says so, for whoever waits until it is undone.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import sys
import tempfile
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import Jmp
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.command_results import read_results
from ansible_collections.hatci.automation.plugins.module_utils._times import since_boot
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import write_json

MARGIN_SECONDS = 60.0
"""So long after its time a play that lives may still undo something itself."""
RUN_SECONDS = 90.0
TRIES = 5
PAUSE_SECONDS = 5.0
STARTED = "started"
"""The file that the runner makes when it begins."""


class Undo(t.TypedDict):
    """``commands`` are run by ``runner``, the text of a program, inside ``jmp shell`` with the arguments ``target``.

    ``due`` is in how many seconds the play itself is going to undo it.
    """

    id: str
    commands: list[str]
    target: list[str]
    runner: str
    due: float


class Log(t.Protocol):
    """Writes a line of a keeper's log."""

    def __call__(self, message: str) -> None: ...


class PendingUndos:
    """What is to be undone at the device of one lease.

    :param lock: the descriptor that keeps others from a local device.
    """

    def __init__(self, lease_name: str, file: pathlib.Path, lock: int | None, log: Log) -> None:
        self._lease_name = lease_name
        self._file = file
        self.lock = lock
        self._log = log
        self._pending: dict[str, Undo] = {}
        self._due: dict[str, float] = {}
        self._tries: dict[str, int] = {}
        self.has_given_up = False
        """Something could not be undone, so the state of the device is not known."""

    def __bool__(self) -> bool:
        return bool(self._pending)

    @property
    def next_due(self) -> float | None:
        """Seconds since the machine was started at which something is overdue; None if nothing is pending."""
        return min(self._due.values(), default=None)

    def record(self, message: t.Mapping[str, t.Any]) -> None:
        """Take a message of a task: ``undo``, ``undone`` with an id, or ``settle`` to have everything undone now.

        :raises OSError: it cannot be noted, so the task must not go on.
        """
        undo: Undo | None = message.get("undo")
        if undo:
            self._pending[undo["id"]] = undo
            self._due[undo["id"]] = since_boot() + undo["due"] + MARGIN_SECONDS
            self._tries[undo["id"]] = 0
            self._log(f"is to undo {undo['id']} in {undo['due']:g} s: {'; '.join(undo['commands'])[:200]}")
        elif message.get("undone") in self._pending:
            self._forget(str(message["undone"]))
            self._log(f"{message['undone']} was undone by the play")
        elif message.get("settle"):
            self._due = dict.fromkeys(self._due, since_boot())
        self._note()

    def undo_overdue(self) -> None:
        """Try once to undo whatever is overdue; what fails is so again a little later, until it was tried enough."""
        now = since_boot()
        for name in [name for name, due in self._due.items() if due <= now]:
            self._try(name)
        self._note()

    def undo_all(self, pause: t.Callable[[float], None]) -> None:
        """Undo everything, since the device is to be given back; what cannot be undone is logged."""
        while self._pending:
            for name in reversed(list(self._pending)):
                self._try(name)
            self._note()
            if self._pending:
                pause(PAUSE_SECONDS)

    def give_up(self) -> None:
        """Undo nothing, since another job may have the device."""
        for name in list(self._pending):
            self._log(f"does not undo {name}, since another job may have the device")
            self._forget(name)
        self._note()

    def _try(self, name: str) -> None:
        self._tries[name] += 1
        problem = _run(self._pending[name], self._lease_name, self.lock)
        if not problem:
            self._log(f"undid {name}")
            self._forget(name)
            return
        self._log(f"could not undo {name} (try {self._tries[name]} of {TRIES}): {problem}")
        self._due[name] = since_boot() + PAUSE_SECONDS
        if self._tries[name] >= TRIES:
            self._log(f"gave {name} up; look at the device, whose state is not known")
            self.has_given_up = True
            self._forget(name)

    def _forget(self, name: str) -> None:
        del self._pending[name], self._due[name], self._tries[name]

    def _note(self) -> None:
        if self._pending:
            write_json(self._file, {"pending": {name: undo["commands"] for name, undo in self._pending.items()}})
        else:
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)


def _run(undo: Undo, lease_name: str, lock: int | None) -> str:
    """Run the commands that undo something, also those that follow one that fails.

    :returns: why the first failed, or an empty text.
    """
    problems: list[str] = []
    left = undo["commands"]
    while left:
        done, problem = _run_up_to_a_failure({**undo, "commands": left}, lease_name, lock)
        problems += [problem] if problem else []
        if not done:
            break
        left = left[done:]
    return next(iter(problems), "")


def _run_up_to_a_failure(undo: Undo, lease_name: str, lock: int | None) -> tuple[int, str]:
    """Run commands up to the first that fails or does not end.

    :returns: how many there is nothing more to do with, none if the device was not reached; and why the last failed.
    """
    jmp = Jmp()
    jmp.lease = lease_name
    try:
        with tempfile.TemporaryDirectory(prefix="hatci-", ignore_cleanup_errors=True) as name:
            directory = pathlib.Path(name)
            (directory / "commands.json").write_text(json.dumps(undo["commands"]), encoding="utf-8")
            (directory / "runner.py").write_text(undo["runner"], encoding="utf-8")
            program = [sys.executable, "-I", "-S", str(directory / "runner.py"), name]
            arguments = ("shell", *undo["target"], "--", *program)
            try:
                finished = jmp.run(*arguments, timeout=RUN_SECONDS, descriptor=lock, JMP_RETRY_TIMEOUT="30")
                said = f"jmp shell ended: {jmp.said_by(finished, arguments) or f'exit code {finished.exit_code}'}"
            except errors.JumpstarterError as error:
                said = error.message
            results = read_results(directory / "results.json")
            has_begun = (directory / STARTED).exists()
    except errors.JumpstarterError as error:
        return 0, error.message
    except OSError as error:
        return 0, f"its files cannot be kept: {error.strerror}"
    failed = next((result for result in results if result["rc"]), None)
    if failed:
        return len(results), f"{failed['command']!r:.80} failed with exit code {failed['rc']}"
    if len(results) == len(undo["commands"]):
        return len(results), ""
    return len(results) + has_begun, said
