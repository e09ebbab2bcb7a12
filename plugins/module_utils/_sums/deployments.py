# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments in SUMS: sending a fixed event to its vehicle, and how far that is."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.checks import require_fields
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.events import expected_of, require_fixed
from ansible_collections.hatci.automation.plugins.module_utils._sums.records import (
    PREDICTED_ID,
    create_record,
    refuse_predicted,
    require,
    without_unset,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record, find_reason, find_state
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import canonical


def deploy_event(client: SumsClient, options: t.Mapping[str, t.Any], check_mode: bool) -> Record:
    """Deploy a fixed event to its vehicle.

    :returns: ``changed``, ``deployment_id``, ``state`` and ``deployment``.
    :raises InputError: the count or a time is malformed.
    :raises AnotherRecord: SUMS answered about another event, or it is not for this vehicle; nothing was posted.
    :raises WrongState: the event is not fixed; nothing was posted.
    :raises OutcomeUnknown: SUMS may have created the deployment.
    """
    require(options, "event_id", "deployment_count")
    event_id = options["event_id"]
    _check_schedule(options)
    body = without_unset(options, "event_id", "deployment_count", "start_datetime", "end_datetime")
    predicted = {"changed": True, "deployment_id": PREDICTED_ID, "state": "PENDING", "deployment": body}
    if check_mode and event_id == PREDICTED_ID:
        return predicted
    refuse_predicted(event_id, "event_id")
    require_fixed(client, event_id, expected_of(options))
    if check_mode:
        return predicted
    deployment_id, deployment = create_record(
        client,
        "deployments",
        body,
        what=f"deployment of event {event_id}",
        id_key="deployment_id",
        check=lambda reply: require_fields(
            reply,
            "deployment",
            event_id=event_id,
            deployment_count=options["deployment_count"],
            vin=options.get("vin"),
        ),
    )
    state = canonical(find_state(deployment))
    return {"changed": True, "deployment_id": deployment_id, "state": state, "deployment": deployment}


def describe(record: Record) -> Record:
    """Return a deployment or event as ``state``, ``reason``, ``timestamps`` and ``status`` (all of it)."""
    timestamps = record.get("timestamps")
    return {
        "state": canonical(find_state(record)),
        "reason": find_reason(record),
        "timestamps": timestamps if isinstance(timestamps, dict) else {},
        "status": record,
    }


def _check_schedule(options: t.Mapping[str, t.Any]) -> None:
    if options["deployment_count"] < 1:
        raise errors.InputError(f"deployment_count is {options['deployment_count']}; give 1 or more.")
    start, end = (parse_time(options.get(name), name) for name in ("start_datetime", "end_datetime"))
    if start and end and end <= start:
        raise errors.InputError(f"end_datetime {end.isoformat()} is not after start_datetime {start.isoformat()}.")


def parse_time(value: str | None, name: str) -> datetime.datetime | None:
    """Return a point in time; UTC where it names no zone.

    :raises InputError: it is not ISO 8601.
    """
    if value is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(value)
    except ValueError:
        raise errors.InputError(
            f"{name} is {value[:60]!r}; give a time in ISO 8601, such as 2024-02-01T08:00:00Z."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
