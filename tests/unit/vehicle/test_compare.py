# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparisons of what a vehicle says."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._vehicle.account import unread
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.compare import (
    before_and_after,
    new_codes,
    software_differences,
    unread_codes,
)

WANTED = [{"ecu_name": "Gateway", "part_number": "GW-1", "sw_version": "2.0.0"}]


def ecu(name: str = "Gateway", **changes: t.Any) -> dict[str, t.Any]:
    known = {"reachable": True, "part_number": "GW-1", "sw_version": "2.0.0", "codes": [], "error": None}
    return {**unread(name, None), **known, **changes}


def code(text: str, status: int = 0x2F) -> dict[str, t.Any]:
    return {"code": text, "status": status, "confirmed": bool(status & 8)}


def test_a_vehicle_that_has_what_is_wanted_does_not_differ() -> None:
    assert software_differences(WANTED, [ecu(), ecu("Radio", sw_version="9")]) == []
    assert software_differences([{"ecu_name": "Gateway", "sw_version": "2.0.0"}], [ecu(part_number=None)]) == []


@pytest.mark.parametrize(
    ("seen", "difference"),
    [
        ([ecu(sw_version="2.0.0-rc1")], "Gateway: its software is 2.0.0-rc1 instead of 2.0.0"),
        ([ecu(sw_version="2.0")], "Gateway: its software is 2.0 instead of 2.0.0"),
        ([ecu(part_number="GW-2")], "Gateway: its part number is GW-2 instead of GW-1"),
        ([ecu("gateway")], "Gateway: nothing was read of it"),
        ([], "Gateway: nothing was read of it"),
        ([unread("Gateway", "connecting: it is off.")], "Gateway: it did not answer (connecting: it is off)"),
        (
            [ecu(sw_version=None, error="requestOutOfRange (0x31): it has no DID F189")],
            "Gateway: it does not tell its software (requestOutOfRange (0x31): it has no DID F189)",
        ),
    ],
)
def test_each_difference_is_said(seen: list[dict[str, t.Any]], difference: str) -> None:
    assert software_differences(WANTED, seen) == [difference]


def test_only_confirmed_codes_that_were_not_confirmed_before_are_new() -> None:
    before = [ecu(codes=[code("P0300-11"), code("U0100-00", 0x04)])]
    after = [
        ecu(codes=[code("P0300-11"), code("U0100-00"), code("C0035-87", 0x07)]),
        ecu("Radio", codes=[code("P0300-11")]),
    ]

    assert new_codes(before, after) == [
        {"name": "Gateway", "code": "U0100-00", "status": 0x2F},
        {"name": "Radio", "code": "P0300-11", "status": 0x2F},
    ]


@pytest.mark.parametrize("allowed", [["U0123-00"], ["U0123"], ["u0123-00 "]])
def test_allowed_codes_are_not_new(allowed: list[str]) -> None:
    assert new_codes([], [ecu(codes=[code("U0123-00")])], allowed) == []


@pytest.mark.parametrize("allowed", [[], ["U0123-01"], ["U012"], ["U0124"]])
def test_other_codes_are_new_all_the_same(allowed: list[str]) -> None:
    assert len(new_codes([], [ecu(codes=[code("U0123-00")])], allowed)) == 1


def test_codes_that_could_not_be_read_are_said() -> None:
    assert unread_codes([ecu(), ecu("Radio", codes=None, error="serviceNotSupported (0x11) for trouble codes")]) == [
        "Radio: its trouble codes are not known (serviceNotSupported (0x11) for trouble codes)"
    ]


def test_the_table_shows_what_changed() -> None:
    before = [ecu(sw_version="1.0.0"), unread("Telematics", "off")]
    after = [ecu(codes=[code("U0123-00")]), ecu("Telematics", part_number="TCU-7", sw_version="3.1.4")]

    assert before_and_after(before, after) == [
        "ECU         part number  software        trouble codes",
        "Gateway     GW-1         1.0.0 -> 2.0.0  none -> U0123-00 (0x2F)",
        "Telematics  ? -> TCU-7   ? -> 3.1.4      ? -> none",
    ]


def test_wide_names_leave_the_columns_below_each_other() -> None:
    assert before_and_after([], [ecu("网关")]) == [
        "ECU   part number  software    trouble codes",
        "网关  ? -> GW-1    ? -> 2.0.0  ? -> none",
    ]


def test_the_table_stays_small() -> None:
    many = [ecu(codes=[code(f"U01{n:02X}-00") for n in range(200)], sw_version="x" * 1000)]

    assert max(len(line) for line in before_and_after(many, many)) < 400
    assert "and 196 more" in before_and_after(many, many)[1]
