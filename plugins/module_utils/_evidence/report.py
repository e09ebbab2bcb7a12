# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of one test: verdict, timeline, vehicle before and after, checks, console, ids and links."""

from __future__ import annotations

import html
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.page import day, duration, pretty, render
from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import Record
from ansible_collections.hatci.automation.plugins.module_utils._evidence.report_template import TEMPLATE
from ansible_collections.hatci.automation.plugins.module_utils._evidence.timeline import LABEL, make_timeline

MAX_CONSOLE_LINES = 400
MAX_DETAIL, MAX_DETAILS = 2000, 30_000
"""Characters of what a step sent and got, and of all of that on a page."""

LEFT_AS_IT_WAS, EITHER = ("refused", "restored"), "completed_or_restored"
"""What a scenario may expect: the software that the vehicle had, or that or the new one."""

NAMES = {
    "test_event_id": "Test event",
    "source_event_id": "Source event",
    "target_event_id": "Target event",
    "deployment_id": "Deployment",
    "lease_name": "Lease",
}


def make_report(record: Record, is_signed: bool) -> str:
    """Return the page of a record.

    :param is_signed: an attestation will lie beside it.
    """
    title = f"{record['outcome']} {record['vehicle']['host'] or record['vehicle']['vin']}"
    return render(
        TEMPLATE,
        title=title,
        r=record,
        about=_about(record),
        timeline=make_timeline(record),
        label=LABEL,
        ecus=_ecus(record["software"], record["test"]["expect"]),
        details=_details(record["steps"]),
        console=_console(record["console"]),
        files=_files(record),
        ids=[(name, record["ids"][key]) for key, name in NAMES.items()],
        links=_links(record),
        is_signed=is_signed,
    )


def _about(record: Record) -> list[tuple[str, str]]:
    vehicle, software, lease = record["vehicle"], record["software"], record["lease"]
    deployment = record["deployment"]
    levels = [software[name]["build_level"] for name in ("source", "target")]
    return [
        ("VIN", vehicle["vin"]),
        ("Vehicle", " ".join(vehicle[name] for name in ("program_name", "model_year", "region") if vehicle[name])),
        ("Update", " → ".join(level for level in levels if level)),
        ("Deployment in SUMS", " ".join(deployment[name] for name in ("state", "reason")) if deployment else ""),
        ("Exporter", vehicle["exporter"]),
        ("Device held", _held(lease) if lease else ""),
        ("Tester", record["test"]["tester"]),
        ("Suite", record["test"]["suite"]),
        ("Began", day(record["began"])),
        ("Took", duration(record["seconds"])),
        ("Job", record["job"]["id"]),
        ("Git revision", record["job"]["revision"]),
    ]


def _held(lease: Record) -> str:
    lost = "" if lease.get("was_held", True) else "; the lease had ended before that"
    return f"{duration(lease['seconds'])}{lost}"


def _ecus(software: Record, expect: str) -> list[Record]:
    """Return each ECU of the vehicle or the update with lines: name, before, after, wanted, and what differs.

    An update that is to be refused or undone wants the vehicle to have what it had.
    """
    before, after = (_by_name((software[name] or {}).get("ecus")) for name in ("before", "after"))
    source, target = (_by_name(software[name]["ecus"]) for name in ("source", "target"))
    had = {name: {**source.get(name, {}), **_told(before.get(name, {}))} for name in dict.fromkeys([*source, *target])}
    wanted = had if expect in LEFT_AS_IT_WAS else target
    ecus = []
    for name in dict.fromkeys([*before, *after, *wanted]):
        old, new, due = before.get(name, {}), after.get(name, {}), wanted.get(name, {})
        also = had.get(name, {}) if expect == EITHER else {}
        lines = [
            _line(label, _text(old, key), _text(new, key), str(due.get(key) or ""), str(also.get(key) or ""))
            for label, key in (("part number", "part_number"), ("software", "sw_version"))
        ]
        if old.get("codes") is not None or new.get("codes") is not None:
            lines.append(_line("trouble codes", _codes(old), _codes(new), ""))
        if old.get("error") or new.get("error"):
            lines.append(_line("remark", str(old.get("error") or ""), str(new.get("error") or ""), ""))
        ecus.append({"name": name, "lines": lines})
    return ecus


def _told(ecu: Record) -> Record:
    return {key: ecu[key] for key in ("part_number", "sw_version") if ecu.get(key)}


def _line(name: str, before: str, after: str, wanted: str, also: str = "") -> Record:
    return {
        "name": name,
        "before": before,
        "after": after,
        "wanted": wanted,
        "differs": bool(before and after and before != after),
        "is_missed": bool(wanted and after and after not in (wanted, also)),
    }


def _by_name(ecus: t.Any) -> dict[str, Record]:
    named = [ecu for ecu in ecus if isinstance(ecu, dict)] if isinstance(ecus, list) else []
    return {str(ecu.get("name") or ecu.get("ecu_name") or ""): ecu for ecu in named}


def _text(ecu: Record, key: str) -> str:
    return str(ecu.get(key) or ("not known" if ecu else ""))


def _codes(ecu: Record) -> str:
    codes = ecu.get("codes")
    if codes is None:
        return "not known" if ecu else ""
    return ", ".join(f"{code.get('code')}{'' if code.get('confirmed') else ' (pending)'}" for code in codes) or "none"


def _details(steps: list[Record]) -> list[str]:
    """Return of each step what was sent and came back, as far as there is room on a page."""
    shown, left = [], MAX_DETAILS
    for step in steps:
        given = [step[name] for name in ("arguments", "result")]
        text = "\n".join(map(pretty, given)) if any(given) else ""
        text = text if len(text) <= MAX_DETAIL else f"{text[:MAX_DETAIL]}... (all of it is in record.json)"
        left -= len(html.escape(text))
        shown.append(text if left > 0 else "")
    return shown


def _console(texts: list[Record]) -> list[Record]:
    """Return what was printed, its last lines if there are more than fit on a page."""
    shown, left = [], MAX_CONSOLE_LINES
    for text in texts:
        lines = text["text"].splitlines()[-left:] if left else []
        left -= len(lines)
        if lines:
            shown.append({**text, "text": "\n".join(lines)})
    return shown


def _files(record: Record) -> list[tuple[str, str]]:
    """Return the files beside the page that hold what was printed, each with what it is."""
    recorded = record["recording"] or {}
    files = [
        (record["transcript"], "commands"),
        (recorded.get("file"), "serial console"),
        (recorded.get("end_file"), "its latest lines"),
    ]
    return [(str(name), what) for name, what in files if name]


def _links(record: Record) -> list[Record]:
    """Return the addresses of a record; only those of web pages become links."""
    urls = dict.fromkeys(url for url in [record["job"]["url"], *record["links"]] if url)
    return [{"url": url, "is_safe": url.startswith(("https://", "http://"))} for url in urls]
