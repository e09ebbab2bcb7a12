# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JUnit files, as every CI reads them: one for a test, one for a fleet or a suite."""

from __future__ import annotations

import dataclasses
import re
import typing as t
import xml.etree.ElementTree as ET

from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import Record
from ansible_collections.hatci.automation.plugins.module_utils._outcome import NOT_BEGUN

PASS = "PASS"  # noqa: S105  # a verdict
FAILURES = frozenset({"FAIL", "INVALID"})
"""What is a failure to a CI; whatever else is not PASS is an error, unless it was not to begin."""

NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MAX_OUTPUT = 10000


@dataclasses.dataclass(frozen=True)
class Case:
    """One test as a CI shows it.

    :param name: of the vehicle, and the scenario if there is one.
    :param properties: VIN, ids, outcome and whatever else finds the test again.
    """

    name: str
    outcome: str
    message: str
    seconds: float
    began: str
    properties: dict[str, str]
    output: str = ""

    @classmethod
    def of_record(cls, record: Record) -> Case:
        """Return the case of a record."""
        vehicle, scenario = record["vehicle"], record["test"].get("step") or record["test"]["scenario"]
        properties = {"outcome": record["outcome"], "vin": vehicle["vin"], "host": vehicle["host"], **record["ids"]}
        properties |= {"job_id": record["job"]["id"], "job_url": record["job"]["url"]}
        console = "\n".join(text["text"] for text in record["console"])
        name = vehicle["host"] or vehicle["vin"] or "vehicle"
        return cls(
            name=f"{name} {scenario}" if scenario else name,
            outcome=record["outcome"],
            message=record["summary"],
            seconds=record["seconds"] or 0.0,
            began=record["began"],
            properties={key: value for key, value in properties.items() if value},
            output=console[-MAX_OUTPUT:],
        )

    @classmethod
    def without_record(cls, vehicle: str, outcome: str, reason: str, scenario: str = "") -> Case:
        """Return the case of a vehicle that left no record, such as one that was not reached."""
        name = f"{vehicle} {scenario}" if scenario else vehicle
        return cls(name, outcome, reason, 0.0, "", {"outcome": outcome, "host": vehicle})


def make_junit(suite: str, cases: t.Sequence[Case]) -> str:
    """Return a JUnit file with one suite."""
    failures = sum(case.outcome in FAILURES for case in cases)
    skipped = sum(case.outcome == NOT_BEGUN for case in cases)
    bad = sum(case.outcome not in (PASS, NOT_BEGUN) for case in cases)
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": str(bad - failures)}
    took = f"{sum(case.seconds for case in cases):.3f}"
    root = ET.Element("testsuites", {**counts, "time": took})
    began = min((case.began for case in cases if case.began), default="")
    about = {"skipped": str(skipped), "time": took, **({"timestamp": began[:19]} if began else {})}
    element = ET.SubElement(root, "testsuite", {"name": _text(suite), **counts, **about})
    for case in cases:
        _add(element, suite, case)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _add(parent: ET.Element, suite: str, case: Case) -> None:
    about = {"classname": _text(suite), "name": _text(case.name), "time": f"{case.seconds:.3f}"}
    element = ET.SubElement(parent, "testcase", about)
    properties = ET.SubElement(element, "properties")
    for name, value in case.properties.items():
        ET.SubElement(properties, "property", {"name": _text(name), "value": _text(value)})
    if case.outcome == NOT_BEGUN:
        ET.SubElement(element, "skipped", {"message": _text(case.message)})
    elif case.outcome != PASS:
        tag = "failure" if case.outcome in FAILURES else "error"
        said = ET.SubElement(element, tag, {"type": _text(case.outcome), "message": _text(case.message)})
        said.text = _text(case.message)
    if case.output:
        ET.SubElement(element, "system-out").text = _text(case.output)


def _text(text: str) -> str:
    """Return a text with what XML 1.0 cannot hold left out."""
    return "".join(
        c for c in text if c in "\t\n" or "\x20" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
    )
