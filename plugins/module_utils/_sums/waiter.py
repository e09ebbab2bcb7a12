# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a deployment to end: bounded, patient with outages, never fooled."""

from __future__ import annotations

import dataclasses
import random
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import Goals

CREATE_GRACE_SECONDS = 15.0
"""How long a deployment that was just created may be unknown to SUMS."""

SAY_SECONDS = 60.0
"""At least this often a line tells that the wait goes on."""

LEAST_RESERVE = 0.05
FIRST_RESERVE = 1.0
TICK = 0.001


@dataclasses.dataclass(frozen=True)
class WaitPolicy:
    """How long to wait, and for what.

    :param timeout: seconds until the wait fails.
    :param interval: seconds between two looks; each pause is up to a tenth longer or shorter.
    :param outage: seconds without a usable answer that are survived.
    """

    timeout: float
    interval: float
    outage: float
    goals: Goals


class Wait:
    """One wait for one deployment or event.

    :param what: ``deployment`` or ``event``.
    :param look: asks SUMS, given the seconds it may take; returns what ``deployments.describe`` does.
    :param say: shows a line to whoever watches.
    :param sleep: pauses for seconds.
    :param clock: seconds, never going backwards.
    """

    def __init__(
        self,
        what: str,
        record_id: str,
        look: t.Callable[[float], Record],
        patience: WaitPolicy,
        *,
        say: t.Callable[[str], None] = lambda line: None,
        sleep: t.Callable[[float], None] = time.sleep,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._id = record_id
        self._look = look
        self._patience = patience
        self._say = say
        self._sleep = sleep
        self._clock = clock
        self._began = self._answered = self._said = clock()
        self._last: Record | None = None
        self._trouble: errors.RequestError | None = None
        self._slowest = FIRST_RESERVE / 2

    def run(self) -> Record:
        """Return the deployment once it has ended in success.

        :raises DeploymentFailed: it ended otherwise.
        :raises WaitTimeout: it did not end in time.
        :raises OutageTooLong: SUMS gave no usable answer for too long.
        :raises RequestError: SUMS refuses to answer (wrong token, unknown id).
        """
        deadline = self._began + self._patience.timeout
        while True:
            pause = self._patience.interval
            try:
                asked = self._clock()
                seen = self._look(max(LEAST_RESERVE, deadline - asked))
                self._slowest = max(self._slowest, self._clock() - asked)
                self._record(seen)
                if self._last and self._patience.goals.is_success(self._last["state"]):
                    return self._last
                if self._last and self._patience.goals.is_failure(self._last["state"]):
                    raise self._failed(self._last)
            except errors.RequestError as error:
                pause = max(pause, error.details.get("retry_after") or 0)
                self._tolerate(error)
            remaining = deadline - self._clock()
            reserve = max(LEAST_RESERVE, min(2 * self._slowest, self._patience.timeout / 10))
            if remaining <= reserve + TICK:
                raise self._timed_out()
            jittered = pause * random.uniform(0.9, 1.1)
            # The last look gets twice the time that an answer took, so that it can be answered too.
            self._pause(min(jittered, remaining - reserve))

    def _pause(self, seconds: float) -> None:
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0:
            quiet = self._said + SAY_SECONDS - self._clock()
            if quiet > 0:
                self._sleep(max(TICK, min(left, quiet)))
            else:
                self._tell(self._last_state() if self._trouble is None else "SUMS still gives no usable answer")

    def _record(self, seen: Record) -> None:
        if self._trouble:
            self._tell("SUMS answers again")
        if self._last is None or seen["state"] != self._last["state"]:
            self._tell(_progress(seen))
        self._last, self._trouble, self._answered = seen, None, self._clock()

    def _tolerate(self, error: errors.RequestError) -> None:
        newborn = self._last is None and self._clock() - self._began < CREATE_GRACE_SECONDS
        if not (error.transient or (newborn and isinstance(error, errors.NotFound))):
            error.details.update(self._known())
            error.message += f" The {self._what} {self._id} was last seen {self._last_state()}."
            raise error
        outage = self._clock() - self._answered
        if outage > self._patience.outage:
            raise errors.OutageTooLong(
                f"SUMS gave no usable answer about {self._what} {self._id} for {outage:.0f} s; it was last seen "
                f"{self._last_state()}. The last trouble: {error.message} {self._how_to_resume()}",
                **self._known(),
            )
        if self._trouble is None:
            self._tell(f"SUMS gives no usable answer, still trying: {error.message}")
        self._trouble = error

    def _failed(self, seen: Record) -> errors.DeploymentFailed:
        reason = seen["reason"] or "SUMS gives no reason"
        return errors.DeploymentFailed(
            f"{self._what.capitalize()} {self._id} ended {seen['state']} after {self._elapsed()}: {reason}.",
            **self._known(),
        )

    def _timed_out(self) -> errors.WaitTimeout:
        trouble = f" The last trouble: {self._trouble.message}" if self._trouble else ""
        return errors.WaitTimeout(
            f"{self._what.capitalize()} {self._id} did not end within {self._patience.timeout:g} s; it was last seen "
            f"{self._last_state()}.{trouble} {self._how_to_resume()}",
            **self._known(),
        )

    def _how_to_resume(self) -> str:
        return (
            f"It may still be running: wait on with hatci_wait_for_update and hatci_{self._what}_id={self._id}, "
            "with a longer hatci_poll_timeout_seconds."
        )

    def _known(self) -> Record:
        return {f"{self._what}_id": self._id, **(self._last or {"state": "", "reason": "", "timestamps": {}})}

    def _last_state(self) -> str:
        return _progress(self._last) if self._last else "never"

    def _elapsed(self) -> str:
        seconds = int(self._clock() - self._began)
        return f"{seconds // 60}:{seconds % 60:02d} min"

    def _tell(self, what: str) -> None:
        self._said = self._clock()
        self._say(f"{self._what} {self._id}: {what}, {self._elapsed()}")


def _progress(seen: Record) -> str:
    progress = seen["status"].get("progress")
    is_number = isinstance(progress, (int, float)) and not isinstance(progress, bool)
    return f"{seen['state']} {progress:g} %" if is_number else str(seen["state"])
