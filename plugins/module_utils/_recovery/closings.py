# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Closing all test events that dead jobs left, in batches, since each waits a second for other recoveries."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap.job_history import Job
from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._recovery.account import Account, DeadJob
from ansible_collections.hatci.automation.plugins.module_utils._recovery.closing import (
    Closed,
    Closing,
    HasOutcome,
    begin_closing,
    finish_closing,
)
from ansible_collections.hatci.automation.plugins.module_utils._recovery.heirs import heir_of
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import (
    OTHERS_SECONDS,
    waits_for_heir,
)
from ansible_collections.hatci.automation.plugins.module_utils._recovery.traces import Trace
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import (
    AnotherRecord,
    RequestError,
    SumsError,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import DirectoryUnsafe
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import rest

AT_ONCE = 50
"""So many test events are marked before the first of them is closed."""

LONGEST_PAUSE = 15.0
"""However slow SUMS is."""

GIVE_UP = 3
"""After so many test events in a row for which SUMS was away no more are looked at, since each costs all retries."""

Done = t.TypeVar("Done")


class Closings:
    """Closes test events.

    :param account: where it is noted what was done and what was not.
    :param gone: jobs that are dead.
    :param clock: seconds since the epoch.
    """

    def __init__(
        self,
        client: SumsClient,
        options: t.Mapping[str, t.Any],
        account: Account,
        gone: t.Collection[str],
        clock: t.Callable[[], float],
    ) -> None:
        self._client = client
        self._options = options
        self._account = account
        self._gone = gone
        self._clock = clock
        self._away_in_a_row = 0
        self._skipped = 0

    def run(self, surely: t.Sequence[DeadJob], living: t.Sequence[Job]) -> None:
        """Close what the dead jobs left and no living one goes on with."""
        owners = _latest_owners(surely)
        left = [
            (dead.job.id, trace)
            for dead in surely
            for trace in dead.traces
            if not self._is_left_alone(dead, trace, living, owners)
        ]
        for place in range(0, len(left), AT_ONCE):
            self._close(left[place : place + AT_ONCE])
        if self._skipped:
            self._account.failures.append(f"{self._skipped} more test events were not looked at, since SUMS is away.")

    def _close(self, batch: t.Sequence[tuple[str, Trace]]) -> None:
        began = time.monotonic()
        with contextlib.ExitStack() as claims:
            marked = []
            for job, trace in batch:
                if closing := self._begin(job, trace, claims):
                    marked.append((job, closing))
            if marked:
                # Where SUMS is slow, what another recovery sends comes late as well.
                rest(min(LONGEST_PAUSE, max(OTHERS_SECONDS, (time.monotonic() - began) / len(batch))))
            for job, closing in marked:
                self._finish(job, closing)

    def _begin(self, job: str, trace: Trace, claims: contextlib.ExitStack) -> Closing | None:
        begin = functools.partial(begin_closing, self._client, self._options, trace, job)
        begun = self._tried(job, trace, lambda: begin(gone=self._gone, clock=self._clock, claims=claims))
        return begun if isinstance(begun, Closing) else None

    def _finish(self, job: str, closing: Closing) -> None:
        trace = closing.trace
        done = self._tried(job, trace, lambda: finish_closing(self._client, closing, self._clock))
        if isinstance(done, Closed):
            self._account.settle(job, trace.test_event_id)
            self._account.closed.append({"job": job, "host": trace.host, **dataclasses.asdict(done)})

    def _is_left_alone(self, dead: DeadJob, trace: Trace, living: t.Sequence[Job], owners: t.Mapping[str, str]) -> bool:
        """Whether somebody else is to decide about a test, which is noted."""
        job = dead.job.id
        if not trace.test_event_id:
            words = f"its id cannot be read; look in SUMS for test events of job {job}"
        elif heir := heir_of(living, job, trace.test_event_id, trace.host, dead.hosts):
            words = f"job {heir} goes on with it"
        elif waits := waits_for_heir(trace.handed_over, self._clock()):
            words = waits
        elif owners[trace.test_event_id] != job:
            words = f"job {owners[trace.test_event_id]} went on with it"
        else:
            return False
        self._account.leave(job, _name_of(trace), words)
        return True

    def _tried(self, job: str, trace: Trace, act: t.Callable[[], Done | str]) -> Done | None:
        """Return what was done; None if it was not, which is noted."""
        if self._away_in_a_row >= GIVE_UP:
            self._skipped += 1
            return None
        try:
            done = act()
        except AnotherRecord:
            done = "SUMS has the record of another test under its id; look there"
        except (SumsError, DirectoryUnsafe, OSError) as error:
            self._away_in_a_row += isinstance(error, RequestError) and error.transient
            what = _name_of(trace)
            words = error.message if isinstance(error, Failure) else str(error)
            self._account.failures.append(f"{what[:1].upper()}{what[1:]} of job {job} was not closed: {words}")
            return None
        self._away_in_a_row = 0
        if isinstance(done, str):
            if isinstance(done, HasOutcome):
                self._account.settle(job, trace.test_event_id)
            self._account.leave(job, _name_of(trace), done)
            return None
        return done


def _name_of(trace: Trace) -> str:
    return f"test event {trace.test_event_id}" if trace.test_event_id else f"the test of {trace.host}"


def _latest_owners(jobs: t.Sequence[DeadJob]) -> dict[str, str]:
    """Return the latest job of each test event, since a job that resumed a test may have died as well."""
    owners: dict[str, str] = {}
    for dead in sorted(jobs, key=lambda dead: int(dead.job.id)):
        owners |= {trace.test_event_id: dead.job.id for trace in dead.traces}
    return owners
