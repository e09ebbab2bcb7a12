# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper: a small process that outlives the play and sees to it that the device is given back.

It is started before the lease is asked for, watches the ansible-playbook process, renews the lease
while that lives, and releases it as soon as that is gone, whatever ended it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.cli import Jmp
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.controller import Controller, is_lasting
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.marked import end_marked
from ansible_collections.hatci.automation.plugins.module_utils._owner import Owner, OwnerGone, wait_readable

WATCHING = b"watching\n"
RENEW_AT = 1 / 3
RELEASE_SECONDS = 3600.0
LATE_CREATE_SECONDS = 3.0


class Dismissed(Exception):
    """The lease was given back by the play itself."""


class Order(t.TypedDict):
    """What a keeper is told on standard input.

    ``owner`` is the ansible-playbook process (pid, start), None without one; ``config`` the
    arguments that name the controller, None for a local lease; ``duration`` and ``max_hold`` are
    seconds; ``lock`` is the descriptor that holds a local lease.
    """

    name: str
    owner: list[int] | None
    config: list[str] | None
    duration: float
    max_hold: float | None
    lock: int | None
    log: str
    trouble: str
    environment: dict[str, str]


class KeeperProcess:
    """Keeps one lease."""

    def __init__(self, order: Order, owner_fd: int | None, signal_fd: int) -> None:
        self._order = order
        self._owner_fd = owner_fd
        self._signal_fd = signal_fd
        self._controller = Controller(Jmp(), order["config"]) if order["config"] is not None else None
        self._failures = 0

    def run(self) -> None:
        """Keep the lease until the play ends or says that it gave the lease back."""
        self._log(f"watching process {self._order['owner']} for lease {self._order['name']}")
        held = self._wait_until_held()
        if held is not None:
            self._log("the lease is held")
            self._keep(time.monotonic() - held)
        self._release(is_created=held is not None)

    def _wait_until_held(self) -> float | None:
        """Return for how long the lease has been held, or None if the play gave up or ended."""
        if 0 not in self._wait(None, 0):
            return None
        line = _read_line()
        os.close(0)
        return float(json.loads(line)["elapsed"]) if line.endswith(b"\n") else None

    def _keep(self, began: float) -> None:
        """Renew until the owner is gone.

        :param began: monotonic time at which the lease began.
        """
        total = window = self._order["duration"]
        next_renewal = began + total - window * RENEW_AT
        if self._owner_fd is None:
            self._wait(began + total)
            return
        while self._controller:
            if self._wait(next_renewal):
                return
            wanted = min(time.monotonic() - began + window, self._order["max_hold"] or float("inf"))
            if wanted <= total:
                self._log("the lease has reached max_hold and is not renewed again")
                break
            if self._renew(self._controller, wanted):
                total = wanted
                next_renewal = began + total - window * RENEW_AT
            else:
                left = began + total - time.monotonic()
                next_renewal = time.monotonic() + max(1.0, min(15.0, left / 4))
        self._wait(None)

    def _renew(self, controller: Controller, wanted: float) -> bool:
        try:
            controller.extend(self._order["name"], wanted)
        except errors.LeaseLost as error:
            self._report_trouble(error.message)
        except errors.JumpstarterError as error:
            self._failures += 1
            self._log(f"renewal failed ({self._failures} in a row): {error.message}")
            if self._failures >= 2:
                self._report_trouble(f"The lease could not be renewed {self._failures} times in a row: {error.message}")
        else:
            self._failures = 0
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._order["trouble"])
            self._log(f"renewed: {wanted:.0f} s from its begin")
            return True
        return False

    def _release(self, *, is_created: bool) -> None:
        ended = end_marked(self._order["name"])
        if ended:
            self._log(f"ended {ended} processes that drove the device")
        if self._controller is None:
            self._log("released the lock")
            return
        deadline = time.monotonic() + RELEASE_SECONDS
        pause = 1.0
        while time.monotonic() < deadline:
            try:
                if self._controller.delete(self._order["name"]):
                    self._log("released the lease")
                    return
                if is_created:
                    self._log("the lease had ended already")
                    return
                # A request that was still on its way may make the lease after all.
                is_created = True
                self._pause(LATE_CREATE_SECONDS)
                continue
            except errors.LeaseForeign as error:
                self._log(error.message)
                return
            except errors.JmpFailed as error:
                self._log(f"release failed: {error.message}")
                if is_lasting(error):
                    return
            except errors.JumpstarterError as error:
                self._log(f"release failed: {error.message}")
            self._pause(pause)
            pause = min(30.0, pause * 2)

    def _wait(self, until: float | None, *more: int) -> list[int]:
        """Return the descriptors that have something to say, empty when the time has come.

        :raises Dismissed: the play gave the lease back.
        """
        watched = [self._signal_fd, *more, *([] if self._owner_fd is None else [self._owner_fd])]
        ready = wait_readable(watched, None if until is None else max(0.0, until - time.monotonic()))
        if self._signal_fd in ready and signal.SIGUSR1 in os.read(self._signal_fd, 64):
            raise Dismissed
        return ready

    def _pause(self, seconds: float) -> None:
        if wait_readable([self._signal_fd], seconds) and signal.SIGUSR1 in os.read(self._signal_fd, 64):
            raise Dismissed

    def _report_trouble(self, message: str) -> None:
        self._log(message)
        with open(self._order["trouble"], "w", encoding="utf-8") as file:
            file.write(message)

    def _log(self, message: str) -> None:
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {message}\n"
        os.write(1, line.encode())


def main() -> None:
    """Run a keeper: the order comes on standard input, standard output says when it watches."""
    signal_fd = _catch_signals()
    order: Order = json.loads(_read_line())
    os.environ.update(order["environment"])
    reply = os.dup(1)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    with contextlib.suppress(Dismissed, OwnerGone):
        owner_fd = Owner(*order["owner"]).open_pidfd() if order["owner"] else None
        keeper = KeeperProcess(order, owner_fd, signal_fd)
        os.write(reply, WATCHING)
        os.close(reply)
        keeper.run()


def _read_line() -> bytes:
    """Return a line of standard input, byte by byte, since what follows it is for later."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line


def _catch_signals() -> int:
    """Return a descriptor that becomes readable on SIGTERM, SIGINT, SIGHUP and SIGUSR1."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, lambda _number, _frame: None)
    return read_end
