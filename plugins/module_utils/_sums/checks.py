# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holding an answer against its request, and against itself: what is missing is borne, what contradicts is not."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.reply import Reply
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import (
    STATE_KEYS,
    Record,
    find_error,
    find_id,
    find_progress,
    find_state,
    find_states,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import BUSY, FAILURE, Goals, canonical
from ansible_collections.hatci.automation.plugins.module_utils._text import one_line

ANY_CASE = ("vin", "update_type")
"""What is the same in any letter case."""

WHOLE = 99.5
"""Percent of a deployment that has ended, as SUMS may round it."""

ROUNDING_SECONDS = 1.0
"""By so much two answers may differ about the time at which a record was created."""

ADVICE = "SUMS may have lost its records and given their ids again; look there."
ECU_FIELDS = ("ecu_name", "part_number", "sw_version")


def require_record(reply: Reply, what: str, id_key: str, record_id: str, **expected: t.Any) -> Record:
    """Return the record that a reply holds, which must be the one asked for.

    :param what: the kind of record, for messages.
    :param id_key: its id stands under this key, or under ``id``.
    :param expected: further fields and what they must be if the answer has them; None for anything.
    :raises AnotherRecord: it is another one.
    """
    found = find_id(reply.record, id_key, "id")
    if found is not None and found != record_id:
        raise _another(reply, what, id_key, found, record_id)
    return require_fields(reply, what, **expected)


def require_fields(reply: Reply, what: str, **expected: t.Any) -> Record:
    """Return the record that a reply holds, which must not differ from what is expected.

    :raises AnotherRecord: it does.
    """
    record = reply.record
    for name, wanted in expected.items():
        found = as_text(record.get(name))
        if wanted is None or found is None:
            continue
        if not _is_same(name, found, str(wanted)):
            raise _another(reply, what, name, found, str(wanted))
    return record


def require_ecus(reply: Reply, what: str, ecus: t.Sequence[t.Mapping[str, str]]) -> None:
    """Make sure that an event has the ECUs that were sent, if it shows any.

    :raises AnotherRecord: one is missing or differs.
    """
    shown = reply.record.get("ecus")
    if not isinstance(shown, list) or not shown or not all(isinstance(ecu, dict) for ecu in shown):
        return
    held = [{name: as_text(ecu.get(name)) for name in ECU_FIELDS} for ecu in shown]
    for ecu in ecus:
        sent = {name: ecu[name].strip() for name in ECU_FIELDS}
        if not any(all(one[name] in (None, sent[name]) for name in ECU_FIELDS) for one in held):
            raise reply.error(
                errors.AnotherRecord,
                f"SUMS answered about another {what}: it does not hold ECU {sent['ecu_name']} "
                f"with part number {sent['part_number']} and software {sent['sw_version']}, as it was sent. {ADVICE}",
            )


def require_consistent(reply: Reply, goals: Goals) -> None:
    """Make sure that a deployment does not call itself ended and something else as well.

    :raises Contradiction: it does.
    """
    states = find_states(reply.record)
    if not states:
        return
    (key, state), *others = states.items()
    ending = _ending(state, goals)
    if ending not in ("success", "failure"):
        return
    for other_key, other in others:
        if _ending(other, goals) not in (ending, "unknown"):
            raise _contradiction(reply, f"{key} is {state}", f"{other_key} is {other}")
    error = find_error(reply.record)
    if ending == "success" and error:
        raise _contradiction(reply, f"{key} is {state}", f"{error[0]} is {error[1]!r}")
    for name in STATE_KEYS:
        if ending == "success" and not isinstance(reply.record.get(name), (str, type(None))):
            raise _contradiction(reply, f"{key} is {state}", f"{name} is {reply.record[name]!r:.60}")
    progress = find_progress(reply.record)
    if ending == "success" and progress is not None and progress < WHOLE:
        raise _contradiction(reply, f"{key} is {state}", f"progress is {progress:g} %")
    if ending == "success" and (failed := _failed_ecu(reply.record, goals)):
        raise _contradiction(reply, f"{key} is {state}", failed)


def require_no_error(reply: Reply, what: str) -> None:
    """Make sure that an answer which is to be a success does not tell of an error.

    A record that says of what it describes that it has failed may say why.

    :raises Contradiction: it does.
    """
    error = find_error(reply.record)
    has_failed = canonical(find_state(reply.record)) in (*FAILURE, "FAIL")
    if error and not (has_failed and error[0] == "error_message"):
        raise _contradiction(reply, f"it answered with the {what}", f"{error[0]} is {error[1]!r}")


def _failed_ecu(record: Record, goals: Goals) -> str:
    """Return in words that a deployment has an ECU which failed; empty if it shows none."""
    shown = record.get("ecus")
    for ecu in shown if isinstance(shown, list) else []:
        for key, state in find_states(ecu).items() if isinstance(ecu, dict) else ():
            if goals.is_failure(state):
                return f"{key} of its ECU {one_line(str(ecu.get('ecu_name') or '?'), 60)} is {state}"
    return ""


def _ending(state: str, goals: Goals) -> str:
    if goals.is_success(state):
        return "success"
    if goals.is_failure(state):
        return "failure"
    return "none" if canonical(state) in BUSY else "unknown"


def _is_same(name: str, found: str, wanted: str) -> bool:
    if name == "created_at":
        return seconds_apart(found, wanted) <= ROUNDING_SECONDS
    return _comparable(name, found) == _comparable(name, wanted)


def seconds_apart(one: str, other: str) -> float:
    """Return how far two times are apart; 0 where they cannot be compared, such as one with a zone and one without."""
    try:
        times = [datetime.datetime.fromisoformat(text.strip()) for text in (one, other)]
        return abs((times[0] - times[1]).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _comparable(name: str, text: str) -> str:
    return text.strip().casefold() if name in ANY_CASE else text.strip()


def as_text(value: t.Any) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _another(reply: Reply, what: str, name: str, found: str, wanted: str) -> errors.AnotherRecord:
    return reply.error(
        errors.AnotherRecord,
        f"SUMS answered about another {what}: {name} is {one_line(found, 60)!r} instead of "
        f"{one_line(wanted, 60)!r}. {ADVICE}",
    )


def _contradiction(reply: Reply, one: str, other: str) -> errors.Contradiction:
    return reply.error(errors.Contradiction, f"SUMS contradicts itself: {one}, but {other}; look at it in SUMS.")
