# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A watcher's own side: a small process that waits for the end of ansible-playbook."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json
from ansible_collections.hatci.automation.plugins.module_utils._times import since_boot
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone, wait_readable

LONGEST_SLEEP = 30.0
"""A sleep does not go on while the machine is suspended, so that much later at the most is seen what time it is."""
WATCHING = b"watching\n"
DISMISS = signal.SIGUSR1
RELEASE = signal.SIGTERM


class Dismissed(Exception):
    """The play has settled what was watched."""


class Order(t.TypedDict):
    """What every watcher is told: the process to watch (pid, start; None without one) and its log file."""

    owner: list[int] | None
    log: str


class EventLoop:
    """Waits for the owner's end, for signals and for the task that started it."""

    def __init__(self, owner_fd: int | None, signal_fd: int) -> None:
        self.has_owner = owner_fd is not None
        self._owner_fd = owner_fd
        self._signal_fd = signal_fd
        self._attended: tuple[int, t.Callable[[], None]] | None = None
        self._alarm: tuple[float, t.Callable[[], None]] | None = None

    def attend(self, descriptor: int, handle: t.Callable[[], None]) -> None:
        """Have a descriptor handled whenever it is readable while the owner's end is waited for."""
        self._attended = (descriptor, handle)

    def forget_owner(self) -> None:
        """Go on without the owner, whose end means nothing from now on."""
        self.has_owner = False
        if self._owner_fd is not None:
            os.close(self._owner_fd)
            self._owner_fd = None

    def set_alarm(self, moment: float | None, ring: t.Callable[[], None]) -> None:
        """Have something done at a moment, if the owner's end is waited for then; it replaces an earlier alarm.

        :param moment: seconds since the machine was started; None for never.
        """
        self._alarm = None if moment is None else (moment, ring)

    def read_message(self) -> dict[str, t.Any] | None:
        """Return the task's next message; None if the task, the play or a signal ended the wait.

        A message without ``more`` is the last one.
        """
        if 0 not in self._wait([0, *self._owner()], None):
            return None
        line = _read_line()
        parsed: t.Any = None
        with contextlib.suppress(ValueError):
            parsed = parse_json(line) if line.endswith(b"\n") else None
        message: dict[str, t.Any] | None = parsed if isinstance(parsed, dict) else None
        if message is None or not message.get("more"):
            os.close(0)
        return message

    def until_end(self, moment: float | None = None) -> bool:
        """Wait for the end of the owner, or a signal to release; return False if the moment came first.

        :param moment: seconds since the machine was started.
        :raises Dismissed: the play has settled it.
        """
        while True:
            attended = [] if self._attended is None else [self._attended[0]]
            until = [end for end in (moment, self._alarm[0] if self._alarm else None) if end is not None]
            left = min(LONGEST_SLEEP, max(0.0, min(until) - since_boot())) if until else None
            ready = self._wait([*attended, *self._owner()], left)
            if set(ready) - set(attended):
                return True
            if self._attended and ready:
                self._attended[1]()
            elif self._alarm and since_boot() >= self._alarm[0]:
                ring, self._alarm = self._alarm[1], None
                ring()
            elif not ready and moment is not None and since_boot() >= moment:
                return False

    def until_readable(self, descriptor: int) -> bool:
        """Wait for a descriptor; return False if the end of the owner, or a signal to release, came first.

        :raises Dismissed: the play has settled it.
        """
        return self._wait([descriptor, *self._owner()], None) == [descriptor]

    def readable(self, descriptors: list[int], seconds: float) -> list[int]:
        """Return which descriptors can be read within the time, whether the owner lives or not.

        :raises Dismissed: the play has settled it.
        """
        ready = self._wait(descriptors, seconds)
        return [descriptor for descriptor in descriptors if descriptor in ready]

    def pause(self, seconds: float) -> None:
        """Wait, whether the owner lives or not.

        :raises Dismissed: the play has settled it.
        """
        self._wait([], seconds)

    def log(self, message: str) -> None:
        """Write a line to the log."""
        with contextlib.suppress(OSError):
            os.write(1, f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {message}\n".encode())

    def _owner(self) -> list[int]:
        return [] if self._owner_fd is None else [self._owner_fd]

    def _wait(self, descriptors: list[int], seconds: float | None) -> list[int]:
        ready = wait_readable([self._signal_fd, *descriptors], seconds)
        if self._signal_fd in ready and DISMISS in os.read(self._signal_fd, 64):
            raise Dismissed
        return ready


def serve(run: t.Callable[[t.Any, EventLoop], None]) -> None:
    """Run a watcher: the order comes on standard input, standard output says when it watches.

    :param run: gets the order; ends when all is settled.
    """
    signal_fd = catch_signals(RELEASE, DISMISS)
    order = json.loads(_read_line())
    reply = os.dup(1)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    with contextlib.suppress(Dismissed, OwnerGone):
        watching = EventLoop(Owner(*order["owner"]).open_pidfd() if order["owner"] else None, signal_fd)
        os.write(reply, WATCHING)
        os.close(reply)
        run(order, watching)


def _read_line() -> bytes:
    """Return a line of standard input, byte by byte, since what follows it is for later."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line


def catch_signals(*numbers: int) -> int:
    """Return a descriptor from which the numbers of signals can be read when they come.

    :param numbers: beside SIGINT and SIGHUP.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    for number in (*numbers, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    return read_end
