# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test makes of what the vehicle says of itself, before and after its update."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.compare import (
    Ecu,
    before_and_after,
    change,
    new_codes,
    software_differences,
    unread_codes,
)
from ansible_collections.hatci.automation.plugins.module_utils._vin import same_vin

IDENTITY, SOURCE, TARGET, CODES = CHECKS = ("identity", "source", "target", "codes")
BEFORE, AFTER = MOMENTS = ("before", "after")

MAX_ECUS_KEPT = 50
MAX_CODES_KEPT = 20
"""Of a snapshot so much is kept with the test event; all of it is judged."""

DOUBT = "codes_doubt"

Snapshot = t.Mapping[str, t.Any]


class WrongVehicle(Failure):
    """The vehicle is not the one that the test is for, or does not tell which one it is."""


class NotOnSource(Failure):
    """The vehicle has not the software that the update is for, so the test would not prove the update."""

    outcome = "INVALID"


class NotAsExpected(Failure):
    """The vehicle is not what the update should have made of it."""

    outcome = "FAIL"


class Unknown(Failure):
    """The vehicle does not tell what must be known before the test."""


def check_vehicle(
    options: t.Mapping[str, t.Any], check_mode: bool, show: t.Callable[[list[str]], None] = lambda lines: None
) -> dict[str, t.Any]:
    """Hold what a vehicle says against what it should say.

    :param show: shows lines to whoever watches: the VIN and a table, and of a failure its sentence.
    :returns: ``changed`` (never), ``record``: what later looks are compared with, ``table``, and ``differences`` of
        the software.
    :raises WrongVehicle: it is another vehicle than the test's.
    :raises NotOnSource: before the update it has other software.
    :raises NotAsExpected: after the update it has other software, or new trouble codes.
    :raises Unknown: it does not tell what must be known, or there is nothing to compare with.
    """
    if check_mode:
        return {"changed": False, "record": {}, "table": [], "differences": []}
    seen, before = options["seen"], (options["before"] or {}).get("ecus") or []
    ecus = seen.get("ecus") or []
    is_after = options["moment"] == AFTER
    table = before_and_after(before, ecus) if is_after and before else before_and_after(ecus, ecus)
    old_vin = (options["before"] or {}).get("vin") if is_after and before else seen.get("vin")
    show([f"VIN {change(old_vin, seen.get('vin'))}", *table])
    differences = software_differences(options["ecus"], ecus)
    details = {"record": record_of(seen), "table": table, "differences": differences}
    try:
        _judge(options, seen, before, details)
    except Failure as failure:
        show([f"{failure.outcome}: {failure.message}"])
        raise
    return {"changed": False, **details}


def in_metadata(looks: Snapshot, last: Snapshot, *, failed: bool) -> dict[str, t.Any]:
    """Return what the test event keeps of the vehicle: each look, and how the last one differs from what was expected.

    :param looks: the records of the looks that went well, by moment.
    :param last: what :func:`check_vehicle` made of the last look; empty if there was none.
    :param failed: whether that look failed, so that its record is not among `looks`.
    """
    if not last.get("table"):
        return {}
    differs = {name: last.get(name) or [] for name in ("differences", "new_codes")}
    shown = {**looks, **({"last": last["record"]} if failed else {})}
    return {"vehicle": {**{name: _bounded(look) for name, look in shown.items()}, "table": last["table"], **differs}}


def from_metadata(metadata: t.Any) -> dict[str, t.Any]:
    """Return what the vehicle said before its update, by the metadata of its test event; empty if that was cut."""
    looks = metadata.get("vehicle") if isinstance(metadata, dict) else None
    before = looks.get("before") if isinstance(looks, dict) else None
    if not isinstance(before, dict) or not isinstance(before.get("ecus"), list):
        return {}
    ecus = before["ecus"]
    return dict(before) if 0 < len(ecus) < MAX_ECUS_KEPT and all(map(_is_whole, ecus)) else {}


def confirmed_only(look: Snapshot) -> dict[str, t.Any]:
    """Return a look with as much of its trouble codes as a later one is compared with."""
    ecus = [
        {**ecu, "codes": ecu.get("codes") and [code for code in ecu["codes"] if code.get("confirmed")]}
        for ecu in look.get("ecus") or []
    ]
    return {**look, "ecus": ecus}


def record_of(seen: Snapshot) -> dict[str, t.Any]:
    """Return what a look at the vehicle tells of it, without the rest of the task's result."""
    names = ("name", "reachable", "part_number", "sw_version", "serial", "codes", "error")
    ecus = [
        {**{name: ecu.get(name) for name in names}, **({DOUBT: ecu[DOUBT]} if ecu.get(DOUBT) else {})}
        for ecu in seen.get("ecus") or []
    ]
    return {**{name: seen.get(name) for name in ("vin", "voltage", "taken_at")}, "ecus": ecus}


def _bounded(look: Snapshot) -> dict[str, t.Any]:
    if "ecus" not in look:
        return dict(look)
    ecus = [{**ecu, "codes": ecu.get("codes") and ecu["codes"][:MAX_CODES_KEPT]} for ecu in look["ecus"]]
    return {**look, "ecus": ecus[:MAX_ECUS_KEPT]}


def _is_whole(ecu: t.Any) -> bool:
    codes = ecu.get("codes") if isinstance(ecu, dict) else None
    return isinstance(ecu, dict) and (codes is None or (isinstance(codes, list) and len(codes) < MAX_CODES_KEPT))


def _judge(options: t.Mapping[str, t.Any], seen: Snapshot, before: t.Sequence[Ecu], details: dict[str, t.Any]) -> None:
    checks, ecus = options["checks"], seen.get("ecus") or []
    is_after = options["moment"] == AFTER
    if IDENTITY in checks:
        _check_identity(options, seen, details)
    wanted = TARGET if is_after else SOURCE
    if wanted in checks and not options["ecus"]:
        raise Unknown(f"ecus is empty, so there is no {wanted} software to compare with; give its ECUs.", **details)
    if wanted in checks and details["differences"]:
        raise _wrong_software(wanted, options["ecus"], ecus, details)
    if CODES in checks:
        _check_codes(is_after, before, ecus, options["allowed_codes"], details)


def _check_identity(options: t.Mapping[str, t.Any], seen: Snapshot, details: dict[str, t.Any]) -> None:
    vin, exporter = seen.get("vin"), options["exporter"]
    at = f" at exporter {exporter}" if exporter else ""
    if not vin:
        raise WrongVehicle(
            f"The vehicle{at} does not tell its VIN, so it is not known whether it is {options['vin']}; "
            "check ota_vehicle_ecus, or leave identity out of ota_vehicle_checks.",
            **details,
        )
    if not same_vin(vin, options["vin"]):
        raise WrongVehicle(
            f"The vehicle{at} has the VIN {vin}, but the test is for {options['vin']}; "
            "check which vehicle is connected there.",
            **details,
        )


def _wrong_software(check: str, wanted: t.Sequence[Ecu], ecus: t.Sequence[Ecu], details: dict[str, t.Any]) -> Failure:
    told = "; ".join(details["differences"])
    if check == SOURCE:
        return NotOnSource(
            f"The vehicle does not have the source software, so this test would not prove the update: {told}.",
            **details,
        )
    lacking = '", "'.join(_line(ecu) for ecu in wanted if software_differences([ecu], ecus))
    reported = "; ".join(_line(ecu) for ecu in ecus if ecu.get("sw_version")) or "nothing"
    return NotAsExpected(
        f'The vehicle does not report "{lacking}", though SUMS says the update is complete. It reports: {reported}. '
        f"{told}.",
        **details,
    )


def _line(ecu: Ecu) -> str:
    """Return an ECU as vehicles write it on their console."""
    return f"ECU {ecu.get('ecu_name') or ecu.get('name')} part={ecu.get('part_number')} sw={ecu.get('sw_version')}"


def _check_codes(
    is_after: bool,
    before: t.Sequence[Ecu],
    ecus: t.Sequence[Ecu],
    allowed: t.Sequence[str],
    details: dict[str, t.Any],
) -> None:
    unknown = unread_codes(ecus, before if is_after else ())
    if unknown:
        kind = NotAsExpected if is_after else Unknown
        raise kind(f"{'; '.join(unknown)}. Leave codes out of ota_vehicle_checks if they cannot be read.", **details)
    found = new_codes(before, ecus, allowed) if is_after else []
    if found:
        told = ", ".join(f"{code['name']} {code['code']} (status 0x{code['status']:02X})" for code in found)
        raise NotAsExpected(
            f"The update left confirmed trouble codes that were not there before: {told}; "
            "ota_allowed_codes names codes that may come.",
            **details,
            new_codes=found,
        )
