# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events in SUMS: the source (RROM) and target (UROM) of an update, and fixing (locking) them."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.records import (
    PREDICTED_ID,
    create_record,
    refuse_predicted,
    require,
    without_unset,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record, find_state, is_fixed

REQUIRED_TEXTS = ("tester_name", "program_name", "model_year", "vin", "update_type", "region", "build_level")


def create_event(client: SumsClient, options: t.Mapping[str, t.Any], check_mode: bool) -> Record:
    """Create an event.

    :returns: ``changed``, ``event_id`` and ``event``.
    :raises InputError: a text is empty, or an ECU incomplete.
    :raises OutcomeUnknown: SUMS may have created it.
    """
    require(options, *REQUIRED_TEXTS)
    _check_ecus(options["ecus"] or [])
    body = without_unset(options, *REQUIRED_TEXTS, "region_spec", "remark", "ecus")
    if check_mode:
        return {"changed": True, "event_id": PREDICTED_ID, "event": body}
    what = f"{body['update_type']} event of VIN {body['vin']}, build level {body['build_level']}"
    event_id, event = create_record(client, "events", body, what=what, id_key="event_id")
    return {"changed": True, "event_id": event_id, "event": event}


def fix_event(client: SumsClient, options: t.Mapping[str, t.Any], check_mode: bool) -> Record:
    """Fix an event; one that is fixed already stays as it is.

    Fixing twice makes no second record, so a lost reply is settled by looking and, if need be,
    fixing once more.

    :returns: ``changed``, ``fixed`` and ``event``.
    :raises WrongState: SUMS did not fix it.
    """
    require(options, "event_id")
    event_id = options["event_id"]
    if check_mode and event_id == PREDICTED_ID:
        return {"changed": True, "fixed": True, "event": {"event_id": event_id, "fixed": True}}
    refuse_predicted(event_id, "event_id")
    event = client.get_record("events", event_id)
    if is_fixed(event):
        return {"changed": False, "fixed": True, "event": event}
    if not check_mode:
        event = _fix(client, event_id)
    return {"changed": True, "fixed": True, "event": event}


def require_fixed(client: SumsClient, event_id: str) -> None:
    """Make sure that an event may be deployed.

    :raises WrongState: it is not fixed.
    """
    event = client.get_record("events", event_id)
    if not is_fixed(event):
        raise errors.WrongState(
            f"Event {event_id} is not fixed (its state is {find_state(event) or 'not given'}); "
            "fix it with hatci_fix_event before you deploy it. Nothing was deployed.",
            method="GET",
            path=f"/api/v1/events/{event_id}",
        )


def _fix(client: SumsClient, event_id: str) -> Record:
    try:
        answer = client.post("events", event_id, "fix", body={})
    except errors.RequestError as error:
        if not (error.maybe_processed or isinstance(error, errors.WrongState)):
            raise
        answer = _settle(client, event_id, error)
    if not is_fixed(answer):
        raise errors.WrongState(
            f"SUMS answered the fix of event {event_id}, but does not say that the event is fixed "
            f"(state {find_state(answer) or 'not given'}); look at the event in SUMS.",
            method="POST",
            path=f"/api/v1/events/{event_id}/fix",
        )
    return answer


def _settle(client: SumsClient, event_id: str, error: errors.RequestError) -> Record:
    """Find out what became of a fix that failed with an error, and fix once more where that is safe."""
    try:
        event = client.get_record("events", event_id)
        if is_fixed(event):
            return event
        if isinstance(error, errors.WrongState):
            raise error
        return client.post("events", event_id, "fix", body={})
    except errors.RequestError as later:
        asked = later.details["method"] == "GET"
        if later is error or isinstance(error, errors.WrongState) or not (asked or later.maybe_processed):
            raise
        raise errors.OutcomeUnknown(
            f"{later.message} It is unknown whether event {event_id} is fixed now; "
            "run this again, which does no harm, or look at the event in SUMS.",
            **later.details,
        ) from None


def _check_ecus(ecus: list[dict[str, str]]) -> None:
    if not ecus:
        raise errors.InputError("ecus is empty; an event needs at least one ECU with part_number and sw_version.")
    for number, ecu in enumerate(ecus, start=1):
        for name in ("ecu_name", "part_number", "sw_version"):
            if not (ecu.get(name) or "").strip():
                called = ecu.get("ecu_name") or f"number {number}"
                raise errors.InputError(f"ECU {called} in ecus has no {name}; give each ECU name, part and version.")
