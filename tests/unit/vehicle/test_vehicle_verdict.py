# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at the vehicle shows to people, and what the test event keeps of it."""

from __future__ import annotations

import typing as t

import pytest
from sums_support import validated

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.verdict import (
    check_vehicle,
    confirmed_only,
    from_metadata,
    in_metadata,
)

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


@pytest.mark.parametrize(
    ("ecu", "words"),
    [
        ({"part_number": "GW-1", "sw_version": 1.2}, "sw_version"),
        ({"version": "2.0.0", "part_number": "GW-1"}, "version"),
        ({}, "one of the following is required: part_number, sw_version"),
    ],
)
@pytest.mark.parametrize("module", ["hatci_vehicle_check", "hatci_end_check"])
def test_software_of_which_nothing_would_be_compared_as_it_was_written_is_refused(
    module: str, ecu: dict[str, t.Any], words: str
) -> None:
    wanted = [{"ecu_name": "Gateway", **ecu}]
    given = {"moment": "after", "seen": {}, "ecus": wanted}
    if module == "hatci_end_check":
        given = {"expect": "completed", "source_ecus": wanted, "target_ecus": WANTED}
    with pytest.raises(ValueError, match=words):
        validated(module, {**given, "vin": VIN})


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


def codes(count: int, confirmed: bool = True) -> list[dict[str, t.Any]]:
    return [{"code": f"B{number:04d}-00", "status": 0x2F, "confirmed": confirmed} for number in range(count)]


def car_with(count: int, ecus: int = 1, **more: t.Any) -> dict[str, t.Any]:
    named = [{**GATEWAY, "name": f"ECU {number:03d}", "codes": codes(count), **more} for number in range(ecus)]
    return {"vin": VIN, "ecus": named}


def judged(before: dict[str, t.Any], after: dict[str, t.Any]) -> str:
    """Return what the codes of a look after the update make of it, compared with the record of the look before."""
    options = {"vin": VIN, "ecus": [], "checks": ["codes"], "allowed_codes": [], "exporter": ""}
    first = check_vehicle({**options, "moment": "before", "seen": before, "before": None, "checks": []}, False)
    try:
        check_vehicle({**options, "moment": "after", "seen": after, "before": first["record"]}, False)
    except Failure as failure:
        return failure.message
    return ""


@pytest.mark.parametrize(("count", "ecus"), [(25, 1), (500, 1), (1, 60)])
def test_however_many_codes_and_ecus_there_are_old_ones_stay_old_and_a_new_one_is_found(count: int, ecus: int) -> None:
    before = car_with(count, ecus)
    assert judged(before, before) == ""
    new = {"code": "U0123-00", "status": 0x2F, "confirmed": True}
    last = {**before["ecus"][-1], "codes": [*before["ecus"][-1]["codes"], new]}
    told = judged(before, {"vin": VIN, "ecus": [*before["ecus"][:-1], last]})
    assert f"not there before: {last['name']} U0123-00" in told


def test_no_codes_of_a_driver_that_also_hides_refusals_are_no_proof() -> None:
    doubt = "its driver gave no trouble codes, which it also does when the ECU refuses to tell them"
    told = judged(car_with(0), car_with(0, codes_doubt=doubt))
    assert told.startswith(f"ECU 000: its trouble codes are not known ({doubt})")


def test_the_test_event_keeps_as_much_as_people_read() -> None:
    look = car_with(25, 60)
    kept = in_metadata({"before": look}, {"table": ["ECU"], "record": look}, failed=True)["vehicle"]
    for moment in ("before", "last"):
        assert [len(kept[moment]["ecus"]), len(kept[moment]["ecus"][0]["codes"])] == [50, 20]


@pytest.mark.parametrize(
    ("look", "is_whole"), [(car_with(3, 2), True), (car_with(25), False), (car_with(1, 60), False), ({}, False)]
)
def test_a_resumed_test_takes_from_the_test_event_only_what_was_not_cut(look: t.Any, is_whole: bool) -> None:
    metadata = in_metadata({"before": look}, {"table": ["ECU"], "record": look}, failed=False)
    assert from_metadata(metadata) == (look if is_whole else {})


@pytest.mark.parametrize("metadata", [None, {}, {"vehicle": []}, {"vehicle": {"before": {"ecus": ["Gateway"]}}}])
def test_other_metadata_tells_nothing_of_the_vehicle(metadata: t.Any) -> None:
    assert from_metadata(metadata) == {}


def test_what_is_handed_over_has_every_confirmed_code_and_no_other() -> None:
    look = car_with(25)
    look["ecus"][0]["codes"] += [{**code, "confirmed": False} for code in codes(40)[30:]]
    assert confirmed_only(look) == car_with(25)
    assert confirmed_only({"ecus": [{"codes": None}]}) == {"ecus": [{"codes": None}]}
