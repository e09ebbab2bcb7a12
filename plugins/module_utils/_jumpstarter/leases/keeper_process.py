# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper: sees to it that the device is given back.

It is started before the lease is asked for, renews the lease while ansible-playbook lives, and
releases it as soon as that is gone, whatever ended it. A local lease is a lock, whose file it watches.
A device that the play leaves to somebody for a time is given back when that is over.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import socket
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import Jmp
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.controller import (
    Controller,
    is_permanent,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import HELD, LONGEST_SECONDS
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import device_lock
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.lease_processes import (
    end_lease_processes,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.undo import PendingUndos
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline, backoff, since_boot
from ansible_collections.hatci.automation.plugins.module_utils._watchers import control_socket, event_loop
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone

RENEW_AT = 1 / 3
SURE_SECONDS = 30.0
"""A renewal may take that long on a busy machine, so a short lease is renewed earlier than at its last third."""
FURTHER_AHEAD = 2
"""A renewed lease lasts so many times its duration: half as many starts of ``jmp``, and where even the keeper is
killed, with its machine, the device stays locked for no longer than that."""
ROUNDING_SECONDS = 1.0
"""A controller may round by that much."""
RELEASE_SECONDS = 3600.0
"""A request that waits in the queue can be granted that late; a lease that was granted runs out by itself."""
RUN_OUT_SECONDS = 60.0
LATE_CREATE_SECONDS = 3.0
LATEST_CREATE_SECONDS = 300.0
"""A controller that did not answer a request may carry it out that much later."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
LOCK_LOOK_SECONDS = 1.0
SHORTEST_RETRY = 2.0
LONGEST_RETRY = 15.0
KEPT_LOOK_SECONDS = 60.0
"""So often is looked whether a lease that is kept was given back."""


class Kept(Exception):
    """The play leaves the device to somebody else for a time."""


class Order(event_loop.Order):
    """What a keeper is told.

    ``config`` are the arguments that name the controller, None for a local lease, whose ``lock`` is the
    descriptor that the keeper inherited and the path of its file; ``duration`` and ``max_hold`` are seconds.
    """

    name: str
    config: list[str] | None
    duration: float
    max_hold: float | None
    record: str
    trouble: str
    lock: list[t.Any] | None
    environment: dict[str, str]


class Keeper:
    """Keeps one lease."""

    def __init__(self, order: Order, watch: event_loop.EventLoop) -> None:
        self._order = order
        self._watch = watch
        self._failures = 0
        self._ends = 0.0
        """Time (:func:`since_boot`) at which the lease runs out."""
        self._may_end = 0.0
        """The same, if a renewal that was not answered was carried out."""
        self._lasts = order["duration"]
        """Seconds for which the controller gave the lease at first."""
        self._may_come_late = False
        self._kept_until: float | None = None
        """Time (:func:`since_boot`) until which the device is kept, whatever becomes of the play."""
        self._is_left_alone = False
        self._kept_duration = 0.0
        """Duration of the kept lease, by which it is seen that somebody else extended it."""
        lock = order.get("lock")
        self._undos = PendingUndos(
            order["name"], pathlib.Path(order["record"]).with_suffix(".undo"), lock[0] if lock else None, watch.log
        )

    def run(self) -> None:
        """Keep the lease until the play ends or says that it gave the lease back."""
        self._watch.log(f"watching process {self._order['owner']} for lease {self._order['name']}")
        self._attend_tasks()
        elapsed = self._wait_for_lease()
        if elapsed is not None:
            self._watch.log("the lease is held")
            try:
                self._keep(since_boot() - elapsed)
            except Kept:
                self._watch.forget_owner()
                self._keep_on()
            except OwnerGone:
                pass
            except OSError as error:
                # The play could not be told of trouble, so it must not rely on this lease any more.
                self._watch.log(f"gives the lease back, since it can't be kept safely: {error}")
        self._release(is_held=elapsed is not None)
        if not self._has_living_owner():
            record = pathlib.Path(self._order["record"])
            for file in (
                record,
                record.with_suffix(".prepared"),
                record.with_suffix(".proof"),
                pathlib.Path(self._order["trouble"]),
            ):
                with contextlib.suppress(OSError):
                    file.unlink()

    def _attend_tasks(self) -> None:
        """Listen to tasks that say what is to be undone at the device."""
        owner = self._owner
        if owner is None:
            return
        try:
            listening = control_socket.open_control_socket(keeper_socket_name(self._order["name"], owner))
        except (OSError, OwnerGone) as error:
            self._watch.log(f"cannot listen to tasks: {error}")
            return
        self._watch.attend(listening.fileno(), lambda: self._receive(listening))

    def _receive(self, listening: socket.socket) -> None:
        was_kept = self._kept_until is not None
        control_socket.receive(listening, self._record)
        self._watch.set_alarm(self._undos.next_due, self._undo_overdue)
        if self._kept_until is not None and not was_kept:
            raise Kept

    def _record(self, message: dict[str, t.Any]) -> None:
        """Take a message of a task.

        :raises OSError: what it asks for cannot be done, so the task must not rely on it.
        """
        if "keep" not in message:
            self._undos.record(message)
            return
        if self._undos or self._undos.has_given_up:
            raise OSError("something that was done to the device is not undone")
        self._kept_duration = float(message["lasts"])
        self._kept_until = since_boot() + float(message["keep"])
        self._watch.log(f"keeps the device for {message['keep']:.0f} s, whatever becomes of the play")

    def _undo_overdue(self) -> None:
        self._undos.undo_overdue()
        self._watch.set_alarm(self._undos.next_due, self._undo_overdue)

    def _wait_for_lease(self) -> float | None:
        """Return for how many seconds the lease has been held; None if it was not said that it is."""
        message = self._watch.read_message()
        while message is not None and message.get("more") is True:
            self._may_come_late = bool(message.get("late"))
            message = self._watch.read_message()
        if message is None:
            return None
        self._lasts = min(self._lasts, _seconds(message, "lasts") or self._lasts)
        return _seconds(message, "elapsed")

    @property
    def _owner(self) -> Owner | None:
        return Owner(*self._order["owner"]) if self._order["owner"] else None

    def _has_living_owner(self) -> bool:
        return self._kept_until is None and self._owner is not None and self._owner.is_alive()

    def _controller(self, owner: Owner | None = None) -> Controller:
        """Return the way to the controller, where calls end with the owner if one is given."""
        jmp = Jmp(owner)
        jmp.lease = self._order["name"]
        return Controller(jmp, self._order["config"] or [])

    def _keep(self, began: float) -> None:
        """Renew until the owner is gone.

        :param began: time (:func:`since_boot`) at which the lease began, or earlier.
        :raises OwnerGone: it went while the lease was being renewed.
        """
        self._ends = self._may_end = began + self._lasts
        if self._order["config"] is None:
            self._keep_lock(None if self._watch.has_owner else self._ends)
        elif not self._watch.has_owner:
            self._watch.until_end(self._ends)
        elif self._renew_until_end(began):
            self._watch.until_end()

    def _keep_on(self) -> None:
        """Wait until the time is over for which the device is kept, or until somebody gives it back."""
        until = t.cast("float", self._kept_until)
        if self._order["config"] is None:
            self._keep_lock(until)
            return
        self._ends = self._may_end = until
        controller = self._controller()
        look = min(until, since_boot() + KEPT_LOOK_SECONDS)
        while not self._watch.until_end(look) and look < until + RELEASE_SECONDS:
            look = since_boot() + KEPT_LOOK_SECONDS
            try:
                found = controller.find(self._order["name"])
            except errors.JumpstarterError as error:
                self._watch.log(f"the lease could not be looked at: {error.message}")
            else:
                if found is None or found.state != HELD:
                    return
                if found.duration > self._kept_duration + 1:
                    self._watch.log("somebody else extended the lease and ends it")
                    self._is_left_alone = True
                    return
                if since_boot() >= until:
                    return
                look = min(until, look)

    def _keep_lock(self, ends: float | None) -> None:
        """See to it that the lock file stays the one that others see, until the owner is gone or the time over."""
        path = t.cast("tuple[int, str]", self._order["lock"])[1]
        lock = self._undos.lock
        while ends is None or since_boot() < ends:
            look = since_boot() + LOCK_LOOK_SECONDS
            if self._watch.until_end(look if ends is None else min(look, ends)):
                return
            if lock is None or device_lock.is_at(lock, pathlib.Path(path)):
                continue
            lock = self._undos.lock = device_lock.lock_again(lock, pathlib.Path(path))
            if lock is not None:
                self._watch.log(f"the lock file {path} was gone and was made anew")
                continue
            self._report_trouble(f"Somebody removed the lock file {path}, and another job may have the device since.")
            self._undos.give_up()
            end_lease_processes(self._order["name"])

    def _renew_until_end(self, began: float) -> bool:
        """Renew as long as it makes sense; return whether the owner lives on."""
        controller = self._controller(self._owner)
        most = self._order["max_hold"] or float("inf")
        window = self._order["duration"]
        next_renewal = self._ends - _margin(self._lasts)
        while not self._watch.until_end(next_renewal):
            wanted = min(since_boot() - began + window * FURTHER_AHEAD, most)
            if began + wanted <= self._ends:
                self._watch.log("the lease has reached max_hold and is not renewed again")
                if self._watch.until_end(self._ends):
                    return False
                self._report_trouble(f"It ended since it had reached max_hold, {most:g} s.")
                return True
            self._may_end = max(self._may_end, began + wanted + LONGEST_RETRY)
            try:
                self._renew(controller, began, wanted)
            except errors.LeaseLost as error:
                self._report_trouble(error.message)
                return True
            except errors.JumpstarterError as error:
                self._note_failure(error)
                left = self._ends - since_boot()
                retry = max(SHORTEST_RETRY, min(LONGEST_RETRY, left / 4)) if left > 0 else LONGEST_RETRY
                next_renewal = since_boot() + retry
            else:
                next_renewal = self._ends - _margin(self._ends - since_boot())
        return False

    def _renew(self, controller: Controller, began: float, wanted: float) -> None:
        """Have the lease last for so many seconds from its begin; what counts is what the controller makes of it.

        :raises JumpstarterError: it lasts no longer than before.
        """
        answered = controller.extend(self._order["name"], wanted).duration
        lasts, before = min(wanted, answered or wanted), self._ends
        self._ends = began + lasts
        if lasts < wanted - ROUNDING_SECONDS:
            self._watch.log(f"the controller made {lasts:.0f} s of {wanted:.0f} s")
            if self._ends <= before:
                raise errors.JumpstarterError(f"the controller lets it last for {lasts:.0f} s from its begin only")
        self._failures = 0
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._order["trouble"])
        self._watch.log(f"renewed: {lasts:.0f} s from its begin")

    def _note_failure(self, error: errors.JumpstarterError) -> None:
        self._failures += 1
        self._watch.log(f"renewal failed ({self._failures} in a row): {error.message}")
        if self._failures >= 2:
            self._report_trouble(f"The lease could not be renewed {self._failures} times in a row: {error.message}")

    def _report_trouble(self, message: str) -> None:
        self._watch.log(message)
        with open(self._order["trouble"], "w", encoding="utf-8") as file:
            file.write(message)

    def _release(self, *, is_held: bool) -> None:
        if is_held and self._has_living_owner():
            with contextlib.suppress(OSError):
                self._report_trouble("Its keeper gives it back.")
        ended = end_lease_processes(self._order["name"])
        if ended:
            self._watch.log(f"ended {ended} processes that worked for it")
        self._undos.undo_all(self._watch.pause)
        if self._order["config"] is None:
            self._watch.log("released the lock")
            return
        if self._is_left_alone:
            return
        self._delete_lease(is_held=is_held)

    def _delete_lease(self, *, is_held: bool) -> None:
        """Delete the lease, which may also come later than the controller was asked for it."""
        controller = self._controller()
        late = LATEST_CREATE_SECONDS if self._may_come_late else LATE_CREATE_SECONDS
        latest = Deadline(0.0 if is_held else late)
        left = self._may_end - since_boot() + RUN_OUT_SECONDS
        deadline = Deadline(left if is_held else RELEASE_SECONDS)
        tries = 0
        while True:
            tries += 1
            pause = backoff(tries, FIRST_PAUSE, LONGEST_PAUSE)
            try:
                if controller.delete(self._order["name"]):
                    self._watch.log("released the lease")
                    return
                if latest.expired:
                    self._watch.log("the lease had ended already")
                    return
                pause = backoff(tries, 2 * LATE_CREATE_SECONDS, LONGEST_PAUSE)  # at least half of it
            except errors.JumpstarterError as error:
                self._watch.log(f"release failed: {error.message}")
                is_refused = is_permanent(error) and not is_held and not self._may_come_late
                if is_refused or isinstance(error, errors.LeaseForeign):
                    return
                if deadline.expired:
                    self._watch.log("gave up, since the lease has run out by itself")
                    return
            self._watch.pause(pause)


def keeper_socket_name(lease_name: str, owner: Owner) -> str:
    """Return the name of the socket on which the keeper of a lease listens to the tasks of its play.

    :raises OwnerGone: the play has ended.
    """
    # Such a name has 107 characters at the most.
    return control_socket.socket_name(f"keeper-{hashlib.sha256(lease_name.encode()).hexdigest()[:12]}", owner)


def _margin(lasts: float) -> float:
    """Return how many seconds before its end a lease that lasts so long is renewed."""
    return min(lasts * (1 - RENEW_AT), max(lasts * RENEW_AT, SURE_SECONDS))


def _seconds(message: dict[str, t.Any], key: str) -> float | None:
    value = message.get(key)
    return value if isinstance(value, (int, float)) and 0 <= value < LONGEST_SECONDS else None


def main() -> None:
    """Run a keeper."""

    def run(order: Order, watch: event_loop.EventLoop) -> None:
        os.environ.update(order["environment"])
        Keeper(order, watch).run()

    event_loop.serve(run)
