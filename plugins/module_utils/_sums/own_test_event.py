# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a test event is still the one that a test created: SUMS may lose its records and give their ids again."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.checks import as_text, require_record
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.reply import Reply
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record

NO_EVENT = "pending"
"""Stands in a test event for the event that does not exist yet."""

STAYS = ("vin", "ansible_job_id", "git_sha", "suite_name", "created_at")
"""What of a test event nobody changes."""

STAYS_IN_EVENT = ("vin", "update_type", "build_level", "created_at")

LOOK_SECONDS = 10.0

Created = t.Mapping[str, t.Any]


def identity_of(test_event: t.Any) -> dict[str, str]:
    """Return what tells a test event from another one, of the record that SUMS answered when it was created."""
    record = test_event if isinstance(test_event, dict) else {}
    return {name: text for name in STAYS if (text := as_text(record.get(name)))}


def identity_of_event(event: t.Any) -> dict[str, str]:
    """Return what tells an event from another one, of the record that SUMS answered when it was created."""
    record = event if isinstance(event, t.Mapping) else {}
    return {name: text for name in STAYS_IN_EVENT if (text := as_text(record.get(name)))}


def what_was_created(test_event: t.Any) -> Record:
    """Return as much of a record as is needed to tell it from another one later; empty if it tells nothing."""
    record = test_event if isinstance(test_event, dict) else {}
    known: Record = dict(identity_of(record))
    if known and isinstance(record.get("event_id"), str):
        known["event_id"] = record["event_id"]
    if "created_at" not in known and isinstance(record.get("metadata"), dict):
        known["metadata"] = record["metadata"]
    return known


def refuse_another(
    client: SumsClient,
    test_event_id: str,
    created: Created,
    event_id: str,
    event: Created,
    *,
    is_doubtful: bool,
    may_change: bool = False,
) -> Record:
    """Make sure that a test event is the one that was created, before something is sent to it.

    Where SUMS has no call to read a test event, the event of the test tells whether SUMS has kept its records.

    :param created: the test event as it was created, or what :func:`what_was_created` left of it.
    :param event_id: the event that the test is of; empty if none is known.
    :param event: that event as it was created; empty if that is not known.
    :param is_doubtful: SUMS seems to have lost records, so what cannot be known is refused too.
    :param may_change: a change of nothing, or the link to its event again, may be sent where SUMS has no call to read a
        test event.
    :returns: the test event; empty if SUMS does not show it.
    :raises NotOwn: it is another one; nothing was sent.
    :raises RecordsLost: SUMS has lost the event of the test, or does not show it although there is doubt.
    """
    try:
        try:
            reply = _read(client, test_event_id, event_id, may_change=may_change)
            return _require_own(reply, test_event_id, created, event_id)
        except errors.AnotherRecord:
            raise
        except errors.RequestError:
            if event_id:
                require_event(client, event_id, {"vin": created.get("vin"), **event})
    except errors.AnotherRecord as error:
        message = f"{error.message} Nothing was sent to test event {test_event_id}."
        method, path, details = _request_of(error)
        raise errors.NotOwn(message, method=method, path=path, **details) from None
    except errors.RequestError as error:
        if is_doubtful or isinstance(error, errors.NotFound):
            message = (
                f"{error.message} So SUMS may have lost its records and given the id of test event {test_event_id} to "
                "another test; look there. Nothing was sent to it."
            )
            method, path, details = _request_of(error)
            raise errors.RecordsLost(message, method=method, path=path, **details) from None
    return {}


def _read(client: SumsClient, test_event_id: str, event_id: str, *, may_change: bool) -> Reply:
    try:
        return client.get("test_events", test_event_id, within=LOOK_SECONDS)
    except (errors.NotFound, errors.Rejected):
        if not may_change:
            raise
    try:
        return client.patch("test_events", test_event_id, body={}, within=LOOK_SECONDS)
    except errors.Rejected:
        if not event_id:
            raise
        return client.patch("test_events", test_event_id, body={"event_id": event_id}, within=LOOK_SECONDS)


def _request_of(error: errors.RequestError) -> tuple[str, str, dict[str, t.Any]]:
    """Return method and path of the request that an error is of, and what else is known of it."""
    details = dict(error.details)
    return details.pop("method"), details.pop("path"), details


def require_event(client: SumsClient, event_id: str, event: Created) -> None:
    """Make sure that SUMS still holds an event as it was created, by what is known of it.

    :raises NotFound: SUMS does not know it.
    :raises AnotherRecord: SUMS gave its id to another one.
    """
    reply = client.get("events", event_id, within=LOOK_SECONDS)
    require_record(reply, "event", "event_id", event_id, **identity_of_event(event))


def _require_own(reply: Reply, test_event_id: str, created: Created, event_id: str) -> Record:
    record = require_record(reply, "test event", "test_event_id", test_event_id, **identity_of(created))
    if "created_at" in created and "created_at" in record:
        return record
    if event_id and record.get("event_id") not in (NO_EVENT, created.get("event_id")):
        require_record(reply, "test event", "test_event_id", test_event_id, event_id=event_id)
    before, now = created.get("metadata"), record.get("metadata")
    if isinstance(before, dict) and isinstance(now, dict):
        changed = next((name for name, value in before.items() if now.get(name, value) != value), None)
        if changed:
            raise reply.error(
                errors.AnotherRecord,
                f"SUMS answered about another test event: its metadata has another {changed}.",
            )
    return record
