# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind hatci_resume: finding a test that its job left, and taking it over before anybody closes it."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap.api import HOST, TOKEN, Aap, can_ask
from ansible_collections.hatci.automation.plugins.module_utils._aap.jobs import is_job_id
from ansible_collections.hatci.automation.plugins.module_utils._evidence import journal
from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._recovery.claim import claim
from ansible_collections.hatci.automation.plugins.module_utils._recovery.dead_job import (
    ASKING_SECONDS,
    Watch,
    died_taking_over,
    ended_job,
    surely_dead,
    wait_for_jobs,
)
from ansible_collections.hatci.automation.plugins.module_utils._recovery.handover import check_seconds
from ansible_collections.hatci.automation.plugins.module_utils._recovery.own_deployment import (
    NOTHING_DONE,
    check_deployment,
    refuse_other_deployment,
)
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import (
    OTHERS_SECONDS,
    handed_over,
    is_lost,
    recovered_elsewhere,
    resumed_elsewhere,
    resumed_mark,
    resuming_job,
)
from ansible_collections.hatci.automation.plugins.module_utils._recovery.signs_of_life import check_grace
from ansible_collections.hatci.automation.plugins.module_utils._recovery.traces import (
    Trace,
    steps_of_journal,
    traces_of,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.checks import require_record
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.marks import RESUMED, mark_of
from ansible_collections.hatci.automation.plugins.module_utils._sums.own_test_event import identity_of
from ansible_collections.hatci.automation.plugins.module_utils._sums.records import refuse_predicted, require
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record, find_id
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import (
    look_at_test_event,
    standing_outcome,
)
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.verdict import from_metadata
from ansible_collections.hatci.automation.plugins.module_utils._vin import same_vin
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import rest

BEFORE_JOB = ("test_event_id", "deployment_id", "evidence_dir")
"""What says which test goes on, if it is given, rather than the id of a job."""

Options = t.Mapping[str, t.Any]


def resume(
    client: SumsClient,
    options: Options,
    check_mode: bool,
    now: t.Callable[[], float] = time.time,
    *,
    sleep: t.Callable[[float], None] = rest,
    say: t.Callable[[str], None] = lambda line: None,
) -> Record:
    """Take over a test whose job has ended.

    :param now: seconds since the epoch.
    :param sleep: pauses for seconds.
    :param say: shows a line to whoever watches.
    :returns: ``changed``, ``test_event_id``, ``test_event``, ``source_event_id``, ``target_event_id``,
        ``deployment_id``, ``before``, ``lease_name`` and ``resumed``.
    :raises InputError: an option cannot be used, or there is no test to go on with, or its deployment is another one.
    :raises WrongState: its outcome stands, or somebody else goes on with it.
    :raises AapError: the job's events are not known for sure.
    """
    require(options, "vin", "seconds")
    check_seconds(options)
    check_grace(options)
    watch = Watch(options["grace_seconds"], now, sleep, say)
    trace = _of_dead_job(options, check_mode, watch) if _is_found_by_job(options) else _find(options)
    refuse_predicted(trace.test_event_id, "test_event_id")
    if not trace.deployment_id and trace.has_hidden:
        raise errors.InputError(
            f"What is kept of the job hides results of its tasks (no_log, or too long), so the deployment of test "
            f"event {trace.test_event_id} is not known; look in SUMS and give test_event_id and deployment_id."
        )
    if not trace.deployment_id:
        raise errors.InputError(
            f"Test event {trace.test_event_id} ended before its deployment, so there is nothing to go on with; run the "
            "test again."
        )
    created = check_deployment(client, trace, options["vin"])
    result = {
        "test_event_id": trace.test_event_id,
        "source_event_id": trace.source_event_id,
        "target_event_id": trace.event_id,
        "deployment_id": trace.deployment_id,
        "before": trace.before,
        "lease_name": trace.lease_name,
    }
    _refuse_scenario(trace, trace.metadata)
    if check_mode:
        mark = resumed_mark(options["job_id"], now(), options["seconds"])
        return {"changed": True, **result, "test_event": {}, RESUMED: mark}
    with claim(client.connection.base_url, trace.test_event_id) as is_mine:
        if not is_mine:
            raise errors.InputError(
                f"Somebody else on this machine decides about test event {trace.test_event_id} right now; try again."
            )
        expected = {**identity_of(trace.created), "vin": options["vin"]}
        said: list[str] = []
        look = functools.partial(
            look_at_test_event, client, trace.test_event_id, trace.event_id, expected, trace.event, on_link=said.append
        )
        with _telling(said):
            held = _look_once_left(look, trace, options, watch)
            known = held.get("metadata") if isinstance(held.get("metadata"), dict) else trace.metadata
            if recovered_elsewhere(held, {}, now()):
                raise errors.InputError(
                    f"A recovery is about to close test event {trace.test_event_id}; try again in five minutes."
                )
            refuse_other_deployment(client, trace, held, created)
            _refuse_scenario(trace, known or {})
        result |= _left_by_handover(result, handed_over(held))
        result["before"] = result["before"] or from_metadata(known)
        mark = resumed_mark(options["job_id"], now(), options["seconds"])
        reply = client.patch("test_events", trace.test_event_id, body={"metadata": {**(known or {}), RESUMED: mark}})
        test_event = require_record(reply, "test event", "test_event_id", trace.test_event_id, **expected)
        # Jobs in other containers know nothing of the claim; of two that marked it at once the later one goes on.
        sleep(OTHERS_SECONDS)
        again = look_at_test_event(client, trace.test_event_id, trace.event_id, expected)
        if is_lost(again, RESUMED, mark):
            _refuse_settled(trace, again, options, now())
            _refuse_unmarked(trace, again)
    return {"changed": True, **result, "test_event": test_event, RESUMED: mark}


@contextlib.contextmanager
def _telling(said: t.Sequence[str]) -> t.Iterator[None]:
    """Let a refusal say too what a look may have changed, unless it was set right."""
    try:
        yield
    except Failure as error:
        if not error.message.endswith(NOTHING_DONE):
            error.message = " ".join([error.message, *dict.fromkeys(said)])
        raise


def _look_once_left(look: t.Callable[[], Record], trace: Trace, options: Options, watch: Watch) -> Record:
    """Return the test event once nobody else goes on with it, as far as SUMS and AAP tell.

    :raises InputError: somebody does, or its outcome stands.
    :raises AapError: AAP does not tell.
    """
    held = look()
    _refuse_settled(trace, held, options, watch.now())
    if wait_for_jobs(trace, held, _done_with(options), watch):
        held = look()
        _refuse_settled(trace, held, options, watch.now())
    return held


def _done_with(options: Options) -> set[str]:
    """Return the jobs that keep nobody away: one's own, and the one by whose events the test is found."""
    return {options["job_id"], *([options["resume_job_id"]] if _is_found_by_job(options) else [])}


def _left_by_handover(result: Record, mark: Record) -> Record:
    """Return what the first half of a test wrote down for the second, as far as it is not known yet."""
    before = mark.get("before")
    texts = {name: find_id(mark, name) or "" for name in ("source_event_id", "target_event_id", "lease_name")}
    return {
        **{name: result[name] or text for name, text in texts.items()},
        "before": result["before"] or (before if isinstance(before, dict) else {}),
    }


def _is_found_by_job(options: Options) -> bool:
    return bool(options["resume_job_id"]) and not any(options[name] for name in BEFORE_JOB)


def _find(options: Options) -> Trace:
    if options["test_event_id"] or options["deployment_id"]:
        require(options, "test_event_id", "deployment_id")
        return Trace(options["host"], test_event_id=options["test_event_id"], deployment_id=options["deployment_id"])
    if options["evidence_dir"]:
        trace = _latest(_from_journal(pathlib.Path(options["evidence_dir"])), options, options["evidence_dir"])
        trace.lease_name = ""  # a journal does not say whether its play has ended
        return trace
    raise errors.InputError(
        "It is not said which test goes on; give test_event_id and deployment_id, or resume_job_id, or evidence_dir."
    )


def _latest(traces: t.Sequence[Trace], options: Options, where: str) -> Trace:
    """Return the latest test of the vehicle."""
    own = [trace for trace in traces if same_vin(trace.vin, options["vin"]) and trace.test_event_id]
    if not own:
        raise errors.InputError(
            f"{where} tells of no test event of VIN {options['vin']}, so there is nothing to go on with."
        )
    return own[-1]


def _from_journal(directory: pathlib.Path) -> list[Trace]:
    try:
        lines = journal.read(directory).lines
    except OSError as error:
        raise errors.InputError(
            f"{directory} has no journal of a test that can be read ({error.strerror}); give the directory of one test."
        ) from None
    return traces_of(steps_of_journal(lines))


def _of_dead_job(options: Options, check_mode: bool, watch: Watch) -> Trace:
    """Return the test of a job that is surely dead, or has done with the test.

    :raises InputError: there is none, or the job lives.
    """
    job_id = options["resume_job_id"]
    _check_job_id(job_id)
    with Aap(ASKING_SECONDS + options["grace_seconds"], NOTHING_DONE) as aap:
        job, story = ended_job(aap, job_id)
        trace = _latest(story.traces, options, f"job {job_id}")
        if check_mode or trace.is_reported or trace.handed_over:
            return trace
        return _latest(surely_dead(aap, job, story, watch).traces, options, f"job {job_id}")


def _check_job_id(job_id: str) -> None:
    if not is_job_id(job_id):
        raise errors.InputError(
            f"resume_job_id is {job_id[:60]!r}, which is not the id of a job of AAP; give a number."
        )
    if not can_ask():
        raise errors.InputError(
            f"{HOST} and {TOKEN} are not both set, so AAP cannot be asked for the events of job {job_id}; set both."
        )


def _refuse_scenario(trace: Trace, metadata: Record) -> None:
    """Refuse a test that is not the plain one, since the rest of it would be judged as if it were.

    :raises InputError: the test has a scenario.
    """
    if metadata.get("expect"):
        raise errors.InputError(
            f"Test event {trace.test_event_id} is of the scenario {str(metadata.get('scenario'))[:80]}, and what was "
            "done to its update is not known any more, so it can't be gone on with; run the scenario again."
        )


def _refuse_unmarked(trace: Trace, again: Record) -> None:
    """Refuse a test of which our mark is gone and nobody else's stands in its place.

    :raises InputError: a recovery, or the first job, wrote to it at the same moment.
    """
    if not mark_of(again, RESUMED):
        raise errors.InputError(
            f"Somebody else wrote to test event {trace.test_event_id} at the same moment; try again in five minutes."
        )


def _refuse_settled(trace: Trace, held: Record, options: Options, now: float) -> None:
    """Refuse a test that needs nobody.

    :raises InputError: it has an outcome that says something of the vehicle, or somebody goes on with it.
    """
    if stands := standing_outcome(held):
        raise errors.InputError(f"{stands.removesuffix('.')}; to test again, run the test.")
    elsewhere = resumed_elsewhere(held, _done_with(options), now)
    if elsewhere and died_taking_over(resuming_job(held), trace.test_event_id, options["grace_seconds"], now):
        elsewhere = ""
    if elsewhere:
        raise errors.InputError(f"Test event {trace.test_event_id} is not left alone: {elsewhere}.")
