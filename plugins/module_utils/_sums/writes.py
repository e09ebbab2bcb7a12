# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a new record exactly once, and saying so when that cannot be known."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.answers import Record, find_id
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient

PREDICTED_ID = "check-mode"
"""Stands in check mode for the id that SUMS will give."""


def create_record(client: SumsClient, collection: str, body: Record, *, what: str, id_key: str) -> tuple[str, Record]:
    """POST a new record and return its id and the record.

    :param what: the record in the user's words, for messages.
    :raises OutcomeUnknown: SUMS may or may not have created it; it is not sent again.
    :raises RequestError: it was not created.
    """
    try:
        record = client.post(collection, body=body)
    except errors.RequestError as error:
        if error.maybe_processed:
            raise _unknown(error, what, body) from None
        raise
    record_id = find_id(record, id_key, "id")
    if record_id is None:
        answer = errors.UnreadableAnswer(
            f"POST /api/v1/{collection}: SUMS answered without {id_key} or id.",
            method="POST",
            path=f"/api/v1/{collection}",
        )
        raise _unknown(answer, what, body)
    return record_id, record


def _unknown(error: errors.RequestError, what: str, body: Record) -> errors.OutcomeUnknown:
    key = error.details.get("idempotency_key")
    searched = f" or for Idempotency-Key {key}" if key else ""
    return errors.OutcomeUnknown(
        f"{error.message} It is unknown whether SUMS now has the {what}; it was not sent again. "
        f"Look in SUMS for it{searched} before you run this again, or there may be two.",
        **error.details,
        sent=body,
    )


def refuse_predicted(record_id: str, option: str) -> None:
    """Refuse the id that only a check mode run hands on.

    :raises InputError: a real run was given the predicted id.
    """
    if record_id == PREDICTED_ID:
        raise errors.InputError(f"{option} is the placeholder of a check mode run; give the id of a real record.")


def without_unset(options: t.Mapping[str, t.Any], *names: str) -> Record:
    """Return the named options that have a value."""
    return {name: options[name] for name in names if options.get(name) is not None}
