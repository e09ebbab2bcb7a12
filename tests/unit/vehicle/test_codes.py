# SPDX-License-Identifier: GPL-3.0-or-later
"""Trouble codes, held against ISO 15031-6 as printed and against udsoncan's own reading of a report."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from udsoncan import Response
from udsoncan.services import ReadDTCInformation

from ansible_collections.hatci.automation.plugins.module_utils._vehicle.codes import code_text, parse_codes

REPORT = b"\x02\xff"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("030011", "P0300-11"),
        ("0A1F00", "P0A1F-00"),
        ("12341C", "P1234-1C"),
        ("3FFF00", "P3FFF-00"),
        ("403587", "C0035-87"),
        ("5ABC2F", "C1ABC-2F"),
        ("900116", "B1001-16"),
        ("C12300", "U0123-00"),
        ("C10087", "U0100-87"),
        ("E1FE04", "U21FE-04"),
        ("FFFFFF", "U3FFF-FF"),
    ],
)
def test_codes_have_the_letters_that_people_write(code: str, text: str) -> None:
    assert code_text(bytes.fromhex(code)) == text


@given(st.lists(st.tuples(st.binary(min_size=3, max_size=3), st.integers(0, 255)), max_size=30))
def test_a_report_is_read_as_udsoncan_reads_it(records: list[tuple[bytes, int]]) -> None:
    report = REPORT + b"".join(code + bytes([status]) for code, status in records)
    response = Response(ReadDTCInformation, Response.Code.PositiveResponse, data=report)
    theirs = ReadDTCInformation.interpret_response(response, subfunction=2).service_data.dtcs

    ours = parse_codes(report)

    assert sorted((code["code"], code["status"], code["confirmed"]) for code in ours) == sorted(
        (code_text(dtc.id.to_bytes(3, "big")), dtc.status.get_byte_as_int(), dtc.status.confirmed) for dtc in theirs
    )


def test_confirmed_codes_come_first() -> None:
    codes = parse_codes(REPORT + bytes.fromhex("03001104 C1230008 C0350087".replace(" ", "")))

    assert [(code["code"], code["confirmed"]) for code in codes] == [
        ("U0123-00", True),
        ("P0300-11", False),
        ("U0035-00", False),
    ]


def test_zeros_at_the_end_are_padding() -> None:
    assert parse_codes(REPORT + bytes.fromhex("C123002F") + b"\0\0\0") == [
        {"code": "U0123-00", "status": 0x2F, "confirmed": True}
    ]


@pytest.mark.parametrize("report", ["", "02", "01FF00", "02FFC12300", "02FFC123002FAA"])
def test_something_else_is_refused(report: str) -> None:
    with pytest.raises(ValueError, match=r"report|whole"):
        parse_codes(bytes.fromhex(report))


def test_an_ecu_that_cannot_tell_which_codes_are_confirmed_has_not_none() -> None:
    with pytest.raises(ValueError, match=r"does not say which of its codes are confirmed .*0x27"):
        parse_codes(bytes.fromhex("0227C1230027"))
    assert parse_codes(bytes.fromhex("0227")) == []
