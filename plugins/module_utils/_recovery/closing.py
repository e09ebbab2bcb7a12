# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Closing a test event that a dead job left open, without ever overwriting an outcome."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._recovery.claim import claim
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import (
    HANDED_OVER,
    handed_over,
    is_lost,
    is_taken_up,
    recovered_elsewhere,
    recovery_mark,
    resumed_elsewhere,
    waits_for_deployment,
    waits_for_heir,
)
from ansible_collections.hatci.automation.plugins.module_utils._recovery.traces import Trace
from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.checks import require_record
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.deployment_look import look_at_deployment
from ansible_collections.hatci.automation.plugins.module_utils._sums.marks import (
    RECOVERING,
    RESUMED,
    mark_of,
    settled_metadata,
    without_recovery,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.open_test_events import OpenTestEvent
from ansible_collections.hatci.automation.plugins.module_utils._sums.own_test_event import NO_EVENT, identity_of
from ansible_collections.hatci.automation.plugins.module_utils._sums.reply import Reply
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record
from ansible_collections.hatci.automation.plugins.module_utils._sums.retry import repeat
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import (
    UNDECIDED,
    look_at_test_event,
    outcome_of,
    send_report_unless,
    told_outcome,
)

Options = t.Mapping[str, t.Any]


class HasOutcome(str):
    """Why a test event was left alone, in words: it has its outcome, so no later recovery has to look at it."""


@dataclasses.dataclass(frozen=True)
class Closed:
    """A test event that got its outcome."""

    test_event_id: str
    outcome: str
    summary: str
    event_id: str
    deployment_id: str


@dataclasses.dataclass(frozen=True)
class Closing:
    """A test event that carries the mark of this recovery.

    :param gone: jobs that are dead.
    :param before: its metadata without the mark.
    """

    trace: Trace
    report: Record
    mark: Record
    gone: t.Collection[str]
    before: Record = dataclasses.field(default_factory=dict)

    @property
    def final_report(self) -> Record:
        """The report with metadata in any case, since the mark must go, and whoever went on is to keep nobody away."""
        before = settled_metadata(self.before)
        resumed = {RESUMED: before[RESUMED]} if RESUMED in before else {}
        return {**self.report, "metadata": {**resumed, **(self.report.get("metadata") or before)}}


def begin_closing(
    client: SumsClient,
    options: Options,
    trace: Trace,
    job: str,
    *,
    gone: t.Collection[str],
    clock: t.Callable[[], float],
    claims: contextlib.ExitStack,
) -> Closing | str:
    """Mark a test event, for recoveries in other containers, or return in words why it was left alone.

    :param job: the dead job.
    :param gone: other jobs that are dead.
    :param clock: seconds since the epoch.
    :param claims: keeps others on this machine away until it is left.
    :raises SumsError: SUMS does not say how it stands.
    """
    if not claims.enter_context(claim(client.connection.base_url, trace.test_event_id)):
        return "another recovery decides about it now"
    event_id = _event_of(trace)
    try:
        held = look_at_test_event(client, trace.test_event_id, event_id, _expected(trace), trace.event)
    except errors.NotFound:
        return "SUMS does not know it"
    except errors.Rejected:
        if event_id is not None:
            raise
        return "its target event cannot be read, without which SUMS does not show it; look there"
    dead, now = {job, *gone}, clock()
    if words := _against(held, dead, now) or recovered_elsewhere(held, {}, now):
        return words
    left = {} if is_taken_up(held) else handed_over(held) or trace.handed_over
    report, has_ended = _report(client, options, trace, job, left)
    if words := "" if has_ended else waits_for_deployment(left, now):
        return words
    closing = Closing(trace, report, recovery_mark(clock()), dead)
    return _mark(client, closing, clock)


def finish_closing(client: SumsClient, closing: Closing, clock: t.Callable[[], float]) -> Closed | str:
    """Give a test event its outcome, unless somebody else wrote to it since; then return that in words.

    :param clock: seconds since the epoch.
    :raises SumsError: SUMS does not say how it stands, or does not take the report.
    """
    trace, report = closing.trace, closing.final_report

    def against(held: Record) -> str:
        if words := _against(held, closing.gone, clock()):
            return words
        is_other = is_lost(held, RECOVERING, closing.mark)
        return "somebody else wrote to it at the same moment, such as another recovery" if is_other else ""

    words, held = send_report_unless(client, trace.test_event_id, _event_of(trace), report, _expected(trace), against)
    if words:
        return words
    _unmark(client, closing, held)
    outcome = outcome_of(report)
    return Closed(trace.test_event_id, outcome, str(report.get("summary") or ""), trace.event_id, trace.deployment_id)


def _mark(client: SumsClient, closing: Closing, clock: t.Callable[[], float]) -> Closing | str:
    """Mark a test event, or return in words why it was left alone."""
    trace, expected = closing.trace, _expected(closing.trace)

    def attempt() -> Closing | str:
        held = look_at_test_event(client, trace.test_event_id, _event_of(trace), expected, trace.event)
        now = clock()
        if words := _against(held, closing.gone, now) or recovered_elsewhere(held, closing.mark, now):
            return words
        shown = held.get("metadata")
        before = without_recovery(shown if isinstance(shown, dict) else trace.metadata)
        marked = dataclasses.replace(closing, before=before)
        reply = _change(client, trace, {"metadata": {**before, RECOVERING: closing.mark}})
        answered = require_record(reply, "test event", "test_event_id", trace.test_event_id, **expected)
        return _put_back(client, marked, answered) if outcome_of(answered) else marked

    return repeat(attempt, client.connection.retry_timeout, lambda error: error.transient)


def _unmark(client: SumsClient, closing: Closing, held: Record) -> None:
    """Take the mark away where SUMS merges metadata, so that to leave it out is not enough; it does no harm there.

    :param held: what SUMS answered to metadata without the mark.
    """
    if mark_of(held, RECOVERING).get("by") == closing.mark["by"]:
        with contextlib.suppress(errors.RequestError):
            body = {"metadata": {**held["metadata"], RECOVERING: None}}
            client.patch("test_events", closing.trace.test_event_id, body=body, within=2 * client.connection.timeout)


def _change(client: SumsClient, trace: Trace, body: Record) -> Reply:
    """Change a test event once; where SUMS refuses that without its target event, together with that."""
    within, event_id = 2 * client.connection.timeout, _event_of(trace)
    try:
        return client.patch("test_events", trace.test_event_id, body=body, within=within)
    except errors.Rejected:
        if event_id is None:
            raise
        body = {**body, "event_id": event_id or NO_EVENT}
        return client.patch("test_events", trace.test_event_id, body=body, within=within)


def _put_back(client: SumsClient, closing: Closing, answered: Record) -> str:
    """Return in words that a report came between our look and our mark, which took its metadata away.

    :raises WrongState: it was not that of another recovery, so of its metadata only the outcome is known.
    """
    test_event_id, report = closing.trace.test_event_id, closing.final_report
    shown = answered.get("metadata")
    if isinstance(shown, dict) and "outcome" in shown.keys() - closing.before.keys():
        _unmark(client, closing, answered)  # nobody has sent both at once, so SUMS merges them
    if all(answered.get(name) == report.get(name) for name in ("status", "summary")):
        _change(client, closing.trace, {"metadata": report["metadata"]})
        return "another recovery closed it at the same moment"
    outcome = told_outcome(answered)
    _change(client, closing.trace, {"metadata": {**closing.before, "outcome": outcome}})
    raise errors.WrongState(
        f"Another job reported {outcome} for test event {test_event_id} at the same moment, and what the metadata of "
        "its report had beside that was lost; send its report once more, or look at its job",
        method="PATCH",
        path=f"/api/v1/test_events/{test_event_id}",
    )


def _against(held: Record, dead: t.Collection[str], now: float) -> str:
    """Return in words why a test event is not to be closed; empty if nothing speaks against it."""
    if outcome := outcome_of(held):
        return HasOutcome(f"SUMS has its outcome, {outcome}")
    left = {} if is_taken_up(held) else handed_over(held)
    return resumed_elsewhere(held, dead, now) or waits_for_heir(left, now)


def heir_in_sums(client: SumsClient, trace: Trace, dead: t.Collection[str], now: float) -> str:
    """Return in words that another job goes on, or is to go on, with a test whose outcome says nothing yet.

    Empty if none does.

    :raises SumsError: SUMS does not say how it stands.
    """
    try:
        held = look_at_test_event(client, trace.test_event_id, _event_of(trace), _expected(trace), trace.event)
    except errors.NotFound:
        return ""
    if outcome := outcome_of(held):
        return resumed_elsewhere(held, dead, now) if outcome in UNDECIDED else ""
    return _against(held, dead, now)


def _report(
    client: SumsClient, options: Options, trace: Trace, job: str, mark: t.Mapping[str, t.Any]
) -> tuple[dict[str, t.Any], bool]:
    """Return what the job was about to send, or else that it was aborted and how its deployment stands.

    :param mark: with which it was handed over, for whoever goes on with it after all.
    :returns: the report, and whether the deployment goes on no more.
    """
    if trace.unsent:
        return trace.unsent, True
    event = OpenTestEvent(
        connection=dict(options),
        test_event_id=trace.test_event_id,
        host=trace.host,
        job=job,
        metadata={**trace.metadata, **({HANDED_OVER: mark} if mark else {})},
        keep_report_in="",
        event_id=trace.event_id or None,
        deployment_id=trace.deployment_id or None,
    )
    if event.asks_for_deployment:
        look_at_deployment(client, event)
    return event.final_report(), event.deployment_ended or event.lost_record or not event.deployment_id


def _event_of(trace: Trace) -> str | None:
    """Return the target event, empty if the test had come to none; None where it may have one that cannot be read."""
    return None if trace.has_hidden and not trace.event_id else trace.event_id


def _expected(trace: Trace) -> dict[str, str]:
    return {**identity_of(trace.created), **({"vin": trace.vin} if trace.vin else {})}
