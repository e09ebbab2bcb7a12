# SPDX-License-Identifier: GPL-3.0-or-later
"""JUnit files are what CIs expect."""

from __future__ import annotations

from pathlib import Path

import evidence_support
import junitparser
import pytest
import xmlschema

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle
from ansible_collections.hatci.automation.plugins.module_utils._evidence.junit import Case, make_junit
from ansible_collections.hatci.automation.plugins.module_utils._evidence.operation import manage_evidence

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("jenkins-junit-10.xsd"))


def read(path: Path) -> junitparser.JUnitXml:
    SCHEMA.validate(str(path))
    return junitparser.JUnitXml.fromfile(str(path))


def test_a_test_is_one_case_with_vin_ids_and_outcome(tmp_path: Path) -> None:
    evidence_support.failed(tmp_path, scenario="power_loss")
    bundle.bundle(tmp_path, None, None)
    (suite,) = read(tmp_path / "junit.xml")
    (case,) = suite
    assert (suite.name, case.name) == ("ota_single_vehicle", "vehicle_001 power_loss")
    properties = {item.name: item.value for item in suite.properties()}
    assert properties["vin"] == evidence_support.VIN
    assert properties["outcome"] == "FAIL"
    assert properties["deployment_id"] == "deploy-000001"
    assert case.time == pytest.approx(79.1)
    (result,) = case.result
    assert isinstance(result, junitparser.Failure)
    assert "low battery" in result.message


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ("FAIL", junitparser.Failure),
        ("INVALID", junitparser.Failure),
        ("ERROR", junitparser.Error),
        ("TIMEOUT", junitparser.Error),
        ("ABORTED", junitparser.Error),
        ("UNREACHABLE", junitparser.Error),
    ],
)
def test_outcomes_are_what_a_ci_makes_of_them(outcome: str, kind: type, tmp_path: Path) -> None:
    text = make_junit("fleet", [Case.without_record("vehicle_001", outcome, "\x00Why \ud800 <&>")])
    (tmp_path / "junit.xml").write_text(text, encoding="utf-8")
    xml = read(tmp_path / "junit.xml")
    assert [type(result) for suite in xml for case in suite for result in case.result] == [kind]
    assert (xml.tests, xml.failures, xml.errors) == (
        1,
        int(kind is junitparser.Failure),
        int(kind is junitparser.Error),
    )


def test_a_vehicle_whose_wave_did_not_begin_is_skipped(tmp_path: Path) -> None:
    cases = [Case.without_record("vehicle_001", outcome, "Why.") for outcome in ("FAIL", "ERROR", "NOT_BEGUN")]
    (tmp_path / "junit.xml").write_text(make_junit("fleet", cases), encoding="utf-8")
    xml = read(tmp_path / "junit.xml")
    assert (xml.tests, xml.failures, xml.errors, xml.skipped) == (3, 1, 1, 1)
    assert [type(result) for suite in xml for case in suite for result in case.result] == [
        junitparser.Failure,
        junitparser.Error,
        junitparser.Skipped,
    ]


def test_no_two_cases_of_a_suite_have_one_name(tmp_path: Path) -> None:
    records = []
    for step in ("nominal", "nominal (2)", "soak, cycle 1 of 2", "soak, cycle 2 of 2"):
        evidence_support.passed(tmp_path / step, scenario=step.partition(" ")[0].strip(","), step=step)
        records.append(bundle.bundle(tmp_path / step, None, None)[1])
    left_out = [Case.without_record("vehicle_001", "ABORTED", "", name) for name in ("rollback", "last")]
    names = [case.name for case in [*map(Case.of_record, records), *left_out]]
    assert names == [
        "vehicle_001 nominal",
        "vehicle_001 nominal (2)",
        "vehicle_001 soak, cycle 1 of 2",
        "vehicle_001 soak, cycle 2 of 2",
        "vehicle_001 rollback",
        "vehicle_001 last",
    ]


def test_a_fleet_has_a_suite_for_each_vehicle_with_its_properties(tmp_path: Path) -> None:
    for number, write in enumerate((evidence_support.passed, evidence_support.failed)):
        write(tmp_path / str(number), host=f"vehicle_00{number}")
        bundle.bundle(tmp_path / str(number), None, None)
    left = [{"vehicle": f"vehicle_00{n}", "path": str(tmp_path / str(n)), "outcome": "", "reason": ""} for n in (0, 1)]
    absent = {"vehicle": "vehicle_009", "path": "", "outcome": "ERROR", "reason": "It was not reached."}
    given = {"state": "bundled", "path": str(tmp_path), "key": None, "test": None, "title": "OTA fleet"}
    manage_evidence({**given, "tests": [*left, absent]}, False)

    xml = read(tmp_path / "junit.xml")
    assert (xml.tests, xml.failures, xml.errors) == (3, 1, 1)
    found = {suite.name: {item.name: item.value for item in suite.properties()} for suite in xml}
    assert {name: properties["outcome"] for name, properties in found.items()} == {
        "OTA fleet: vehicle_000": "PASS",
        "OTA fleet: vehicle_001": "FAIL",
        "OTA fleet: vehicle_009": "ERROR",
    }
    assert found["OTA fleet: vehicle_000"]["vin"] == evidence_support.VIN
    assert [[case.name for case in suite] for suite in xml] == [["vehicle_000"], ["vehicle_001"], ["vehicle_009"]]
