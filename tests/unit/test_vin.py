# SPDX-License-Identifier: GPL-3.0-or-later
"""When two VINs are of one vehicle, which one place decides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._vin import same_vin

PLUGINS = Path(__file__).parents[2] / "plugins"
VIN = "1HGBH41JXMN109186"


@pytest.mark.parametrize(
    ("other", "is_same"),
    [(VIN, True), (VIN.lower(), True), (f" {VIN}\n", True), (VIN[:-1] + "7", False), ("", False), (None, False)],
)
def test_letter_case_and_blanks_tell_no_two_vehicles_apart(other: str | None, is_same: bool) -> None:
    assert same_vin(VIN, other) is same_vin(other, VIN) is is_same


def test_no_other_place_compares_vins_by_itself() -> None:
    by_itself = re.compile(r"(?i)vin\b[^ ]*\.(?:upper|lower|casefold)\(\)[^ ]* *(?:==|!=|in\b)")
    found = {path.name for path in PLUGINS.rglob("*.py") if by_itself.search(path.read_text(encoding="utf-8"))}
    assert not found
