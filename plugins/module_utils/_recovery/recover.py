# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind hatci_recover: what jobs that died have left is closed and given back, once."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap import job_history
from ansible_collections.hatci.automation.plugins.module_utils._aap.api import (
    HOST,
    TOKEN,
    Aap,
    AapError,
    Forbidden,
    RequestFailed,
    can_ask,
)
from ansible_collections.hatci.automation.plugins.module_utils._aap.job_history import Job
from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors as jumpstarter_errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.client_config import (
    is_controller_configured,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.controller import (
    Controller,
    controller_of,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import Lease
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.orphans import is_ours, job_of
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.times import time_in_words
from ansible_collections.hatci.automation.plugins.module_utils._recovery.account import Account, DeadJob
from ansible_collections.hatci.automation.plugins.module_utils._recovery.claim import claim
from ansible_collections.hatci.automation.plugins.module_utils._recovery.closing import Closed, heir_in_sums
from ansible_collections.hatci.automation.plugins.module_utils._recovery.closings import Closings
from ansible_collections.hatci.automation.plugins.module_utils._recovery.heirs import heir_of
from ansible_collections.hatci.automation.plugins.module_utils._recovery.left_evidence import finish_evidence
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import waits_for_heir
from ansible_collections.hatci.automation.plugins.module_utils._recovery.settled import settled_tests
from ansible_collections.hatci.automation.plugins.module_utils._recovery.signs_of_life import (
    alive_at,
    check_grace,
    has_lived_on,
)
from ansible_collections.hatci.automation.plugins.module_utils._recovery.traces import (
    Story,
    Trace,
    story_of,
)
from ansible_collections.hatci.automation.plugins.module_utils._recovery.unfinished import (
    due_handovers,
    find_fleets,
    find_handovers,
    finished_tests,
    has_unreported,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import (
    InputError,
    RequestError,
    SumsError,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import Connection
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import DirectoryUnsafe
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import rest

ASKING_SECONDS = 600.0
"""For the lists of jobs, beside the wait until jobs are surely dead."""

EVENTS_SECONDS = 1800.0
"""For the events of one job, of which a suite of many vehicles has hundreds of thousands."""

SHOWN = 5
"""Of many failures, so many are told."""

LEFT_SECONDS = 86400.0
"""For so much longer than others, tests that a job handed over are looked at: as long as they wait by default."""

LATER = "Run the recovery again later: what is done stays done."

Options = t.Mapping[str, t.Any]
Values = dict[str, t.Any]


class NotRecovered(Failure):
    """Something that should have been closed or given back was not."""


def recover(
    options: Options,
    check_mode: bool,
    *,
    show: t.Callable[[list[str]], None] = lambda lines: None,
    clock: t.Callable[[], float] = time.time,
    sleep: t.Callable[[float], None] = rest,
) -> Values:
    """Close the test events and give back the leases of jobs that are over without having done so.

    :param show: shows lines to whoever watches.
    :param clock: seconds since the epoch.
    :param sleep: pauses for seconds.
    :returns: ``changed``, ``closed``, ``released``, ``left_alone``, ``settled`` and ``lines``.
    :raises InputError: an option cannot be used.
    :raises AapError: the jobs are not known for sure; nothing was done.
    :raises NotRecovered: not all could be done.
    """
    _check(options)
    with (
        Aap(ASKING_SECONDS + options["grace_seconds"], "Nothing was closed or released.") as aap,
        SumsClient(Connection.from_options(options)) as client,
    ):
        if aap.root and (sees := aap.sees_everything()) is not True:
            raise aap.refuse_weak_token(sees)
        recovery = Recovery(aap, client, options, clock, sleep)
        recovery.run(check_mode)
        warnings = recovery.finish_evidence() if not check_mode else []
        result = recovery.account.as_result(check_mode)
        show(result["lines"])
        failures = recovery.account.failures
        if failures:
            more = f" and {len(failures) - SHOWN} more" if len(failures) > SHOWN else ""
            raise NotRecovered(f"{' '.join(failures[:SHOWN])}{more} {LATER}", changed=_has_changed(result), **result)
        warnings += client.warnings
        return {"changed": _has_changed(result), **result, **({"warnings": warnings} if warnings else {})}


class Recovery:
    """One run over the jobs that have died."""

    def __init__(
        self,
        aap: Aap,
        client: SumsClient,
        options: Options,
        clock: t.Callable[[], float],
        sleep: t.Callable[[float], None],
    ) -> None:
        self.account = Account()
        self._aap = aap
        self._client = client
        self._options = options
        self._clock = clock
        self._sleep = sleep
        self._is_sums_away = False
        self._kept: dict[str, float] = {}
        self._unreported: set[str] = set()
        self._listed: set[str] = set()
        self._settled: dict[str, str] = {}
        self._alive_at: dict[str, float] = {}

    def run(self, check_mode: bool) -> None:
        """Find what dead jobs left, wait until they are surely dead, and clear up."""
        # Leases first: a job that begins after this list has none in it.
        controller, leases = self._leases()
        found = [self._look(job, its_leases) for job, its_leases in self._jobs_to_look_at(leases)]
        found += self._unfinished(found)
        self._settled = self._settled_tests(found)
        for dead in found:
            dead.traces = self._without_settled(dead.job, dead.traces)
            dead.leases = self._without_kept(dead.job, dead.leases)
        left = [dead for dead in found if dead.has_left_something]
        if check_mode:
            self._list(left)
            return
        surely = self._wait_until_dead(left)
        self._tell_others(surely)
        if controller:
            self._give_back(controller, surely)
        self._close(surely)

    def finish_evidence(self) -> list[str]:
        """Finish the evidence of the tests that were closed; return in words what could not be finished."""
        if not self._options["evidence_dir"]:
            return []
        secrets = [self._client.connection.token] if self._client.connection.token else []
        parent = os.path.abspath(self._options["evidence_dir"])
        made, failed = finish_evidence(parent, self.account.closed, secrets)
        self.account.evidence += [*made, *failed]
        return failed

    def _leases(self) -> tuple[Controller | None, list[Lease]]:
        """Return the controller, and this client's leases that jobs of AAP made; none without a controller."""
        options = self._options
        if not is_controller_configured(options["mode"], options["client_config"], options["client"]):
            return None, []
        try:
            controller = controller_of(options, Caller.from_options(options).owner)
            return controller, [lease for lease in controller.own_leases() if is_ours(lease) and job_of(lease)]
        except jumpstarter_errors.InputError:
            raise
        except jumpstarter_errors.JumpstarterError as error:
            self.account.failures.append(f"No lease was given back: {error.message}")
            return None, []

    def _jobs_to_look_at(self, leases: t.Sequence[Lease]) -> list[tuple[Job, list[Lease]]]:
        """Return the jobs of the templates that died or did not report all, and any that is over and has a lease."""
        since = self._since() - LEFT_SECONDS
        jobs = {job.id: job for job in job_history.find_dead_jobs(self._aap, self._options["job_templates"], since)}
        jobs |= {job.id: job for job in self._fleets()}
        self._listed = set(jobs)
        of_job: dict[str, list[Lease]] = {}
        for lease in leases:
            of_job.setdefault(job_of(lease), []).append(lease)
        for job_id in of_job.keys() - jobs.keys():
            if job := self._ended_job(job_id):
                jobs[job_id] = job
        return [(job, of_job.get(job.id, [])) for job in jobs.values()]

    def _ended_job(self, job_id: str) -> Job | None:
        """Return the job of a lease; None if it is not over, or if AAP does not show it, which is noted.

        :raises AapError: AAP says something odd, so that it can be relied on in nothing.
        """
        try:
            with self._aap.beside(ASKING_SECONDS, "Nothing of this job was closed or released."):
                job = job_history.find_job(self._aap, job_id) or Job(job_id, "", "deleted", 0.0, {})
        except Forbidden:
            self.account.leave(job_id, "its lease", "AAP does not show this job to the token's user")
            return None
        except RequestFailed as error:
            self.account.failures.append(f"Job {job_id} could not be looked at: {error.message}")
            return None
        return job if job.is_over or job.status == "deleted" else None

    def _is_of_templates(self, job: Job) -> bool:
        """Whether a job's tests are looked after, and not only its leases."""
        return job.id in self._listed or job.template in self._options["job_templates"]

    def _since(self) -> float:
        """Return since when a job must have ended to be looked after, in seconds since the epoch."""
        return float(self._clock() - self._options["within_hours"] * 3600)

    def _fleets(self) -> list[Job]:
        """Return the jobs of fleets that count as successful and have not reported each of their tests."""
        found = []
        for job in find_fleets(self._aap, self._options["job_templates"], self._since()):
            with self._tolerated(job):
                found += [job] if has_unreported(self._aap, job) else []
        self._unreported = {job.id for job in found}
        return found

    def _unfinished(self, found: t.Sequence[DeadJob]) -> list[DeadJob]:
        """Return the tests that were handed over and that nobody took up in their time, beside those that are found."""
        now, known = self._clock(), {dead.job.id for dead in found}
        due: list[DeadJob] = []
        with self._aap.beside(ASKING_SECONDS, "Nothing was closed or released."):
            jobs = find_handovers(self._aap, self._options["job_templates"], now)
        for job in jobs:
            if job.id not in known:
                with self._tolerated(job):
                    traces = due_handovers(self._aap, job, now)
                    due += [DeadJob(job, traces, [], alive_at(job, None, now), traces)] if traces else []
        if due:
            since = self._ended_first(due)
            with self._aap.beside(ASKING_SECONDS, "Nothing was closed or released."):
                finished = finished_tests(self._aap, self._options["job_templates"], since)
            finished |= {trace.test_event_id for dead in found for trace in dead.tests if trace.is_reported}
            for dead in due:
                dead.traces = [trace for trace in dead.traces if trace.test_event_id not in finished]
        return due

    def _settled_tests(self, found: t.Sequence[DeadJob]) -> dict[str, str]:
        """Return which test events had their outcome for an earlier recovery, each with the latest job that left it."""
        left = [dead for dead in found if any(trace.test_event_id for trace in dead.traces)]
        if not left:
            return {}
        since = self._ended_first(left)
        wanted = {trace.test_event_id for dead in left for trace in dead.traces if trace.test_event_id}
        with self._aap.beside(ASKING_SECONDS, "Nothing was closed or released."):
            return settled_tests(self._aap, since, wanted)

    def _ended_first(self, dead_jobs: t.Sequence[DeadJob]) -> float:
        """Return when the first of some jobs ended; of an end in the future nothing is known but what is looked at."""
        now, earliest = self._clock(), self._since() - LEFT_SECONDS
        ends = (now if dead.job.finished is None else dead.job.finished for dead in dead_jobs)
        return min(end if end <= now else earliest for end in ends)

    def _without_settled(self, job: Job, traces: t.Sequence[Trace]) -> list[Trace]:
        """Return the tests that no earlier recovery saw with an outcome; SUMS may give an id to a test of a later job.

        To look at one means to send something, and what people have corrected since would be undone.
        """
        left = []
        for trace in traces:
            settled = self._settled.get(trace.test_event_id, "")
            if settled and int(job.id) <= int(settled):
                self.account.settle(settled, trace.test_event_id)
            else:
                left.append(trace)
        return left

    def _look(self, job: Job, leases: list[Lease]) -> DeadJob:
        """Return what a job has left, and note which leases it keeps."""
        is_dead = job.status in job_history.DEAD.split(",")
        is_left = is_dead or job.id in self._unreported
        story = self._story_of(job) if is_left or leases else Story()
        if story is None:
            return DeadJob(job, [], [], alive_at(job, None, self._clock()), [])
        lived_until = alive_at(job, story.seen_at, self._clock())
        if is_dead:
            self._alive_at[job.id] = lived_until
        is_recent = leases or job.finished is None or job.finished > self._since()
        unreported = [trace for trace in story.traces if not trace.is_reported and (is_left or trace.handed_over)]
        is_looked_after = self._is_of_templates(job)
        traces = [trace for trace in unreported if is_looked_after and (is_recent or trace.handed_over)]
        for_nobody = {name for trace in traces if self._is_abandoned(trace) for name in trace.leases}
        for name, until in story.kept.items():
            if name not in for_nobody:
                self._kept[name] = max(until, self._kept.get(name, 0.0))
        return DeadJob(job, traces, leases, lived_until, story.traces, story.seen_at)

    def _story_of(self, job: Job) -> Story | None:
        """Return what the events of a job tell; None if they are not known, so that nothing of it may be touched."""
        story = None
        with self._tolerated(job):
            story = story_of(job_history.results_of(self._aap, job.id))
        return story

    @contextlib.contextmanager
    def _tolerated(self, job: Job) -> t.Iterator[None]:
        """Note that AAP does not show the events of a job, and go on with others."""
        try:
            with self._aap.beside(EVENTS_SECONDS, "Its tests and leases were left alone."):
                yield
        except Forbidden:
            reason = "AAP does not show its events to the token's user"
            self.account.leave(job.id, "its tests and leases", reason)
        except AapError as error:
            self.account.failures.append(f"Job {job.id} could not be looked at: {error.message}")

    def _gone(self) -> set[str]:
        """Return the jobs that have shown no sign of life for the time of grace, whatever they have left."""
        latest = self._clock() - self._options["grace_seconds"]
        return {job for job, moment in self._alive_at.items() if moment <= latest}

    def _is_abandoned(self, trace: Trace) -> bool:
        """Whether a test has no outcome, and nobody is to go on with it or to look into it."""
        is_known = not (trace.has_hidden or trace.unsent)
        return is_known and not waits_for_heir(trace.handed_over, self._clock())

    def _without_kept(self, job: Job, leases: t.Sequence[Lease]) -> list[Lease]:
        """Return the leases that are not held on purpose, by this job or by one that took them over."""
        for lease in leases:
            if self._kept.get(lease.name, 0.0) > self._clock():
                until = time_in_words(self._kept[lease.name])
                reason = f"it is kept until {until} for whoever looks into the test"
                self.account.leave(job.id, f"lease {lease.name}", reason)
        return [lease for lease in leases if self._kept.get(lease.name, 0.0) <= self._clock()]

    def _wait_until_dead(self, left: list[DeadJob]) -> list[DeadJob]:
        """Return the jobs that have shown no sign of life for the time of grace."""
        grace = self._options["grace_seconds"]
        pause = max([0.0, *(dead.alive_at + grace - self._clock() for dead in left)])
        if not pause:
            return left
        waited_for = {dead.job.id for dead in left if dead.alive_at + grace > self._clock()}
        self._sleep(pause)
        surely = []
        for dead in left:
            again = self._look(dead.job, dead.leases) if dead.job.id in waited_for else dead
            if has_lived_on(again.seen_at, dead.alive_at, dead.seen_at):
                self.account.leave(dead.job.id, "all of it", f"it is {dead.job.status} in AAP, but it still lives")
                continue
            if dead.job.id in self._alive_at:
                self._alive_at[dead.job.id] = dead.alive_at
            again.traces = self._without_settled(again.job, again.traces)
            again.leases = self._without_kept(again.job, again.leases)
            surely.append(again)
        return surely

    def _tell_others(self, surely: t.Sequence[DeadJob]) -> None:
        """Tell which tests stay open since their jobs, found by their leases, are of other templates."""
        for dead in surely:
            if self._is_of_templates(dead.job) or dead.job.status not in job_history.DEAD.split(","):
                continue
            reason = f"its job is of the template {dead.job.template[:80]!r}, which is not among job_templates"
            for trace in dead.tests:
                if not trace.is_reported and trace.test_event_id:
                    self.account.leave(dead.job.id, f"test event {trace.test_event_id}", reason)

    def _give_back(self, controller: Controller, surely: t.Sequence[DeadJob]) -> None:
        """Give back the leases that nobody goes on with."""
        if not any(dead.leases for dead in surely):
            return
        living = self._living_jobs("No lease was given back.")
        if living is None:
            return
        for dead in surely:
            if any(job.id == dead.job.id for job in living):
                self.account.leave(dead.job.id, "its leases", "AAP lists it among the jobs that run")
                continue
            for lease in dead.leases:
                tests = [trace for trace in dead.tests if lease.name in trace.leases and trace.test_event_id]
                with contextlib.ExitStack() as claims:
                    if heir := self._heir_of(tests, dead, living, claims):
                        self.account.leave(dead.job.id, f"lease {lease.name}", heir)
                    else:
                        self._release(controller, lease, dead.job)

    def _heir_of(
        self, tests: t.Sequence[Trace], dead: DeadJob, living: t.Sequence[Job], claims: contextlib.ExitStack
    ) -> str:
        """Return in words that somebody goes on with one of the tests that had a lease; empty if nobody does.

        :param claims: holds what keeps others on this machine from going on with them meanwhile.
        """
        for trace in tests:
            if heir := heir_of(living, dead.job.id, trace.test_event_id, trace.host, dead.hosts):
                return f"job {heir} goes on with it"
            if self._is_sums_away:
                continue
            try:
                if not claims.enter_context(claim(self._client.connection.base_url, trace.test_event_id)):
                    return "somebody else decides about its test now"
                if heir := heir_in_sums(self._client, trace, {dead.job.id, *self._gone()}, self._clock()):
                    return heir
            except RequestError as error:
                self._is_sums_away = error.transient
            except (SumsError, DirectoryUnsafe, OSError):
                self._is_sums_away = True  # whoever goes on needs SUMS too; a device is not kept from others for that
        return ""

    def _release(self, controller: Controller, lease: Lease, job: Job) -> None:
        try:
            again = controller.find(lease.name)
            is_same = again and is_ours(again) and (again.client, again.tags) == (lease.client, lease.tags)
            if is_same and controller.delete(lease.name):
                self.account.released.append(lease.name)
        except jumpstarter_errors.JumpstarterError as error:
            self.account.failures.append(f"Lease {lease.name} of job {job.id} was not given back: {error.message}")

    def _close(self, surely: t.Sequence[DeadJob]) -> None:
        if not any(dead.traces for dead in surely):
            return
        # Only now: a job may have taken a test over while this one waited.
        living = self._living_jobs("No test event was closed.")
        if living is None:
            return
        Closings(self._client, self._options, self.account, self._gone(), self._clock).run(surely, living)

    def _living_jobs(self, consequence: str) -> list[Job] | None:
        """Return the jobs that are not over; None if AAP does not tell, which is noted."""
        found = None
        try:
            with self._aap.beside(ASKING_SECONDS, consequence):
                found = job_history.find_living_jobs(self._aap)
        except AapError as error:
            self.account.failures.append(error.message)
        return found

    def _list(self, left: t.Sequence[DeadJob]) -> None:
        """Tell what would be done; whether SUMS already has an outcome cannot be asked without sending something."""
        for dead in left:
            self.account.released += [lease.name for lease in dead.leases]
            for trace in dead.traces:
                if waits := waits_for_heir(trace.handed_over, self._clock()):
                    self.account.leave(dead.job.id, f"test event {trace.test_event_id}", waits)
                    continue
                shown = Closed(trace.test_event_id, "ABORTED", "", trace.event_id, trace.deployment_id)
                self.account.closed.append({"job": dead.job.id, "host": trace.host, **dataclasses.asdict(shown)})


def _check(options: Options) -> None:
    if not can_ask():
        raise AapError(
            f"{HOST} and {TOKEN} are not both set, so AAP cannot be asked which jobs have died; give the job a "
            'credential of type "Red Hat Ansible Automation Platform", or set both.'
        )
    if not options["job_templates"] or any(not name.strip() or "," in name for name in options["job_templates"]):
        raise InputError("job_templates must be names of job templates, none of them empty or with a comma.")
    if not 0 < options["within_hours"] <= 24 * 120:
        raise InputError(f"within_hours is {options['within_hours']:g}; give hours, more than 0 and at most 2880.")
    check_grace(options)


def _has_changed(result: Values) -> bool:
    return bool(result["closed"] or result["released"])
