# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a new record exactly once, and saying so when that cannot be known."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.checks import require_no_error
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.reply import Reply
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record, find_id

PREDICTED_ID = "check-mode"
"""Stands in check mode for the id that SUMS will give."""


def create_record(
    client: SumsClient,
    collection: str,
    body: Record,
    *,
    what: str,
    id_key: str,
    check: t.Callable[[Reply], object],
) -> tuple[str, Record]:
    """POST a new record and return its id and the record.

    :param what: the record in the user's words, for messages.
    :param check: raises AnotherRecord if the answer is about something else.
    :raises OutcomeUnknown: SUMS may or may not have created it.
    :raises RequestError: it was not created.
    """
    try:
        reply = client.post(collection, body=body, id_key=id_key)
        check(reply)
        require_no_error(reply, what)
    except errors.RequestError as error:
        if error.maybe_processed:
            raise _unknown(error, what, body, repeated=client.connection.idempotent_posts) from None
        raise
    return t.cast("str", find_id(reply.record, id_key, "id")), reply.record


def _unknown(error: errors.RequestError, what: str, body: Record, *, repeated: bool) -> errors.OutcomeUnknown:
    key = error.details.get("idempotency_key")
    searched = f" or for Idempotency-Key {key}" if key else ""
    return errors.OutcomeUnknown(
        f"{error.message} It is unknown whether SUMS now has the {what}; "
        f"{'sending it again did not help' if repeated else 'it was not sent again'}. "
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


def require(options: t.Mapping[str, t.Any], *names: str) -> None:
    """Make sure that options have a value; Ansible takes one that is left empty for given.

    :raises InputError: one is empty.
    """
    for name in names:
        if options[name] is None or not str(options[name]).strip():
            raise errors.InputError(f"{name} is empty; give it a value.")


def require_json(options: t.Mapping[str, t.Any], name: str) -> None:
    """Make sure that JSON can carry an option, since YAML has values such as .nan that it cannot.

    :raises InputError: it cannot.
    """
    try:
        json.dumps(options[name], allow_nan=False)
    except ValueError as error:
        raise errors.InputError(f"{name} cannot be written as JSON ({error}); nothing was sent.") from None


def without_unset(options: t.Mapping[str, t.Any], *names: str) -> Record:
    """Return the named options that have a value."""
    return {name: options[name] for name in names if options.get(name) is not None}
