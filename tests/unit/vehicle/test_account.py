# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of an ECU's answers."""

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hatci.automation.plugins.module_utils._vehicle.account import (
    MAX_CODES,
    MAX_ERROR,
    MAX_TEXT,
    account_of,
    text_of,
    unread,
    vins_told,
)

DIDS = {"vin": 0xF190, "part_number": 0xF187, "sw_version": 0xF189, "serial": 0xF18C}
VIN = "1HGBH41JXMN109186"


def answer(**changes: t.Any) -> dict[str, t.Any]:
    identity = {"vin": VIN, "part_number": "GW-1", "sw_version": "1.0.0", "serial": "S-1"}
    readings = {field: {"hex": text.encode().hex()} for field, text in identity.items()}
    return {"identity": {**readings, **changes}, "codes": {"hex": "02ffc123002f"}}


def test_all_that_it_says() -> None:
    assert account_of("Gateway", DIDS, answer()) == {
        "name": "Gateway",
        "reachable": True,
        "part_number": "GW-1",
        "sw_version": "1.0.0",
        "serial": "S-1",
        "vin": VIN,
        "codes": [{"code": "U0123-00", "status": 0x2F, "confirmed": True}],
        "error": None,
    }


@pytest.mark.parametrize(
    ("reading", "error"),
    [
        ({"refusal": [0x31, "RequestOutOfRange"]}, "requestOutOfRange (0x31): it has no DID F189"),
        ({"refusal": [0x22, "ConditionsNotCorrect"]}, "conditionsNotCorrect (0x22) for DID F189"),
        ({"odd": "it answered for DID F190"}, "DID F189: it answered for DID F190"),
        ({"hex": "ffffffff"}, "DID F189: it is empty"),
        ({"hex": ""}, "DID F189: it is empty"),
        ({"hex": "x"}, "DID F189: it was not read"),
        (None, "DID F189: it was not read"),
    ],
)
def test_what_it_does_not_tell_is_null_and_says_why(reading: t.Any, error: str) -> None:
    account = account_of("Gateway", DIDS, answer(sw_version=reading))

    assert (account["reachable"], account["sw_version"], account["error"]) == (True, None, error)
    assert account["part_number"] == "GW-1"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"GW-2024-001\0\0\0", "GW-2024-001"),
        (b"  1.0.0   ", "1.0.0"),
        (b"1.0.0\xff\xff", "1.0.0"),
        (b"\x01\x02\x00", "0x010200"),
        (b"\xff1", "0xFF31"),
        (b"1.0\x1b[31m", "0x312E301B5B33316D"),
        ("Gerät".encode(), "0x476572C3A474"),
    ],
)
def test_padding_goes_and_what_is_not_text_is_shown_as_hex(data: bytes, text: str) -> None:
    assert text_of(data) == text


def test_a_vin_that_cannot_be_one_counts_for_nothing() -> None:
    odd = account_of("Radio", DIDS, answer(vin={"hex": b"UNKNOWN".hex()}))
    accounts = [account_of("Gateway", DIDS, answer()), odd, unread("Seat", "it is off")]

    assert odd["error"] == "DID F190: UNKNOWN is not a valid VIN"
    assert vins_told(accounts) == {VIN: ["Gateway"]}


def test_more_codes_than_are_shown_are_said() -> None:
    many = b"\x02\xff" + b"".join((0x0100 + n).to_bytes(3, "big") + b"\x08" for n in range(MAX_CODES + 1))

    account = account_of("Gateway", DIDS, {**answer(), "codes": {"hex": many.hex()}})

    assert len(account["codes"] or []) == MAX_CODES
    assert account["error"] == "it has 501 trouble codes, of which 500 are shown"


def test_codes_that_were_not_asked_for_and_codes_that_cannot_be_read_are_null() -> None:
    refused = {"refusal": [0x11, "ServiceNotSupported"]}

    assert account_of("Gateway", DIDS, {**answer(), "codes": None})["codes"] is None
    account = account_of("Gateway", DIDS, {**answer(), "codes": refused, "cleared": refused})
    assert account["codes"] is None
    assert account["error"] == (
        "serviceNotSupported (0x11) for trouble codes; serviceNotSupported (0x11) for clearing the trouble codes"
    )


def test_trouble_leaves_nothing_known() -> None:
    account = account_of("Gateway", DIDS, {"trouble": "reading DID F187: it closed the connection"})

    assert account == unread("Gateway", "reading DID F187: it closed the connection")
    assert account_of("Gateway", DIDS, None)["error"] == "it was not read within the time that was given"


readings = st.one_of(
    st.none(),
    st.fixed_dictionaries({"hex": st.binary(max_size=3000).map(bytes.hex) | st.text(max_size=9)}),
    st.fixed_dictionaries({"refusal": st.lists(st.integers() | st.text() | st.none(), max_size=3)}),
    st.fixed_dictionaries({"odd": st.text(max_size=2000) | st.none()}),
    st.text(max_size=5),
)


@given(
    st.fixed_dictionaries(
        {"identity": st.dictionaries(st.sampled_from([*DIDS]), readings) | st.none()},
        optional={"codes": readings, "cleared": readings, "trouble": st.text(max_size=2000) | st.integers()},
    )
    | st.none()
    | st.text(max_size=5)
)
def test_whatever_is_read_makes_an_account_of_bearable_size(read: t.Any) -> None:
    account = account_of("Gateway", DIDS, read)

    json.dumps(account, allow_nan=False).encode("utf-8")
    assert len(account["error"] or "") <= MAX_ERROR and len(account["codes"] or []) <= MAX_CODES
    for field in DIDS:
        text = account[field]  # type: ignore[literal-required]
        assert text is None or (0 < len(text) <= MAX_TEXT and text.isprintable())
    assert account["reachable"] or account["error"]
