# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test events in SUMS: the record of one run of a test, and its outcome."""

from __future__ import annotations

import functools
import time
import types
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._job import job_id_of_environment
from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.checks import (
    require_fields,
    require_no_error,
    require_record,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.marks import (
    RESUMED,
    is_later,
    is_recovering,
    is_taken_from,
    mark_of,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.open_test_events import OpenTestEvent
from ansible_collections.hatci.automation.plugins.module_utils._sums.own_test_event import (
    NO_EVENT,
    identity_of,
    refuse_another,
    require_event,
    what_was_created,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.records import (
    PREDICTED_ID,
    create_record,
    refuse_predicted,
    require,
    require_json,
    without_unset,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.reports import (
    FIELDS,
    forget_report,
    keep_report,
    read_created,
    read_report,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record, find_error, hide
from ansible_collections.hatci.automation.plugins.module_utils._sums.retry import repeat
from ansible_collections.hatci.automation.plugins.module_utils._text import one_line
from ansible_collections.hatci.automation.plugins.module_utils._watchers.environment import absolute_path
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import rest

Result = t.TypeVar("Result")

NOTHING: t.Mapping[str, t.Any] = types.MappingProxyType({})
NO_JOB = "manual"
NO_SHA = "unknown"
RECOVERY_SECONDS = 60.0
"""For so long a report waits for a recovery that has taken its job for dead, and is about to close the test event."""

UNDECIDED = frozenset({"ABORTED", "TIMEOUT", "ERROR"})
"""Outcomes that say nothing about the vehicle, so a test that goes on may replace them."""


def create_test_event(client: SumsClient, options: t.Mapping[str, t.Any], check_mode: bool) -> Record:
    """Record that a test run has begun.

    :returns: ``changed``, ``test_event_id`` and ``test_event``.
    :raises OutcomeUnknown: SUMS may have created it.
    """
    require(options, "vin", "event_id", "suite_name")
    require_json(options, "metadata")
    job = options["ansible_job_id"]
    body = {
        **without_unset(options, "vin", "event_id", "suite_name", "vehicle_id", "metadata"),
        "ansible_job_id": job if job not in (None, "", NO_JOB) else job_id_of_environment() or NO_JOB,
        "git_sha": (options["git_sha"] or "").strip() or NO_SHA,
    }
    if check_mode:
        return {"changed": True, "test_event_id": PREDICTED_ID, "test_event": body}
    what = f"test event of VIN {body['vin']}, job {body['ansible_job_id']}"
    test_event_id, test_event = create_record(
        client,
        "test_events",
        body,
        what=what,
        id_key="test_event_id",
        check=lambda reply: require_fields(reply, "test event", vin=body["vin"], ansible_job_id=body["ansible_job_id"]),
    )
    return {"changed": True, "test_event_id": test_event_id, "test_event": test_event}


def update_test_event(
    client: SumsClient, options: t.Mapping[str, t.Any], check_mode: bool, known: t.Mapping[str, t.Any] = NOTHING
) -> Record:
    """Change a test event: its outcome, evidence, event or metadata.

    Of a test that was resumed the other job may have reported meanwhile; nothing is sent if its outcome stands.

    :param known: of a test event that this play created, how it was ``created``, the ``event_id`` of its test, that
        ``event``, and the outcome that the play ``reported`` last.
    :returns: ``changed`` and ``test_event``.
    :raises NotOwn: it is not the one that was created, or another job has reported its outcome; nothing was sent.
    :raises AnotherRecord: SUMS answered about another test event, or it is of another vehicle or job.
    :raises WrongState: SUMS holds another status than the one sent.
    """
    require_json(options, "metadata")
    if options["kept_report"]:
        test_event_id, body = read_report(options["kept_report"], options["hatci_base_url"])
        created = read_created(options["kept_report"])
    else:
        require(options, "test_event_id")
        test_event_id, body = options["test_event_id"], without_unset(options, *FIELDS)
        created = what_was_created(options.get("created"))
    is_told_by_play = not created and not options["kept_report"]
    if is_told_by_play:
        created = known.get("created") or {}
    if not body:
        raise errors.InputError(f"there is nothing to change; give at least one of {', '.join(FIELDS)}.")
    if check_mode:
        return {"changed": True, "test_event": {"test_event_id": test_event_id, **body}}
    refuse_predicted(test_event_id, "test_event_id")
    expected = {name: options[name] for name in ("vin", "ansible_job_id") if options[name] not in (None, "", NO_JOB)}
    held: Record = {}
    try:
        if created:
            event_id = body.get("event_id") or ""
            look = functools.partial(
                refuse_another,
                client,
                test_event_id,
                created,
                event_id,
                options.get("created_event") or _event_of(known, event_id),
                is_doubtful=bool(options.get("may_be_another")),
                may_change=is_told_by_play and "status" in body,
            )
            held = _once_recovery_has_done(look) if "status" in body else look()
        stands = _against(body, held) if "status" in body else ""
        if stands:
            test_event = held
        else:
            if known:
                _refuse_to_overwrite(held, body, test_event_id, known.get("reported"))
            event_id = body.get("event_id") or ""
            may_be_late = options["kept_report"] or (event_id and outcome_of(body) in UNDECIDED)
            is_late = bool(created and may_be_late) and not held
            stands, test_event = _send_own_report(client, test_event_id, event_id, body, expected, is_late=is_late)
    except errors.NotOwn as error:
        # Not kept: it would be refused again, or change the other record after all.
        error.details["another_record"] = True
        raise
    except errors.AnotherRecord as error:
        # Not kept: sending it later would change the other record once more.
        error.message += f" What was sent for {test_event_id} ({_in_short(body)}) may have changed that test event."
        error.details["another_record"] = True
        raise
    except errors.RequestError as error:
        if options["keep_report_in"]:
            _keep(error, options, test_event_id, _without_token(body, client.connection.token), created)
        raise
    if options["keep_report_in"]:
        forget_report(options["keep_report_in"], options["hatci_base_url"], test_event_id)
    if stands:
        client.warnings.append(f"{stands} Nothing was sent to it.")
    return {"changed": not stands, "test_event": test_event}


def _event_of(known: t.Mapping[str, t.Any], event_id: str) -> Record:
    """Return the event of a test as it was created; empty if that is not known."""
    return (known.get("event") or {}) if event_id == known.get("event_id") else {}


def look_at_test_event(
    client: SumsClient,
    test_event_id: str,
    event_id: str | None,
    expected: t.Mapping[str, str],
    event: t.Mapping[str, t.Any] | None = None,
    on_link: t.Callable[[str], None] = lambda words: None,
) -> Record:
    """Return a test event as SUMS holds it.

    Where SUMS has no call to read one, a change of nothing is sent; where SUMS refuses that, the event that was tested,
    if that is still the one that was created: a SUMS that lost its records gives ids again.

    :param event_id: the event that was tested, empty if the test had come to none, None if it cannot be known.
    :param event: that event as it was created, as far as that is known.
    :param on_link: is told in words if the event was sent, for whoever sees that this is not the test looked for.
    :raises NotFound: SUMS has no such test event, or has lost the event.
    :raises AnotherRecord: SUMS answered about another test event, or has given the id of the event to another one.
    :raises Rejected: SUMS shows it to nobody who does not know its event.
    """
    refuse_predicted(test_event_id, "test_event_id")
    try:
        reply = client.get("test_events", test_event_id)
    except (errors.NotFound, errors.Rejected):
        try:
            reply = client.patch("test_events", test_event_id, body={})
        except errors.Rejected:
            if event_id is None:
                raise
            on_link(_linked(test_event_id, event_id or NO_EVENT))
            return _look_by_link(client, test_event_id, event_id, expected, event or {})
    return require_record(reply, "test event", "test_event_id", test_event_id, **expected)


def _look_by_link(
    client: SumsClient,
    test_event_id: str,
    event_id: str,
    expected: t.Mapping[str, str],
    event: t.Mapping[str, t.Any],
) -> Record:
    if event_id:
        require_event(client, event_id, {"vin": expected.get("vin"), **event})
    link = event_id or NO_EVENT
    reply = client.patch("test_events", test_event_id, body={"event_id": link})
    try:
        return require_record(reply, "test event", "test_event_id", test_event_id, **expected)
    except errors.AnotherRecord as error:
        error.message += f" {_linked(test_event_id, link)}"
        raise


def _linked(test_event_id: str, event_id: str) -> str:
    return (
        f"Where SUMS shows a test event only to whoever names its event, as here, {event_id} was sent as that of "
        f"{test_event_id}; set it right in SUMS if it is another one."
    )


def outcome_of(test_event: t.Mapping[str, t.Any]) -> str:
    """Return the outcome of a test event: that in its metadata, else its status; empty if it has none."""
    status = str(test_event.get("status") or "").upper()
    if status not in ("PASS", "FAIL"):
        return ""
    metadata = test_event.get("metadata")
    told = metadata.get("outcome") if isinstance(metadata, dict) else None
    return str(told) if isinstance(told, str) and told else status


def told_outcome(test_event: t.Mapping[str, t.Any]) -> str:
    """Return the outcome of a test event whose metadata was lost: with which its summary begins, else its status."""
    first, colon, _rest = str(test_event.get("summary") or "").partition(":")
    return first if colon and first.isalpha() and first.isupper() else str(test_event["status"])


def send_report(client: SumsClient, test_event_id: str, body: Record, expected: t.Mapping[str, str]) -> Record:
    """Send what is known of a test event and return the test event, once SUMS shows that it holds the status.

    Setting the same values twice makes the same record, so unlike a POST it is sent again after a
    lost reply or a fault of SUMS, for as long as ``retry_timeout`` allows.

    :param expected: fields of the test event and what they must be if the answer has them.
    :raises AnotherRecord: SUMS answered about another test event.
    :raises WrongState: SUMS holds something else than what was sent.
    :raises RequestError: SUMS gave no usable answer.
    """
    return _repeat_report(client, lambda: _patch(client, test_event_id, body, expected))


def send_report_unless(
    client: SumsClient,
    test_event_id: str,
    event_id: str | None,
    body: Record,
    expected: t.Mapping[str, str],
    against: t.Callable[[Record], str],
    *,
    waits: bool = False,
) -> tuple[str, Record]:
    """Send what is known of a test event, unless something speaks against it, which is seen before each attempt.

    :param event_id: the event that was tested, as for :func:`look_at_test_event`.
    :param against: says in words what speaks against it, of the test event as SUMS holds it; empty if nothing does.
    :param waits: until no recovery is about to close the test event.
    :returns: those words, and the test event.
    :raises NotFound: SUMS has no such test event.
    :raises AnotherRecord: SUMS answered about another test event.
    :raises WrongState: SUMS holds something else than what was sent.
    :raises RequestError: SUMS gave no usable answer.
    """
    is_sent = False
    look = functools.partial(look_at_test_event, client, test_event_id, event_id, expected)

    def attempt() -> tuple[str, Record]:
        nonlocal is_sent
        held = _once_recovery_has_done(look) if waits else look()
        if is_sent and outcome_of(held) == outcome_of(body):
            return "", held
        if words := against(held):
            return words, held
        is_sent = True
        return "", _patch(client, test_event_id, body, expected, within=2 * client.connection.timeout)

    return _repeat_report(client, attempt)


def standing_outcome(test_event: Record) -> str:
    """Return in words that the outcome of a test event says something of the vehicle; empty if it does not."""
    outcome = outcome_of(test_event)
    is_open = outcome in ("", *UNDECIDED)
    return "" if is_open else f"Test event {test_event.get('test_event_id')} has its outcome, {outcome}, which stands."


def send_left_report(client: SumsClient, event: OpenTestEvent, *, is_late: bool = False) -> tuple[str, Record]:
    """Send what is known of a test that nobody follows any more, if its test event is still the one that it created.

    A test that has a deployment may have been gone on with, also while its play lived.

    :param is_late: SUMS was away before.
    :returns: in words why nothing was sent, since another job decides about the test, else empty; and the report.
    :raises NotOwn: it is another one; nothing was sent.
    :raises RequestError: SUMS does not say how it stands, or does not take the report.
    """
    report = event.final_report()
    event_id = report.get("event_id") or event.event_id or ""
    held: Record = {}
    if event.created:
        created = event.created
        held = _once_recovery_has_done(
            lambda: refuse_another(
                client,
                event.test_event_id,
                created,
                event_id,
                event.event if event_id == event.event_id else {},
                is_doubtful=event.lost_record,
            )
        )
    if held and (stands := _against(report, held)):
        return stands, report
    if event.created:
        _refuse_to_overwrite(held, report, event.test_event_id, event.reported)
    is_late = not held and (is_late or bool(event.deployment_id))
    expected = identity_of(event.created)
    stands, _held = _send_own_report(client, event.test_event_id, event_id, report, expected, is_late=is_late)
    return stands, report


def _once_recovery_has_done(look: t.Callable[[], Record]) -> Record:
    """Return a test event once no recovery is about to close it, so that this report is the last."""
    until = time.monotonic() + RECOVERY_SECONDS
    while True:
        held = look()
        is_closed_soon = is_recovering(held, time.time()) and not outcome_of(held)
        if not is_closed_soon or time.monotonic() >= until:
            return held
        rest(1.0)


def _refuse_to_overwrite(held: Record, body: Record, test_event_id: str, reported: str | None) -> None:
    """Refuse a report where another job has reported an outcome that says something of the vehicle.

    :param reported: the outcome that the play itself reported last, which it may correct.
    """
    if "status" not in body or _is_resumed(body) or outcome_of(held) in (outcome_of(body), reported):
        return
    if words := standing_outcome({"test_event_id": test_event_id, **held}):
        raise errors.NotOwn(
            f"{words} Another job reported it while this play went on, so {outcome_of(body)} was not sent; look at "
            "the test event in SUMS.",
            method="PATCH",
            path=f"/api/v1/test_events/{test_event_id}",
        )


def _is_resumed(body: Record) -> bool:
    return bool((body.get("metadata") or {}).get(RESUMED))


def _send_own_report(
    client: SumsClient,
    test_event_id: str,
    event_id: str,
    body: Record,
    expected: t.Mapping[str, str],
    *,
    is_late: bool,
) -> tuple[str, Record]:
    """Send a report, or return in words that another job decides about the test.

    :param is_late: another job may have gone on with the test meanwhile, so SUMS is asked.
    """
    is_resumed = bool(mark_of(body, RESUMED))
    if "status" not in body or not (is_resumed or is_late):
        return "", send_report(client, test_event_id, body, expected)
    try:
        return send_report_unless(
            client, test_event_id, event_id, body, expected, lambda held: _against(body, held), waits=True
        )
    except errors.Rejected:
        if is_resumed:
            raise
        return "", send_report(client, test_event_id, body, expected)  # SUMS shows it to nobody


def _against(report: Record, held: Record) -> str:
    """Return in words why a report must not take the place of what SUMS holds; empty if nothing speaks against it.

    A test that was taken up is decided by whoever first says something of the vehicle.
    """
    is_taken = is_taken_from(report, held)
    if (is_taken or mark_of(report, RESUMED)) and (stands := standing_outcome(held)):
        return stands
    mark = mark_of(held, RESUMED)
    if is_taken and outcome_of(report) in UNDECIDED and is_later(mark.get("until"), time.time()):
        return f"Job {str(mark.get('job'))[:40]} goes on with test event {held.get('test_event_id')}."
    return ""


def _repeat_report(client: SumsClient, attempt: t.Callable[[], Result]) -> Result:
    is_unknown = False

    def watched() -> Result:
        nonlocal is_unknown
        try:
            return attempt()
        except errors.RequestError as error:
            is_unknown |= error.maybe_processed and not isinstance(error, errors.AnotherRecord)
            raise

    try:
        return repeat(watched, client.connection.retry_timeout, lambda error: error.transient)
    except errors.RequestError as error:
        if is_unknown:
            error.message += " It is unknown whether SUMS holds the change now; sending it again does no harm."
        raise


def _patch(
    client: SumsClient,
    test_event_id: str,
    body: Record,
    expected: t.Mapping[str, str],
    within: float | None = None,
) -> Record:
    body = _without_token(body, client.connection.token)
    limit = {} if within is None else {"within": within}
    reply = client.patch("test_events", test_event_id, body=body, **limit)
    test_event = require_record(reply, "test event", "test_event_id", test_event_id, **expected)
    if "status" in body and test_event.get("status") is None:
        said = find_error(test_event)
        raise reply.error(
            errors.UnreadableAnswer,
            f"SUMS answered without the status of the test event{f' ({said[0]}: {said[1]})' if said else ''}, "
            f"so it does not show that it holds {body['status']}.",
        )
    require_no_error(reply, "test event")
    for name in ("status", "event_id"):
        held = test_event.get(name)
        if name in body and held not in (None, body[name]):
            raise reply.error(
                errors.WrongState,
                f"{name} {body[name]} was sent for test event {test_event_id}, but SUMS answers that it holds "
                f"{held!r:.60}; look at the test event in SUMS.",
            )
    return test_event


def _without_token(body: Record, token: str) -> Record:
    """Return a report whose summary and metadata, which may quote anything, do not hold the token."""
    return {**body, **{name: hide(body[name], [token]) for name in ("summary", "metadata") if name in body}}


def _in_short(body: Record) -> str:
    return one_line(", ".join(str(body[name]) for name in ("status", "summary") if name in body) or "no status")


def _keep(
    error: errors.RequestError, options: t.Mapping[str, t.Any], test_event_id: str, body: Record, created: Record
) -> None:
    directory, said = absolute_path(options["keep_report_in"]), list[str]()
    try:
        path = keep_report(directory, options["hatci_base_url"], test_event_id, body, created, say=said.append)
    except OSError as reason:
        error.message += f" The report could not be kept in {directory} either: {reason.strerror}."
    else:
        error.details["kept_report"] = str(path)
        error.message = " ".join([error.message, *said])
        error.message += (
            f" The report is kept in {path}: send it later by running the role hatci_report_results "
            f"with hatci_report_results_record={path}."
        )
