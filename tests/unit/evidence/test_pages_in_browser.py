# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages in a real browser: on a phone and a desk, light, dark and on paper, without scripts and network."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from pathlib import Path

import chromium_support
import evidence_support
import pytest
from evidence_support import VIN
from printed_pages import printed_pages

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle
from ansible_collections.hatci.automation.plugins.module_utils._evidence.operation import manage_evidence

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium_support.PROGRAM is None, reason="there is no Chromium, so no page was looked at"),
]
PICTURES = Path(__file__).parents[3] / ".cache/screenshots"
PHONE, DESK = (320, 2400), (1280, 1800)
DARK = "--force-dark-mode"
ALLOWS_SCRIPTS = "; script-src &#39;unsafe-inline&#39;"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the report of a failed test with long names, that of a passed one, and the index of both."""
    root = tmp_path_factory.mktemp("evidence")
    long = {"host": "vehicle_" + "0" * 60, "scenario": "power_loss_while_installing"}
    evidence_support.failed(root / "failed", **long)
    evidence_support.passed(root / "passed")
    for name in ("failed", "passed"):
        bundle.bundle(root / name, None, None)
    manage_evidence({"state": "bundled", "path": str(root), "key": None, "tests": None, "title": "Fleet"}, False)
    return {
        "failed": root / "failed/report.html",
        "report": root / "passed/report.html",
        "index": root / "index.html",
    }


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[chromium_support.Chromium]:
    browser = chromium_support.Chromium(tmp_path)
    yield browser
    browser.close()


@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_scrolls_sideways(width: int, pages: dict[str, Path], chromium: t.Any) -> None:
    frame = pages["index"].with_name("frame.html")
    found = chromium.widths(list(pages.values()), width, frame)
    assert [(needed == there, there <= width) for needed, there in found] == [(True, True)] * len(pages)


@pytest.mark.parametrize("name", ["report", "index"])
def test_a_page_asks_no_network_for_anything(name: str, pages: dict[str, Path], chromium: t.Any) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    chromium.shoot(pages[name], PICTURES / f"{name}-320.png", PHONE)
    light = chromium.shoot(pages[name], PICTURES / f"{name}-1280.png", DESK)
    dark = chromium.shoot(pages[name], PICTURES / f"{name}-dark.png", DESK, DARK)
    assert dark != light
    # A browser has addresses of its own, which it asks whatever it shows.
    assert not {host for host in chromium.asked if host in pages[name].read_text(encoding="utf-8")}


@pytest.mark.parametrize(
    ("name", "begins", "holds"),
    [
        ("report", "PASSvehicle_001", [VIN, "Thevehiclebeforeandafter", "te-000001", "deploy-000001"]),
        ("failed", "FAILvehicle_0000", [VIN, "endedFAILEDafter1:00min:lowbattery.", "Whatendedit", "te-000001"]),
        ("index", "Fleet1FAIL1PASS", [VIN, "vehicle_001", "power_loss_while_installing", "lowbattery"]),
    ],
)
def test_paper_shows_the_verdict_first_and_then_the_rest(
    name: str, begins: str, holds: list[str], pages: dict[str, Path], chromium: t.Any
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    printed = PICTURES / f"{name}-print.pdf"
    chromium.run(pages[name], f"--print-to-pdf={printed}", "--no-pdf-header-footer")
    sheets = printed_pages(printed)
    assert sheets[0].startswith(begins) and all(sheets) and len(sheets) <= 4
    assert not [text for text in holds if text not in "".join(sheets)]


def test_pages_need_no_script(pages: dict[str, Path], chromium: t.Any) -> None:
    assert "<script" not in pages["report"].read_text(encoding="utf-8")
    text = pages["index"].read_text(encoding="utf-8")
    assert text.count(ALLOWS_SCRIPTS) == 1
    without = pages["index"].with_name("without.html")
    without.write_text(text.replace(ALLOWS_SCRIPTS, ""), encoding="utf-8")
    shown = [chromium.run(page, "--dump-dom") for page in (pages["index"], without)]
    assert ["<form hidden" in page for page in shown] == [False, True]
    assert [page.count("<tr data-outcome") for page in shown] == [2, 2]


def test_a_page_that_loads_something_would_be_noticed(tmp_path: Path, chromium: t.Any) -> None:
    page = tmp_path / "page.html"
    page.write_text("<img src='http://192.0.2.1/picture.png'><img src='https://192.0.2.2/picture.png'>")
    chromium.run(page, "--dump-dom")
    assert {"192.0.2.1", "192.0.2.2"} <= chromium.asked
