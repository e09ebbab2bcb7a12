# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JUnit files, as every CI reads them: one for a test, one for a fleet or a suite."""

from __future__ import annotations

import dataclasses
import typing as t
import xml.etree.ElementTree as ET

from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import Record
from ansible_collections.hatci.automation.plugins.module_utils._outcome import NOT_BEGUN

PASS = "PASS"  # noqa: S105  # a verdict
FAILURES = frozenset({"FAIL", "INVALID"})
"""What is a failure to a CI; whatever else is not PASS is an error, unless it was not to begin."""

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


def make_junit(title: str, cases: t.Sequence[Case], *, is_of_all: bool = False) -> str:
    """Return a JUnit file with a suite for each case.

    Properties belong to a suite: the schema of Jenkins, junit-10, knows none of a case.

    :param is_of_all: the file is of several tests, so each suite is named after its test too. Of suites of one name
        Jenkins makes one.
    """
    root = ET.Element("testsuites", {"name": _text(title), **_counts(cases)})
    for case in cases:
        name = f"{title}: {case.name}" if is_of_all else title
        about = {"skipped": str(int(case.outcome == NOT_BEGUN)), "timestamp": case.began[:19]}
        suite = ET.SubElement(root, "testsuite", {"name": _text(name), **_counts([case])})
        suite.attrib |= {key: value for key, value in about.items() if value}
        _add(suite, title, case)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(cases: t.Sequence[Case]) -> dict[str, str]:
    failures = sum(case.outcome in FAILURES for case in cases)
    bad = sum(case.outcome not in (PASS, NOT_BEGUN) for case in cases)
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": str(bad - failures)}
    return {**counts, "time": f"{sum(case.seconds for case in cases):.3f}"}


def _add(suite: ET.Element, title: str, case: Case) -> None:
    properties = ET.SubElement(suite, "properties")
    for name, value in case.properties.items():
        ET.SubElement(properties, "property", {"name": _text(name), "value": _text(value)})
    about = {"classname": _text(title), "name": _text(case.name), "time": f"{case.seconds:.3f}"}
    element = ET.SubElement(suite, "testcase", about)
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
