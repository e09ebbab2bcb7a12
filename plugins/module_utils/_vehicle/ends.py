# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a test with a scenario ended: what SUMS says and what the vehicle says, held against what was expected.

After a failed or interrupted update a vehicle must have either its old or its new software, as UN R156 (7.2.2.1.1)
wants it. A mixture is a failure, whatever SUMS says.
"""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure, sentence
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.compare import (
    Ecu,
    name_of,
    new_codes,
    software_differences,
    tells_software,
    unread_codes,
)

ENDS = ("completed", "refused", "restored", "completed_or_restored")
COMPLETED, REFUSED, RESTORED, COMPLETED_OR_RESTORED = ENDS
SUCCEEDED, FAILED, NEVER_BEGAN, OPEN = ("succeeded", "failed", "never_began", "open")
"""What SUMS says: the deployment succeeded, failed or was cancelled, was refused before it began, or has not ended."""

PASS, FAIL, ERROR, INVALID, TIMEOUT = "PASS", "FAIL", "ERROR", "INVALID", "TIMEOUT"
REFUSALS = frozenset({400, 409, 422})
"""Answers of SUMS that are about what was asked for; others are about the token, the address, the time or the rate."""

Look = t.Mapping[str, t.Any]
Verdict = tuple[str, str]
"""An outcome, and the sentences that give the reason."""


class NotAsExpected(Failure):
    """The test did not end as its scenario expects."""


class End(t.NamedTuple):
    """What is known of the end of a test.

    `before` and `after` are the ECUs of looks at the vehicle, None where none was taken. `source` and `target` are the
    ECUs before and after the update that was offered; a way back goes from the software of the target event to that of
    the source event.
    """

    sums: str
    said: str
    source: t.Sequence[Ecu]
    target: t.Sequence[Ecu]
    before: t.Sequence[Ecu] | None
    after: t.Sequence[Ecu] | None
    is_way_back: bool = False

    @property
    def events(self) -> tuple[str, str]:
        """The events that the update led from and to, in words."""
        return ("target", "source") if self.is_way_back else ("source", "target")


def is_refusal(status: t.Any) -> bool:
    """Whether an HTTP status says that SUMS does not want what was asked for."""
    return isinstance(status, int) and status in REFUSALS


def judge(expect: str, end: End, disturbances: t.Sequence[Look] = ()) -> Verdict:
    """Return what the end of a test makes of it.

    :param expect: one of :data:`ENDS`.
    :param disturbances: each with `name`, `proven` and `problem`.
    """
    unproven = [disturbance for disturbance in disturbances if not disturbance.get("proven")]
    if unproven:
        told = " ".join(f"{item.get('name')}: {str(item.get('problem')).rstrip('.')}." for item in unproven)
        return INVALID, f"The test does not prove what it says, since the update was not disturbed as planned. {told}"
    if end.after is None:
        return _by_sums_alone(expect, end)
    mixture = mixed_software(end.source, end.target, end.after, end.events)
    if mixture:
        return FAIL, f"The vehicle has a mixture of old and new software: {mixture}. {end.said}"
    silent = [ecu["name"] for ecu in end.after if not ecu.get("reachable", True)]
    if silent:
        return FAIL, f"After the update {', '.join(map(str, silent))} did not answer. {end.said}"
    if end.sums == OPEN:
        return TIMEOUT, end.said
    if expect == REFUSED:
        return _refused(end)
    return _completed_or_restored(expect, end)


def mixed_software(
    source: t.Sequence[Ecu],
    target: t.Sequence[Ecu],
    seen: t.Sequence[Ecu],
    events: tuple[str, str] = ("source", "target"),
) -> str:
    """Return in words which ECUs have old and which have new software; empty if only one of both is there.

    :param events: what to call the old software and the new.
    """
    old_of = {name_of(ecu): ecu for ecu in source}
    old, new = [], []
    for ecu in target:
        before = old_of.get(name_of(ecu))
        if before is None or all(before.get(part) == ecu.get(part) for part in ("part_number", "sw_version")):
            continue
        if not software_differences([ecu], seen):
            new.append(name_of(ecu))
        elif not software_differences([before], seen):
            old.append(name_of(ecu))
    from_event, to_event = events
    return f"{', '.join(new)} has the {to_event}'s, {', '.join(old)} the {from_event}'s" if old and new else ""


def _by_sums_alone(expect: str, end: End) -> Verdict:
    if end.sums == OPEN:
        return TIMEOUT, end.said
    if expect == COMPLETED:
        return (PASS if end.sums == SUCCEEDED else FAIL), end.said
    return INVALID, (
        f"Whether the end is {expect} only the vehicle can say, and it was not asked; set ota_vehicle_ecus. {end.said}"
    )


def _refused(end: End) -> Verdict:
    changed = _changes(end)
    if end.sums == SUCCEEDED:
        return FAIL, f"The update should have been refused, but it was carried out. {end.said}"
    if changed:
        is_known = bool(end.after) and all(map(tells_software, end.after or []))
        stands = "has changed" if is_known else "is not known to be unchanged"
        return FAIL, f"The update was refused, but the vehicle {stands}: {'; '.join(changed)}. {end.said}"
    return PASS, f"The update was refused and the vehicle is unchanged. {end.said}"


def _completed_or_restored(expect: str, end: End) -> Verdict:
    lacking_target = software_differences(end.target, end.after or [])
    lacking_source = software_differences(end.source, end.after or [])
    has_succeeded = end.sums == SUCCEEDED
    from_event, to_event = end.events
    if has_succeeded and lacking_target:
        return FAIL, f"SUMS says that the update is complete, but not the vehicle: {'; '.join(lacking_target)}."
    if not has_succeeded and lacking_source:
        return FAIL, f"The vehicle is not back on the {from_event} software: {'; '.join(lacking_source)}. {end.said}"
    ended = COMPLETED if has_succeeded else RESTORED
    if ended not in (expect, *([COMPLETED, RESTORED] if expect == COMPLETED_OR_RESTORED else [])):
        return FAIL, f"The update was expected to be {expect}, but it was {ended}. {end.said}"
    has = f"has the {to_event} software" if has_succeeded else f"is back on the {from_event} software"
    return PASS, f"The vehicle {has}. {end.said}"


def _changes(end: End) -> list[str]:
    """Return how the software of the vehicle differs from what it was; of an ECU that did not tell, from its source."""
    told = [ecu for ecu in end.before or [] if tells_software(ecu)]
    names = {name_of(ecu) for ecu in told}
    return software_differences([*told, *(ecu for ecu in end.source if name_of(ecu) not in names)], end.after or [])


def check_end(options: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Judge the end of a test with a scenario.

    :returns: ``changed`` (never), ``end_outcome`` and ``summary``.
    :raises NotAsExpected: it is not PASS.
    """
    if check_mode:
        return {"changed": False, "end_outcome": PASS, "summary": ""}
    before, after = (_ecus(options[moment]) for moment in ("before", "after"))
    update, refusal = options["update"] or {}, options["refusal"] or {}
    disturbances = options["disturbances"] or []
    _refuse_other_failures(update, refusal, disturbances)
    end = End(
        *(_sums(update, refusal), _said(update, refusal)),
        *(options["source_ecus"], options["target_ecus"]),
        *(before, after),
        options["is_way_back"],
    )
    outcome, summary = judge(options["expect"], end, disturbances)
    if outcome == PASS and after is not None and (other := _other_vehicle(options)):
        outcome, summary = ERROR, other
    if outcome == PASS and end.sums == SUCCEEDED and "codes" in options["checks"] and after is not None:
        outcome, summary = _judge_codes(before or [], after, options["allowed_codes"], summary)
    if outcome != PASS:
        raise NotAsExpected(summary, outcome=outcome, end_outcome=outcome, summary=sentence(summary))
    return {"changed": False, "end_outcome": outcome, "summary": sentence(summary)}


def _refuse_other_failures(update: Look, refusal: Look, disturbances: t.Sequence[Look]) -> None:
    """Let a failure that says nothing about the vehicle be what it is, unless the test proves nothing anyway."""
    if not all(disturbance.get("proven") for disturbance in disturbances):
        return
    for failed, is_end in ((update, update.get("outcome") in ("FAIL", "TIMEOUT")), (refusal, _is_refused(refusal))):
        if failed.get("failed") and not is_end:
            message = str(failed.get("msg") or "SUMS gives no reason.")
            raise NotAsExpected(message, outcome=failed.get("outcome") or ERROR)


def _is_refused(refusal: Look) -> bool:
    return is_refusal(refusal.get("status"))


def _other_vehicle(options: Look) -> str:
    """Return in a sentence that the vehicle after the update is not known to be that of the test; empty if it is."""
    vin, wanted = options["after"].get("vin"), options["vin"]
    if not wanted or (not vin and "identity" not in options["checks"]):
        return ""
    if not vin:
        return f"After the update the vehicle does not tell its VIN, so it is not known whether it is {wanted}."
    if str(vin).upper() == wanted.upper():
        return ""
    return f"After the update the vehicle has the VIN {vin}, but the test is for {wanted}."


def _judge_codes(before: t.Sequence[Ecu], after: t.Sequence[Ecu], allowed: t.Sequence[str], summary: str) -> Verdict:
    unknown = unread_codes(after, before)
    if unknown:
        return FAIL, f"{'; '.join(unknown)}. Leave codes out of ota_vehicle_checks if they cannot be read."
    found = new_codes(before, after, allowed)
    if not found:
        return PASS, summary
    told = ", ".join(f"{code['name']} {code['code']} (status 0x{code['status']:02X})" for code in found)
    return FAIL, (
        f"The update left confirmed trouble codes that were not there before: {told}; "
        "ota_allowed_codes names codes that may come."
    )


def _ecus(look: Look | None) -> list[Ecu] | None:
    """Return the ECUs of a look; None if none was taken."""
    return list(look.get("ecus") or []) if look else None


def _sums(update: Look, refusal: Look) -> str:
    if refusal:
        return NEVER_BEGAN
    by_outcome = {"FAIL": FAILED, "TIMEOUT": OPEN}
    return by_outcome.get(str(update.get("outcome") or ""), SUCCEEDED)


def _said(update: Look, refusal: Look) -> str:
    """Return what SUMS says, in a sentence."""
    told = refusal.get("msg") or update.get("msg")
    if told:
        return sentence(str(told))
    return f"The deployment ended {update.get('state') or 'in an unknown state'}."
