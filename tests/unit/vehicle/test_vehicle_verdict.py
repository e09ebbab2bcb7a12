# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at the vehicle shows to people, and what the test event keeps of it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.verdict import check_vehicle, in_metadata

VIN, OTHER = "1HGBH41JXMN109186", "KMHXX00XXXX000002"
GATEWAY = {"name": "Gateway", "reachable": True, "part_number": "GW-1", "sw_version": "1.0.0", "codes": []}


def look(vin: str | None, moment: str = "before", before: t.Any = None, sw_version: str = "1.0.0") -> tuple[t.Any, str]:
    shown: list[str] = []
    options = {
        "moment": moment,
        "seen": {"vin": vin, "ecus": [{**GATEWAY, "sw_version": sw_version}]},
        "before": before,
        "vin": VIN,
        "ecus": [{"ecu_name": "Gateway", "part_number": "GW-1", "sw_version": sw_version}],
        "checks": ["identity", "source", "target", "codes"],
        "allowed_codes": [],
        "exporter": "bench",
    }
    try:
        result: t.Any = check_vehicle(options, False, shown.extend)
    except Failure as failure:
        result = failure
    return result, "\n".join(shown)


def test_the_vin_stands_above_the_table() -> None:
    result, shown = look(VIN)
    assert shown.splitlines() == [f"VIN {VIN}", *result["table"]]
    assert shown.splitlines()[1].startswith("ECU")


def test_another_vehicle_after_the_update_shows_both_vins_and_the_sentence() -> None:
    before = look(VIN)[0]["record"]
    failure, shown = look(OTHER, "after", before, "2.0.0")
    assert shown.splitlines()[0] == f"VIN {VIN} -> {OTHER}"
    assert shown.splitlines()[-1] == f"ERROR: {failure.message}"
    assert OTHER in failure.message


def test_a_vehicle_that_does_not_tell_its_vin() -> None:
    assert look(None)[1].splitlines()[0] == "VIN ?"


RADIO = {**GATEWAY, "name": "Radio"}
WANTED = [{"ecu_name": "Gateway", "part_number": "GW-1", "sw_version": "1.0.0"}]


@pytest.mark.parametrize(
    ("checks", "ecus", "wanted", "words"),
    [
        (["codes"], [], WANTED, "No ECU was read, so trouble codes are not known."),
        (["codes"], [GATEWAY], WANTED, "Radio: nothing was read of it, so its codes are not known."),
        (["target"], [GATEWAY, RADIO], [], "ecus is empty, so there is no target software to compare with"),
        (["target"], [{**GATEWAY, "sw_version": "0.9"}, GATEWAY], WANTED, "its software is 0.9 instead of 1.0.0"),
    ],
)
def test_what_was_not_read_proves_nothing(
    checks: list[str], ecus: list[t.Any], wanted: list[t.Any], words: str
) -> None:
    options = {
        "moment": "after",
        "seen": {"vin": VIN, "ecus": ecus},
        "before": {"vin": VIN, "ecus": [GATEWAY, RADIO]},
        "vin": VIN,
        "ecus": wanted,
        "checks": checks,
        "allowed_codes": [],
        "exporter": "bench",
    }
    with pytest.raises(Failure) as failed:
        check_vehicle(options, False)
    assert words in failed.value.message


@pytest.mark.parametrize("failed", [True, False])
def test_the_test_event_keeps_both_looks_and_their_difference(failed: bool) -> None:
    looks = {"before": {"vin": VIN}}
    last = {"table": ["ECU"], "record": {"vin": OTHER}, "differences": ["Gateway: off"]}
    kept = in_metadata(looks, last, failed=failed)["vehicle"]
    assert (kept["before"], kept["table"], kept["differences"], kept["new_codes"]) == (
        {"vin": VIN},
        ["ECU"],
        ["Gateway: off"],
        [],
    )
    assert kept.get("last") == ({"vin": OTHER} if failed else None)


def test_without_a_look_nothing_is_kept() -> None:
    assert in_metadata({}, {}, failed=False) == {}
