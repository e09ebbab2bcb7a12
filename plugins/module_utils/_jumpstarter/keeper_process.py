# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper: sees to it that the device is given back.

It is started before the lease is asked for, renews the lease while ansible-playbook lives, and
releases it as soon as that is gone, whatever ended it.
"""

from __future__ import annotations

import contextlib
import os
import time

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.cli import Jmp
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.controller import Controller, is_lasting
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.marked import end_marked
from ansible_collections.hatci.automation.plugins.module_utils._watchers import watching

RENEW_AT = 1 / 3
RELEASE_SECONDS = 3600.0
LATE_CREATE_SECONDS = 3.0


class Order(watching.Order):
    """What a keeper is told.

    ``config`` are the arguments that name the controller, None for a local lease, whose lock the
    keeper holds by a descriptor that it inherited; ``duration`` and ``max_hold`` are seconds.
    """

    name: str
    config: list[str] | None
    duration: float
    max_hold: float | None
    trouble: str
    environment: dict[str, str]


class Keeper:
    """Keeps one lease."""

    def __init__(self, order: Order, watch: watching.Watching) -> None:
        self._order = order
        self._watch = watch
        self._controller = Controller(Jmp(), order["config"]) if order["config"] is not None else None
        self._failures = 0

    def run(self) -> None:
        """Keep the lease until the play ends or says that it gave the lease back."""
        self._watch.log(f"watching process {self._order['owner']} for lease {self._order['name']}")
        held = self._watch.read_message()
        if held is not None:
            self._watch.log("the lease is held")
            self._keep(time.monotonic() - held["elapsed"])
        self._release(is_created=held is not None)

    def _keep(self, began: float) -> None:
        """Renew until the owner is gone.

        :param began: monotonic time at which the lease began.
        """
        total = window = self._order["duration"]
        if not self._watch.has_owner:
            self._watch.until_end(began + total)
            return
        next_renewal = began + total - window * RENEW_AT
        while self._controller:
            if self._watch.until_end(next_renewal):
                return
            wanted = min(time.monotonic() - began + window, self._order["max_hold"] or float("inf"))
            if wanted <= total:
                self._watch.log("the lease has reached max_hold and is not renewed again")
                break
            if self._renew(self._controller, wanted):
                total = wanted
                next_renewal = began + total - window * RENEW_AT
            else:
                left = began + total - time.monotonic()
                next_renewal = time.monotonic() + max(1.0, min(15.0, left / 4))
        self._watch.until_end()

    def _renew(self, controller: Controller, wanted: float) -> bool:
        try:
            controller.extend(self._order["name"], wanted)
        except errors.LeaseLost as error:
            self._report_trouble(error.message)
        except errors.JumpstarterError as error:
            self._failures += 1
            self._watch.log(f"renewal failed ({self._failures} in a row): {error.message}")
            if self._failures >= 2:
                self._report_trouble(f"The lease could not be renewed {self._failures} times in a row: {error.message}")
        else:
            self._failures = 0
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._order["trouble"])
            self._watch.log(f"renewed: {wanted:.0f} s from its begin")
            return True
        return False

    def _report_trouble(self, message: str) -> None:
        self._watch.log(message)
        with open(self._order["trouble"], "w", encoding="utf-8") as file:
            file.write(message)

    def _release(self, *, is_created: bool) -> None:
        ended = end_marked(self._order["name"])
        if ended:
            self._watch.log(f"ended {ended} processes that drove the device")
        if self._controller is None:
            self._watch.log("released the lock")
            return
        deadline = time.monotonic() + RELEASE_SECONDS
        pause = 1.0
        while time.monotonic() < deadline:
            try:
                if self._controller.delete(self._order["name"]):
                    self._watch.log("released the lease")
                    return
                if is_created:
                    self._watch.log("the lease had ended already")
                    return
                # A request that was still on its way may make the lease after all.
                is_created = True
                self._watch.pause(LATE_CREATE_SECONDS)
                continue
            except errors.JumpstarterError as error:
                self._watch.log(f"release failed: {error.message}")
                if isinstance(error, errors.LeaseForeign) or (
                    isinstance(error, errors.JmpFailed) and is_lasting(error)
                ):
                    return
            self._watch.pause(pause)
            pause = min(30.0, pause * 2)


def main() -> None:
    """Run a keeper."""

    def run(order: Order, watch: watching.Watching) -> None:
        os.environ.update(order["environment"])
        Keeper(order, watch).run()

    watching.serve(run)
