# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a vehicle's console, as ota_verify_commands bring them."""

from __future__ import annotations

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._vehicle.compare import software_differences
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.console import parse_console, vin_told

GOOD = "ECU Gateway part=GW-2024-001 sw=2.0.0"
OLD = "ECU Gateway part=GW-2024-001 sw=1.0.0"
WANTED = [{"ecu_name": "Gateway", "part_number": "GW-2024-001", "sw_version": "2.0.0"}]


def test_each_ecu_has_an_account() -> None:
    accounts = parse_console(f"HATCI VIRTUAL VEHICLE ready\n{GOOD}\r\nECU Body Control part=B-1 sw=3\nEND\n")

    assert [(one["name"], one["part_number"], one["sw_version"]) for one in accounts] == [
        ("Gateway", "GW-2024-001", "2.0.0"),
        ("Body Control", "B-1", "3"),
    ]
    assert all(one["reachable"] and one["codes"] is None and one["error"] is None for one in accounts)


@pytest.mark.parametrize("output", [f"{GOOD}\n", f"{GOOD}\n{GOOD}\nEND\n"])
def test_it_is_the_target_if_every_line_says_so(output: str) -> None:
    assert software_differences(WANTED, parse_console(output)) == []


@pytest.mark.parametrize(
    "output",
    [
        *(f"{GOOD}\n{OLD}\n", f"{OLD}\n{GOOD}\n", f"{GOOD}-rc1\n", GOOD, f"# {GOOD}\n", ""),
        *(f"{GOOD}{mark}-rc1 BUILD FAILED\n" for mark in ("\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028")),
        f"{GOOD}\n{GOOD}\x0c-rc1\n",
    ],
)
def test_a_line_that_contradicts_or_does_not_end_is_no_proof(output: str) -> None:
    assert software_differences(WANTED, parse_console(output))


def test_both_sides_of_a_contradiction_are_named() -> None:
    assert software_differences(WANTED, parse_console(f"{GOOD}\n{OLD}\n")) == [
        "Gateway: it does not tell its part number and software (the console says both part=GW-2024-001 sw=2.0.0 and "
        "part=GW-2024-001 sw=1.0.0)"
    ]


def test_endless_output_makes_an_account_of_bearable_size() -> None:
    accounts = parse_console("".join(f"ECU {n} part=p sw={'x' * 5000}{n}\n" for n in range(1000)))

    assert len(accounts) == 200
    assert max(len(str(one)) for one in accounts) < 600


@pytest.mark.parametrize(
    ("output", "vin"),
    [
        (f"VIN 1HGBH41JXMN109186\r\n{GOOD}\n", "1HGBH41JXMN109186"),
        ("VIN 1HGBH41JXMN109186\nVIN 1HGBH41JXMN109186\n", "1HGBH41JXMN109186"),
        ("VIN 1HGBH41JXMN109186\nVIN 2HGBH41JXMN109187\n", None),
        *(
            (text, None)
            for text in ("VIN 1HGBH41JXMN109186", "VIN 1HGBH41JXMN10918\n", "# VIN 1HGBH41JXMN109186\n", "")
        ),
    ],
)
def test_the_vin_is_known_if_one_line_tells_it_and_none_another(output: str, vin: str | None) -> None:
    assert vin_told(output) == vin
