# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages show what the records hold, run nothing that came from outside, and need no network."""

from __future__ import annotations

import html.parser
import json
import re
import shutil
from pathlib import Path

import evidence_support
import pytest

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle, selection
from ansible_collections.hatci.automation.plugins.module_utils._evidence.index import make_index, row_of_record
from ansible_collections.hatci.automation.plugins.module_utils._evidence.operation import manage_evidence

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}"
VOID = {"meta", "br", "input", "img", "link", "hr"}


class Page(html.parser.HTMLParser):
    """Reads a page as strictly as a person who writes one by hand."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def report_of(directory: Path) -> Page:
    bundle.bundle(directory, None, None)
    return Page((directory / "report.html").read_text(encoding="utf-8"))


def test_a_report_tells_verdict_vehicle_checks_console_ids_and_links(tmp_path: Path) -> None:
    evidence_support.passed(tmp_path)
    page = report_of(tmp_path)
    for expected in (
        "PASS vehicle_001 Update to 2024.02.01 ended COMPLETE.",
        "Device held 13 min 23 s",
        "software 1.0.0 2.0.0 2.0.0",
        "identity 1HGBH41JXMN109186 1HGBH41JXMN109186 yes",
        "ECU Gateway part=Gateway-1 sw=2.0.0",
        "Deployment deploy-000001",
    ):
        assert expected in page.text
    assert ("a", {"href": "https://aap.example.com/jobs/4711", "rel": "noreferrer"}) in page.tags
    assert len([tag for tag, _attributes in page.tags if tag == "rect"]) == 18


def test_what_was_not_read_is_not_shown_as_nothing(tmp_path: Path) -> None:
    script = evidence_support.passed(tmp_path)
    ecus = [{"name": "Gateway", "part_number": None, "sw_version": "2.0.0", "codes": None}]
    check = {"name": "target", "passed": True, "expected": ["Gateway 2.0.0", "Brake 1.0.0"], "measured": "as expected"}
    script.line("result", after={"vin": None, "ecus": ecus, "taken_at": None}, checks=[check])
    text = report_of(tmp_path).text
    assert "part number Gateway-1 not known" in text
    assert "trouble codes B1000-00 not known" in text
    assert "target Gateway 2.0.0; Brake 1.0.0 as expected yes" in text


@pytest.mark.parametrize(
    ("expect", "has", "is_missed"),
    [
        ("refused", "1.0.0", False),
        ("restored", "1.0.0", False),
        ("restored", "2.0.0", True),
        ("completed_or_restored", "1.0.0", False),
        ("completed_or_restored", "2.0.0", False),
        ("completed_or_restored", "3.0.0", True),
        ("completed", "1.0.0", True),
    ],
)
def test_what_the_vehicle_was_to_have_depends_on_the_end_that_was_expected(
    expect: str, has: str, is_missed: bool, tmp_path: Path
) -> None:
    script = evidence_support.passed(tmp_path, expect=expect)
    script.line("result", after=evidence_support.account(has))
    assert ("not reached" in report_of(tmp_path).text) is is_missed


def test_nothing_from_outside_becomes_markup(tmp_path: Path) -> None:
    script = evidence_support.failed(tmp_path, host=HOSTILE, scenario=HOSTILE, tester=HOSTILE)
    text = (tmp_path / "journal.jsonl").read_text().replace('"outcome": "ok"', f'"outcome": {json.dumps(HOSTILE)}')
    (tmp_path / "journal.jsonl").write_text(text.replace("low battery", json.dumps(HOSTILE)[1:-1]))
    ecu = {
        "name": HOSTILE,
        "part_number": HOSTILE,
        "sw_version": HOSTILE,
        "codes": [{"code": HOSTILE}],
        "error": HOSTILE,
    }
    script.line(
        "result",
        summary=HOSTILE,
        troubles=[HOSTILE],
        links=["javascript:alert(1)", HOSTILE],
        checks=[{"name": HOSTILE, "passed": False, "expected": HOSTILE, "measured": [HOSTILE]}],
        after={"vin": HOSTILE, "ecus": [ecu], "taken_at": HOSTILE},
        versions={HOSTILE: HOSTILE},
    )
    page = report_of(tmp_path)
    record = json.loads((tmp_path / "record.json").read_text())
    index = Page(make_index(HOSTILE, [row_of_record(record, "x/report.html")]))
    for seen in (page, index):
        assert not {"img", "iframe", "link", "object"} & {tag for tag, _attributes in seen.tags}
        assert not [name for _tag, attributes in seen.tags for name in attributes if name.startswith("on")]
        assert "{{ 7 * 7 }}" in seen.text and "49" not in seen.text.replace("2.049", "")
    assert "script" not in {tag for tag, _attributes in page.tags}
    assert [attributes["href"] for tag, attributes in page.tags if tag == "a"] == ["https://aap.example.com/jobs/4711"]


def test_pages_load_nothing_and_forbid_it(tmp_path: Path) -> None:
    evidence_support.passed(tmp_path / "one")
    report_of(tmp_path / "one")
    options = {"state": "bundled", "path": str(tmp_path), "key": None, "tests": None, "title": "Fleet", "test": None}
    manage_evidence(options, False)
    for page in (tmp_path / "one/report.html", tmp_path / "index.html"):
        text = page.read_text(encoding="utf-8")
        assert "default-src 'none'" in text
        assert not re.findall(r"\bsrc=|@import|url\(", text)


def test_an_index_has_a_row_for_each_test_and_for_who_left_none(tmp_path: Path) -> None:
    for number, write in enumerate((evidence_support.passed, evidence_support.failed)):
        write(tmp_path / f"test{number}", host=f"vehicle_00{number}")
        bundle.bundle(tmp_path / f"test{number}", None, None)
    tests = [
        {"vehicle": "vehicle_000", "path": str(tmp_path / "test0"), "outcome": "ERROR", "reason": ""},
        {"vehicle": "vehicle_009", "path": "", "outcome": "ERROR", "reason": "It was not reached."},
    ]
    manage_evidence({"state": "bundled", "path": str(tmp_path), "key": None, "tests": tests, "title": "Fleet"}, False)
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links == ["test1/report.html", "test0/report.html"]
    assert "vehicle_009 ERROR It was not reached." in page.text


def test_a_record_of_another_version_costs_no_index(tmp_path: Path) -> None:
    for name in ("test0", "test1"):
        evidence_support.passed(tmp_path / name)
        bundle.bundle(tmp_path / name, None, None)
    later = {"format": "hatci-ota-test-record", "version": 9, "vehicle": {"name": "x"}, "ids": {"a": 1}}
    (tmp_path / "test1/record.json").write_text(json.dumps(later), encoding="utf-8")
    tests = [{"vehicle": "vehicle_002", "path": str(tmp_path / "test1"), "outcome": "ERROR", "reason": ""}]
    for told in (None, tests):
        options = {"state": "bundled", "path": str(tmp_path), "key": None, "tests": told, "title": "Fleet"}
        manage_evidence({**options, "test": None}, False)
        text = Page((tmp_path / "index.html").read_text(encoding="utf-8")).text
        assert "vehicle_001" in text and "test1 ERROR Its record is one of another version" in text


def test_an_index_says_which_tests_it_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "MAX_TESTS", 2)
    for number in range(5):
        evidence_support.passed(tmp_path / f"test{number}", host=f"vehicle_00{number}")
        bundle.bundle(tmp_path / f"test{number}", None, None)
    evidence_support.aborted(tmp_path / "test9")
    options = {"state": "bundled", "path": str(tmp_path), "key": None, "title": "Fleet", "test": None}
    own = [{"vehicle": "vehicle_000", "path": str(tmp_path / "test0"), "outcome": "ERROR", "reason": ""}]

    result = manage_evidence({**options, "tests": own}, False)
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links == [f"test{number}/report.html" for number in (0, 3, 4)], "the test of this run is the oldest"
    older, unfinished = result["left_out"]
    assert older == "Only the latest 2 tests are listed; older ones in this directory: 2."
    assert unfinished == "Not listed, since they have no record yet: test9."
    assert older in page.text and unfinished in page.text

    monkeypatch.setattr(selection, "MAX_TESTS", 1000)
    bundle.finish_as_aborted(tmp_path / "test9")
    assert "left_out" not in manage_evidence({**options, "tests": None}, False)


@pytest.mark.parametrize(("ended", "kind"), [("COMPLETED", "ok"), ("SUCCESS", "ok"), ("INSTALLING", "busy")])
def test_the_last_state_of_a_deployment_has_the_colour_of_its_end(ended: str, kind: str, tmp_path: Path) -> None:
    script = evidence_support.until_deployed(tmp_path)
    script.state("INSTALLING", 40, 60)
    script.state(ended, 100, 60)
    if kind == "ok":
        result = {"state": ended, "deployment_id": "deploy-000001"}
        script.step("Wait", "hatci_update_status", 60, arguments={"wait": True}, **result)
    report_of(tmp_path)
    assert f'class="state {kind}"' in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ('class="state ok"' in (tmp_path / "report.html").read_text(encoding="utf-8")) is (kind == "ok")


def test_an_index_holds_200_tests_of_less_than_1_MB_each(tmp_path: Path) -> None:
    evidence_support.passed(tmp_path / "one")
    bundle.bundle(tmp_path / "one", None, None)
    for number in range(199):
        shutil.copytree(tmp_path / "one", tmp_path / f"copy{number}")
    assert sum(path.stat().st_size for path in (tmp_path / "one").iterdir()) < 1_000_000
    manage_evidence({"state": "bundled", "path": str(tmp_path), "key": None, "tests": None, "title": "Fleet"}, False)
    assert (tmp_path / "index.html").read_text(encoding="utf-8").count("<tr data-outcome") == 200
