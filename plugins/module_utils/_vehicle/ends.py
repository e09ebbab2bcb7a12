# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a test with a scenario ended: what SUMS says and what the vehicle says, held against what was expected.

After a failed or interrupted update a vehicle must have either its old or its new software, as UN R156 (7.2.2.1.1)
wants it. A mixture is a failure, whatever SUMS says.
"""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure, sentence
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.compare import (
    Ecu,
    name_of,
    new_codes,
    software_differences,
    tells_software,
    unread_codes,
)
from ansible_collections.hatci.automation.plugins.module_utils._vin import same_vin

ENDS = ("completed", "refused", "restored", "completed_or_restored")
COMPLETED, REFUSED, RESTORED, COMPLETED_OR_RESTORED = ENDS
SUCCEEDED, FAILED, NEVER_BEGAN, OPEN = ("succeeded", "failed", "never_began", "open")
"""What SUMS says: the deployment succeeded, failed or was cancelled, was refused before it began, or has not ended."""

PASS, FAIL, ERROR, INVALID, TIMEOUT = "PASS", "FAIL", "ERROR", "INVALID", "TIMEOUT"
REFUSALS = frozenset({400, 409, 422})
"""Answers of SUMS that are about what was asked for; others are about the token, the address, the time or the rate."""

IN_THE_WAY = re.compile(
    r"\balready\b|\banother (deployment|update|campaign)\b|\b(is|are|still|currently) (running|active|open)\b"
    r"|\bin progress\b|\bnot fixed\b",
    re.IGNORECASE,
)
"""Words of a refusal that is about something that was there before, not about the update that was offered."""

Look = t.Mapping[str, t.Any]
Verdict = tuple[str, str]
"""An outcome, and the sentences that give the reason."""


class NotAsExpected(Failure):
    """The test did not end as its scenario expects."""


class End(t.NamedTuple):
    """What is known of the end of a test.

    `before` and `after` are the ECUs of looks at the vehicle, None where none was taken. `source` and `target` are the
    ECUs before and after the update that was offered; a way back goes from the software of the target event to that of
    the source event. An update that must not `change` anything may find its software there already.
    """

    sums: str
    said: str
    source: t.Sequence[Ecu]
    target: t.Sequence[Ecu]
    before: t.Sequence[Ecu] | None
    after: t.Sequence[Ecu] | None
    is_way_back: bool = False
    must_change: bool = True

    @property
    def events(self) -> tuple[str, str]:
        """The events that the update led from and to, in words."""
        return ("target", "source") if self.is_way_back else ("source", "target")

    @property
    def old(self) -> list[Ecu]:
        """The software before the update: of ECUs that its first event does not name, what they said themselves."""
        named = {name_of(ecu) for ecu in self.source}
        return [*self.source, *(ecu for ecu in self.before or [] if tells_software(ecu) and name_of(ecu) not in named)]

    @property
    def was_there(self) -> bool:
        """Whether the vehicle had the software of the update before it, although that is another one."""
        is_another = bool(software_differences(self.target, self.source))
        return is_another and bool(self.before) and not software_differences(self.target, self.before or [])


def is_refusal(status: t.Any) -> bool:
    """Whether an HTTP status says that SUMS does not want what was asked for."""
    return isinstance(status, int) and status in REFUSALS


def judge(expect: str, end: End, disturbances: t.Sequence[Look] = (), planned: int = 0) -> Verdict:
    """Return what the end of a test makes of it.

    :param expect: one of :data:`ENDS`.
    :param disturbances: those that were made, each with `name`, `proven` and `problem`.
    :param planned: how many its scenario has.
    """
    told = " ".join(_unproven(disturbances, planned))
    if told and not _stood_still(disturbances):
        return _not_as_planned(told)
    if told and end.sums != OPEN:
        # What happened to the vehicle before the point that never came is the vehicle's own fault.
        return _broken(end) or _not_as_planned(told)
    if told:
        end = end._replace(said=told)
    if end.after is None:
        return _by_sums_alone(expect, end)
    if broken := _broken(end):
        return broken
    if end.sums == OPEN:
        return TIMEOUT, end.said
    if expect == REFUSED:
        return _refused(end)
    return _completed_or_restored(expect, end)


def _not_as_planned(told: str) -> Verdict:
    return INVALID, f"The test does not prove what it says, since the update was not disturbed as planned. {told}"


def _broken(end: End) -> Verdict | None:
    """Return FAIL of a vehicle that no update may leave so, whatever was expected; None if it is not."""
    after = end.after or []
    if mixture := mixed_software(end.old, end.target, after, end.events):
        return FAIL, f"The vehicle has a mixture of old and new software: {mixture}. {end.said}"
    silent = [str(ecu["name"]) for ecu in after if not ecu.get("reachable", True)]
    return (FAIL, f"After the update {', '.join(silent)} did not answer. {end.said}") if silent else None


def _unproven(disturbances: t.Sequence[Look], planned: int) -> list[str]:
    """Return in sentences what was not disturbed as planned."""
    told = [
        f"{item.get('name')}: {str(item.get('problem')).rstrip('.')}."
        for item in disturbances
        if not item.get("proven")
    ]
    if not told and len(disturbances) < planned:
        told = [f"{len(disturbances)} of {planned} disturbances came."]
    return told


def _stood_still(disturbances: t.Sequence[Look]) -> bool:
    """Whether the update did not come to its next point, and all before were proven: that is the update's own fault."""
    *earlier, last = disturbances or [{}]
    return last.get("reached") is False and all(disturbance.get("proven") for disturbance in earlier)


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
    changed = {name_of(ecu) for ecu in (*end.source, *end.target)}
    lacking_source = software_differences([ecu for ecu in end.old if name_of(ecu) in changed], end.after or [])
    has_succeeded = end.sums == SUCCEEDED
    from_event, to_event = end.events
    if has_succeeded and lacking_target:
        return FAIL, f"SUMS says that the update is complete, but not the vehicle: {'; '.join(lacking_target)}."
    if not has_succeeded and lacking_source and end.before and software_differences(end.source, end.before):
        return INVALID, (
            f"The vehicle did not have the {from_event} software before the update, so the test does not prove that it "
            f"is back on it; begin with the {from_event} software. {end.said}"
        )
    if not has_succeeded and lacking_source:
        return FAIL, f"The vehicle is not back on the {from_event} software: {'; '.join(lacking_source)}. {end.said}"
    ended = COMPLETED if has_succeeded else RESTORED
    if ended not in (expect, *([COMPLETED, RESTORED] if expect == COMPLETED_OR_RESTORED else [])):
        return FAIL, f"The update was expected to be {expect}, but it was {ended}. {end.said}"
    if has_succeeded and end.must_change and end.was_there:
        return INVALID, (
            f"The vehicle had the {to_event} software before the update already, so the test does not prove the "
            f"update; begin with the {from_event} software. {end.said}"
        )
    if not has_succeeded and (unknown := changed - {name_of(ecu) for ecu in end.old}):
        return INVALID, (
            f"What software {', '.join(sorted(unknown))} had before the update is not known, so the test does not "
            f"prove that it is back; name it in the {from_event} event. {end.said}"
        )
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
    disturbances, planned = options["disturbances"] or [], options["planned_disturbances"]
    if not _unproven(disturbances, planned=0):
        _refuse_other_failures(update, refusal, options["source_event_id"])
    end = End(
        *(_sums(update, refusal), _said(update, refusal)),
        *(options["source_ecus"], options["target_ecus"]),
        *(before, after),
        *(options["is_way_back"], options["must_change"]),
    )
    outcome, summary = judge(options["expect"], end, disturbances, planned)
    if outcome == PASS and after is not None and (other := _other_vehicle(options)):
        outcome, summary = ERROR, other
    if outcome == PASS and end.sums == SUCCEEDED and "codes" in options["checks"] and after is not None:
        outcome, summary = _judge_codes(before or [], after, options["allowed_codes"], summary)
    if outcome != PASS:
        raise NotAsExpected(summary, outcome=outcome, end_outcome=outcome, summary=sentence(summary))
    return {"changed": False, "end_outcome": outcome, "summary": sentence(summary)}


def _refuse_other_failures(update: Look, refusal: Look, source_event_id: str | None) -> None:
    """Let a failure that says nothing about the vehicle or its update be what it is."""
    is_end = update.get("outcome") in ("FAIL", "TIMEOUT")
    for failed, is_known in ((update, is_end), (refusal, is_refused(refusal, source_event_id))):
        if failed.get("failed") and not is_known:
            message = str(failed.get("msg") or "SUMS gives no reason.")
            raise NotAsExpected(message, outcome=failed.get("outcome") or ERROR)


def is_refused(refusal: Look, source_event_id: str | None) -> bool:
    """Whether a failed request was refused for the update that it offered to the vehicle.

    :param source_event_id: of the event that only describes the vehicle; empty before SUMS had given it, None where
        nothing is known of it.
    """
    if not is_refusal(refusal.get("status")) or IN_THE_WAY.search(str(refusal.get("msg") or "")):
        return False
    parts = [urllib.parse.unquote(part) for part in str(refusal.get("path") or "").split("/") if part]
    if source_event_id is None or "events" not in parts:
        return True
    named = parts[parts.index("events") + 1 :]
    return named[0] != source_event_id if named else source_event_id != ""


def _other_vehicle(options: Look) -> str:
    """Return in a sentence that the vehicle after the update is not known to be that of the test; empty if it is."""
    vin, wanted = options["after"].get("vin"), options["vin"]
    if not wanted or (not vin and "identity" not in options["checks"]):
        return ""
    if not vin:
        return f"After the update the vehicle does not tell its VIN, so it is not known whether it is {wanted}."
    if same_vin(vin, wanted):
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
