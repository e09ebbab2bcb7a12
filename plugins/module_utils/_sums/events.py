# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events in SUMS: the source (RROM) and target (UROM) of an update, and fixing (locking) them."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.checks import (
    require_ecus,
    require_fields,
    require_record,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.own_test_event import identity_of_event
from ansible_collections.hatci.automation.plugins.module_utils._sums.records import (
    PREDICTED_ID,
    create_record,
    refuse_predicted,
    require,
    without_unset,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.reply import Reply
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import (
    Record,
    doubt_fixed,
    find_state,
    is_fixed,
)

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
    event_id, event = create_record(
        client, "events", body, what=what, id_key="event_id", check=lambda reply: _check_created(reply, body)
    )
    return {"changed": True, "event_id": event_id, "event": event}


def _check_created(reply: Reply, body: Record) -> None:
    require_fields(reply, "event", **{name: body[name] for name in ("vin", "update_type", "build_level")})
    require_ecus(reply, "event", body["ecus"])


def fix_event(client: SumsClient, options: t.Mapping[str, t.Any], check_mode: bool) -> Record:
    """Fix an event; one that is fixed already stays as it is.

    Fixing twice makes no second record, so a lost reply is settled by looking and, if need be,
    fixing once more.

    :returns: ``changed``, ``fixed`` and ``event``.
    :raises AnotherRecord: SUMS answered about another event, or it is not of this vehicle or update type.
    :raises WrongState: SUMS did not fix it.
    """
    require(options, "event_id")
    event_id = options["event_id"]
    if check_mode and event_id == PREDICTED_ID:
        return {"changed": True, "fixed": True, "event": {"event_id": event_id, "fixed": True}}
    refuse_predicted(event_id, "event_id")
    expected = expected_of(options)
    event = look_at_event(client, event_id, **expected).record
    if is_fixed(event):
        return {"changed": False, "fixed": True, "event": event}
    if not check_mode:
        event = _fix(client, event_id, expected)
    return {"changed": True, "fixed": True, "event": event}


def expected_of(options: t.Mapping[str, t.Any]) -> Record:
    """Return what an event must be that a task means: of a vehicle, of a type, and the one that was ``created``."""
    given = {name: options[name] for name in ("vin", "update_type") if options.get(name) is not None}
    return {**identity_of_event(options.get("created")), **given}


def look_at_event(client: SumsClient, event_id: str, *, within: float | None = None, **expected: t.Any) -> Reply:
    """Return the event, which must be the one asked for.

    :param within: seconds for this one attempt, which is then not repeated.
    :param expected: fields and what they must be if the answer has them.
    :raises AnotherRecord: it is another one.
    """
    reply = client.get("events", event_id, within=within)
    require_record(reply, "event", "event_id", event_id, **expected)
    return reply


def require_fixed(client: SumsClient, event_id: str, expected: Record) -> None:
    """Make sure that an event may be deployed.

    :param expected: fields and what they must be if SUMS shows them.
    :raises AnotherRecord: it is another one.
    :raises WrongState: it is not fixed, or is the source of an update.
    """
    reply = look_at_event(client, event_id, **expected)
    if str(reply.record.get("update_type")).strip().upper() == "RROM":
        raise errors.WrongState(
            f"Event {event_id} is a source event (RROM), and only a target event (UROM) can be deployed; "
            "give the target event's id. Nothing was deployed.",
            method=reply.request.method,
            path=reply.request.path,
        )
    if not is_fixed(reply.record):
        raise errors.WrongState(
            f"Event {event_id} is not fixed ({_state_of(reply.record)}); "
            "fix it with hatci_fix_event before you deploy it. Nothing was deployed.",
            method=reply.request.method,
            path=reply.request.path,
        )


def _state_of(event: Record) -> str:
    """Return why an event does not count as fixed."""
    return doubt_fixed(event) or f"its state is {find_state(event) or 'not given'}"


def _fix(client: SumsClient, event_id: str, expected: Record) -> Record:
    try:
        reply = _post_fix(client, event_id, expected)
    except errors.RequestError as error:
        if not (error.maybe_processed or isinstance(error, errors.WrongState)):
            raise
        reply = _settle(client, event_id, expected, error)
    if not is_fixed(reply.record):
        raise errors.WrongState(
            f"SUMS answered the fix of event {event_id}, but does not say that the event is fixed "
            f"({_state_of(reply.record)}); look at the event in SUMS.",
            method=reply.request.method,
            path=reply.request.path,
        )
    return reply.record


def _post_fix(client: SumsClient, event_id: str, expected: Record) -> Reply:
    reply = client.post("events", event_id, "fix", body={})
    require_record(reply, "event", "event_id", event_id, **expected)
    return reply


def _settle(client: SumsClient, event_id: str, expected: Record, error: errors.RequestError) -> Reply:
    """Find out what became of a fix that failed with an error, and fix once more where that is safe."""
    try:
        reply = look_at_event(client, event_id, **expected)
        if is_fixed(reply.record):
            return reply
        if isinstance(error, errors.WrongState):
            raise error
        return _post_fix(client, event_id, expected)
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
