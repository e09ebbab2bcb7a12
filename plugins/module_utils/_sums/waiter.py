# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a deployment to end, or to come to a point: bounded, patient with outages, never fooled."""

from __future__ import annotations

import dataclasses
import datetime
import random
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record, find_progress
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import Goals, canonical
from ansible_collections.hatci.automation.plugins.module_utils._times import SAY_SECONDS, Clock, Deadline
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import rest

CREATE_GRACE_SECONDS = 15.0
"""How long a deployment that was just created may be unknown to SUMS."""

GONE_SECONDS = 120.0
"""How long one that was seen may be unknown to SUMS, since an instance that has just started may not have it yet."""

LEAST_RESERVE = 0.05
FIRST_RESERVE = 1.0
TICK = 0.001


@dataclasses.dataclass(frozen=True)
class Point:
    """Where a wait may stop before the end.

    :param state: a state, in any letter case; None for any.
    :param progress: percent, that much or more; None for any.
    """

    state: str | None = None
    progress: float | None = None

    def is_reached(self, seen: Record, has_ended: bool) -> bool:
        """Whether a deployment is there; one that has ended is past every progress."""
        if self.state is not None and canonical(seen["state"]) == canonical(self.state):
            return True
        progress = find_progress(seen["status"])
        return self.progress is not None and progress is not None and progress >= self.progress and not has_ended


@dataclasses.dataclass(frozen=True)
class WaitPolicy:
    """How long to wait, and for what.

    :param timeout: seconds until the wait fails.
    :param interval: seconds between two looks; each pause is up to a tenth longer or shorter.
    :param outage: seconds without a usable answer that are survived.
    :param point: stop there; None to wait for the end.
    """

    timeout: float
    interval: float
    outage: float
    goals: Goals
    point: Point | None = None


class Watched(t.Protocol):
    """What is waited for."""

    what: str
    record_id: str

    def look(self, within: float) -> Record:
        """Ask SUMS, within so many seconds; returns what ``deployments.describe`` does."""

    def confirm(self, within: float) -> Record:
        """Look once more at what seems to have ended in success."""


class Wait:
    """One wait for one deployment or event.

    :param seen: is told of each change of state.
    :param say: shows a line to whoever watches.
    :param remind: shows, once a minute, that the wait goes on; ``say`` by default.
    :param sleep: pauses for seconds.
    :param clock: seconds, never going backwards.
    :param now: the time of day.
    """

    def __init__(
        self,
        watched: Watched,
        policy: WaitPolicy,
        *,
        seen: t.Callable[[Record], None] = lambda record: None,
        say: t.Callable[[str], None] = lambda line: None,
        remind: t.Callable[[str], None] | None = None,
        sleep: t.Callable[[float], None] = rest,
        clock: Clock = time.monotonic,
        now: t.Callable[[], datetime.datetime] = lambda: datetime.datetime.now().astimezone(),
    ) -> None:
        self._watched = watched
        self._what = watched.what
        self._id = watched.record_id
        self._policy = policy
        self._seen = seen
        self._say = say
        self._remind = remind or say
        self._sleep = sleep
        self._clock = clock
        self._now = now
        self._began = self._said = clock()
        self._deadline = Deadline(policy.timeout, clock)
        self._outage = Deadline(policy.outage, clock)
        self._trouble_began = self._began
        self._gone_since: float | None = None
        self._last: Record | None = None
        self._trouble: errors.RequestError | None = None
        self._is_to_confirm = False
        self._slowest = FIRST_RESERVE / 4

    def run(self) -> Record:
        """Return the deployment once it has ended in success, or come to the point that was asked for.

        A success counts once a second look has confirmed it.

        :raises DeploymentFailed: it ended otherwise.
        :raises WaitTimeout: it did not end in time.
        :raises OutageTooLong: SUMS gave no usable answer for too long.
        :raises AnotherRecord: SUMS answers about another one.
        :raises RequestError: SUMS refuses to answer at all (wrong token, unknown id).
        """
        while True:
            asked = self._clock()
            try:
                result = self._judge(self._look())
                if result is not None:
                    return result
                pause = 0.0 if self._is_to_confirm else self._policy.interval * random.uniform(0.9, 1.1)
            except errors.RequestError as error:
                self._tolerate(error, asked)
                pause = max(self._policy.interval, error.details.get("retry_after") or 0) * random.uniform(0.9, 1.1)
                pause = min(pause, self._outage.left)
            left = self._deadline.left
            # The last look gets time for an answer and for one that confirms it, each twice what one has taken.
            reserve = TICK if pause == 0.0 else max(LEAST_RESERVE, min(4 * self._slowest, self._policy.timeout / 10))
            if left <= reserve + TICK:
                raise self._timed_out()
            self._pause(min(pause, left - reserve))

    def _look(self) -> Record:
        asked = self._clock()
        if self._is_to_confirm:
            seen = self._watched.confirm(max(TICK, self._deadline.left))
        else:
            seen = self._watched.look(max(LEAST_RESERVE, self._deadline.left))
        self._slowest = max(self._slowest, self._clock() - asked)
        self._record(seen)
        return seen

    def _judge(self, seen: Record) -> Record | None:
        """Return the result of the wait; None if it goes on."""
        goals, point = self._policy.goals, self._policy.point
        is_success, is_failure = goals.is_success(seen["state"]), goals.is_failure(seen["state"])
        if point and point.is_reached(seen, is_success or is_failure):
            return {**seen, **self._point(seen, reached=True)}
        if is_failure and not point:
            raise self._failed(seen)
        if is_failure or (is_success and self._is_to_confirm):
            return {**seen, **self._point(seen, reached=False)} if point else seen
        self._is_to_confirm = is_success
        return None

    def _point(self, seen: Record, *, reached: bool) -> Record:
        moment = self._now().astimezone(datetime.UTC)
        return {
            "reached": reached,
            "progress": find_progress(seen["status"]),
            "seen_at": moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }

    def _pause(self, seconds: float) -> None:
        pause = Deadline(seconds, self._clock)
        while (left := pause.left) > 0:
            quiet = self._said + SAY_SECONDS - self._clock()
            if quiet > 0:
                self._sleep(max(TICK, min(left, quiet)))
            else:
                state = self._last_state() if self._trouble is None else "SUMS still gives no usable answer"
                self._tell(state, self._remind)

    def _record(self, seen: Record) -> None:
        if self._trouble:
            self._tell("SUMS answers again")
        if self._last is None or seen["state"] != self._last["state"]:
            self._tell(_progress(seen))
            self._seen(seen)
        self._last, self._trouble, self._gone_since = seen, None, None

    def _tolerate(self, error: errors.RequestError, asked: float) -> None:
        """Bear an error for as long as the policy says.

        :param asked: when the look began that brought it.
        """
        if not self._is_blip(error, asked):
            error.details.update(self._known(), lost_record=_is_lost(error))
            error.message += f" The {self._what} {self._id} was last seen {self._last_state()}."
            raise error
        if self._trouble is None:
            self._trouble_began = asked
            self._outage = Deadline(self._policy.outage - (self._clock() - asked), self._clock)
        if self._outage.expired:
            raise errors.OutageTooLong(
                f"SUMS gave no usable answer about {self._what} {self._id} for "
                f"{self._clock() - self._trouble_began:.0f} s; it was last seen "
                f"{self._last_state()}. The last trouble: {error.message} {self._how_to_resume()}",
                **self._known(),
                lost_record=_is_lost(error),
            )
        if self._trouble is None:
            self._tell(f"SUMS gives no usable answer, still trying: {error.message}")
        self._trouble = error

    def _is_blip(self, error: errors.RequestError, asked: float) -> bool:
        """Whether waiting may help: after the first good look always, unless SUMS has another record or none."""
        if isinstance(error, errors.AnotherRecord):
            return False
        if not isinstance(error, errors.NotFound):
            self._gone_since = None
            return error.transient or self._last is not None
        if self._gone_since is None:
            self._gone_since = asked
        if self._last is None:
            return self._clock() - self._began < CREATE_GRACE_SECONDS
        return self._clock() - self._gone_since < GONE_SECONDS

    def _failed(self, seen: Record) -> errors.DeploymentFailed:
        reason = seen["reason"] or "SUMS gives no reason"
        return errors.DeploymentFailed(
            f"{self._what.capitalize()} {self._id} ended {seen['state']} after {self._elapsed()} min: {reason}.",
            **self._known(),
        )

    def _timed_out(self) -> errors.WaitTimeout:
        trouble = f" The last trouble: {self._trouble.message}" if self._trouble else ""
        unconfirmed = ", which could not be confirmed by a second look" if self._is_to_confirm else ""
        return errors.WaitTimeout(
            f"{self._what.capitalize()} {self._id} did not {self._aim()} within {self._policy.timeout:g} s; "
            f"it was last seen {self._last_state()}{unconfirmed}.{trouble} {self._how_to_resume()}",
            **self._known(),
        )

    def _aim(self) -> str:
        point = self._policy.point
        if point is None:
            return "end"
        aims = [point.state] if point.state is not None else []
        aims += [f"{point.progress:g} %"] if point.progress is not None else []
        return f"come to {' or '.join(aims)}"

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
        return _minutes(self._clock() - self._began)

    def _tell(self, what: str, show: t.Callable[[str], None] | None = None) -> None:
        self._said = self._clock()
        limit = _minutes(self._policy.timeout)
        (show or self._say)(
            f"{self._what} {self._id}: {what}, {self._elapsed()} of {limit} min, {self._now():%H:%M:%S}"
        )


def _is_lost(error: errors.RequestError) -> bool:
    """Whether SUMS has no record any more, or another one, under an id that it gave."""
    return isinstance(error, (errors.AnotherRecord, errors.NotFound))


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _progress(seen: Record) -> str:
    progress = find_progress(seen["status"])
    return str(seen["state"]) if progress is None else f"{seen['state']} {progress:g} %"
