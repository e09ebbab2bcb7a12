# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing what a vehicle says with what it should say, and with what it said before.

ECUs are plain dicts: those of SUMS with `ecu_name`, `part_number` and `sw_version`, those of the vehicle as
:class:`~.account.Account` has them.
"""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._columns import columns, pad
from ansible_collections.hatci.automation.plugins.module_utils._failure import sentence
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.account import shorten

Ecu = t.Mapping[str, t.Any]

COMPARED = {"part_number": "part number", "sw_version": "software"}
MAX_ERROR = 160
MAX_CELL = 40
MAX_CODES_IN_CELL = 4


def software_differences(wanted: t.Iterable[Ecu], seen: t.Iterable[Ecu]) -> list[str]:
    """Return in words how the ECUs of a vehicle differ from what is wanted; an empty list if they do not.

    What is not known differs. ECUs that nothing is wanted of are not looked at.
    """
    of_name: dict[str, list[Ecu]] = {}
    for one in seen:
        of_name.setdefault(name_of(one), []).append(one)
    differences = []
    for ecu in wanted:
        name = name_of(ecu)
        if name not in of_name:
            differences.append(f"{name}: nothing was read of it")
        for found in of_name.get(name, []):
            if not found.get("reachable", True):
                differences.append(f"{name}: it did not answer{_because(found)}")
            else:
                differences += [f"{name}: {difference}" for difference in _ecu_differences(ecu, found)]
    return differences


def new_codes(before: t.Iterable[Ecu], after: t.Iterable[Ecu], allowed: t.Iterable[str] = ()) -> list[dict[str, t.Any]]:
    """Return the confirmed trouble codes that were not confirmed before, each with the `name` of its ECU.

    :param allowed: codes that do not count, such as ``U0123-00``, or ``U0123`` for whatever failure type.
    """
    accepted = {str(code).strip().upper() for code in allowed}
    known = {name: {code["code"] for code in _confirmed(ecu)} for name, ecu in _by_name(before).items()}
    return [
        {"name": name_of(ecu), "code": code["code"], "status": code["status"]}
        for ecu in after
        for code in _confirmed(ecu)
        if code["code"] not in known.get(name_of(ecu), set())
        and not accepted & {code["code"], code["code"].partition("-")[0]}
    ]


def unread_codes(ecus: t.Sequence[Ecu], before: t.Iterable[Ecu] = ()) -> list[str]:
    """Return in words of which ECUs the trouble codes are not known, so that new ones may hide there.

    :param before: ECUs of an earlier look, of which none may be missing now.
    """
    if not ecus:
        return ["No ECU was read, so trouble codes are not known"]
    there = _by_name(ecus)
    missing = [
        f"{name}: nothing was read of it, so its codes are not known" for name in _by_name(before) if name not in there
    ]
    unread = [ecu for ecu in ecus if ecu.get("codes") is None or ecu.get("codes_doubt")]
    return [
        f"{name_of(ecu)}: its trouble codes are not known{_because(ecu, 'codes_doubt')}" for ecu in unread
    ] + missing


def tells_software(ecu: Ecu) -> bool:
    """Whether an ECU of a look says all by which software is compared."""
    return bool(ecu.get("reachable", True)) and all(ecu.get(field) is not None for field in COMPARED)


def before_and_after(before: t.Iterable[Ecu], after: t.Iterable[Ecu]) -> list[str]:
    """Return the lines of a small table of what a vehicle was and is, for the output of a task."""
    olds, news = _by_name(before), _by_name(after)
    rows: list[tuple[str, ...]] = [("ECU", "part number", "software", "trouble codes")]
    for name in dict.fromkeys([*olds, *news]):
        old, new = olds.get(name, {}), news.get(name, {})
        cells = (change(of(old), of(new)) for of in (_part_number, _software, _code_list))
        rows.append((shorten(sentence(name), MAX_CELL), *cells))
    widths = [max(columns(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def change(old: t.Any, new: t.Any) -> str:
    """Return a value, or what it was and is, as one cell of a table."""
    was, now = (shorten(sentence(str(value or "?")), MAX_CELL * 2) for value in (old, new))
    return now if was == now else f"{was} -> {now}"


def _by_name(ecus: t.Iterable[Ecu]) -> dict[str, Ecu]:
    return {name_of(ecu): ecu for ecu in ecus}


def name_of(ecu: Ecu) -> str:
    """Return what an ECU is called, in an event or in a look."""
    return str(ecu.get("name") or ecu.get("ecu_name") or "")


def _because(ecu: Ecu, *sooner: str) -> str:
    error = next((ecu[name] for name in (*sooner, "error") if ecu.get(name)), None)
    return f" ({shorten(sentence(str(error)).rstrip('.'), MAX_ERROR)})" if error else ""


def _ecu_differences(wanted: Ecu, found: Ecu) -> t.Iterator[str]:
    compared = [field for field in COMPARED if wanted.get(field) is not None]
    unknown = [COMPARED[field] for field in compared if found.get(field) is None]
    if unknown:
        yield f"it does not tell its {' and '.join(unknown)}{_because(found)}"
    for field in compared:
        if found.get(field) is not None and str(found[field]) != str(wanted[field]):
            yield f"its {COMPARED[field]} is {found[field]} instead of {wanted[field]}"


def _confirmed(ecu: Ecu) -> list[t.Any]:
    return [code for code in ecu.get("codes") or [] if code["confirmed"]]


def _part_number(ecu: Ecu) -> str:
    return str(ecu.get("part_number") or "?")


def _software(ecu: Ecu) -> str:
    return str(ecu.get("sw_version") or "?")


def _code_list(ecu: Ecu) -> str:
    if ecu.get("codes") is None:
        return "?"
    codes = [f"{code['code']} (0x{code['status']:02X})" for code in ecu["codes"]]
    left = len(codes) - MAX_CODES_IN_CELL
    return ", ".join(codes[:MAX_CODES_IN_CELL] + ([f"and {left} more"] if left > 0 else [])) or "none"
