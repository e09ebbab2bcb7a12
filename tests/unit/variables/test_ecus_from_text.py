# SPDX-License-Identifier: GPL-3.0-or-later
"""ECUs that were typed into a survey: every value stays the text that was typed."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hatci.automation.plugins.filter.ecus_from_text import FilterModule
from ansible_collections.hatci.automation.plugins.test.vin import TestModule as VinPlugin

ecus_from_text = FilterModule().filters()["ecus_from_text"]
is_vin = VinPlugin().tests()["vin"]


@pytest.mark.parametrize("value", ["1.10", "0012", "0123", "12:30:45", "NO", "1e5", "2024-02-01", "~", "0x10", "1_0"])
def test_no_value_is_changed(value: str) -> None:
    expected = [{"ecu_name": "Gateway", "part_number": value, "sw_version": value}]
    assert ecus_from_text(f"- {{ecu_name: Gateway, part_number: {value}, sw_version: {value}}}") == expected
    assert ecus_from_text(f'- ecu_name: Gateway\n  part_number: "{value}"\n  sw_version: {value}\n') == expected
    assert ecus_from_text(json.dumps(expected)) == expected


def test_a_number_in_json_stays_as_it_was_typed() -> None:
    assert ecus_from_text('[{"sw_version": 1.10, "part_number": 12}]') == [{"sw_version": "1.10", "part_number": "12"}]


@pytest.mark.parametrize("value", [[{"ecu_name": "Gateway"}], 7, None])
def test_what_is_not_text_stays(value: t.Any) -> None:
    assert ecus_from_text(value) is value


def test_empty_text_is_an_empty_list() -> None:
    assert ecus_from_text(" \n") == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [("Gateway", "is text that is not a list"), ("- {", "is not valid YAML in line"), ("\x00", "is not valid YAML")],
)
def test_text_that_is_no_list(text: str, reason: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"^The text of ECUs {reason}.*\\.$"):
        ecus_from_text(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(ecus_from_text(text), list)
    except AnsibleFilterError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("value", ["1HGBH41JXMN109186", "00000000000000000"])
def test_a_vin(value: str) -> None:
    assert is_vin(value)


@pytest.mark.parametrize(
    "value", ["", "1HGBH41JXMN10918", "1HGBH41JXMN1091866", "1HGBH41JXMN10918Q", "1hgbh41jxmn109186", 12345678901234567]
)
def test_what_is_not_a_vin(value: t.Any) -> None:
    assert not is_vin(value)
