# SPDX-License-Identifier: GPL-3.0-or-later
"""What the car's ECUs answer to a tester that is not ours."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from car_support import codes, read, talk
from udsoncan.client import Client
from udsoncan.exceptions import NegativeResponseException

from hatci_lab.car.process import CarProcess

VIN = b"1HGBH41JXMN109186"
STATUS_CONFIRMED = 0x08


@pytest.mark.parametrize(
    ("did", "value"),
    [
        (0xF190, VIN),
        (0xF187, b"TCU-2024-007"),
        (0xF189, b"3.1.4"),
        (0xF18C, b"TELEMATICS-0002"),
        (0xF191, b"TCU-2024-007-H1"),
    ],
)
def test_an_ecu_says_what_it_is(car: CarProcess, did: int, value: bytes) -> None:
    assert read(car, "Telematics", did) == value


def test_several_identifiers_in_one_request(car: CarProcess) -> None:
    request = b"\x22\xf1\x90\xf1\x89"
    with talk(car) as client:
        client.conn.send(request)
        assert client.conn.wait_frame(timeout=5) == b"\x62\xf1\x90" + VIN + b"\xf1\x891.0.0"

        car.set_ecu("Gateway", multiple_dids=False)
        client.conn.send(request)
        assert client.conn.wait_frame(timeout=5) == b"\x7f\x22\x13"


@pytest.mark.parametrize(
    ("request_", "nrc"),
    [
        (lambda client: client.read_data_by_identifier(0x1234), 0x31),
        (lambda client: client.request_seed(1), 0x11),
        (lambda client: client.change_session(0x60), 0x12),
        (lambda client: client.clear_dtc(0x123456), 0x31),
    ],
)
def test_refusals_have_their_standard_codes(car: CarProcess, request_: Callable[[Client], object], nrc: int) -> None:
    with talk(car) as client, pytest.raises(NegativeResponseException) as refusal:
        request_(client)

    assert refusal.value.response.code == nrc


def test_trouble_codes_are_read_by_status_and_cleared(car: CarProcess) -> None:
    car.set_ecu("Gateway", dtcs={"U0123-00": 0x2F, "P0300-1C": 0x04})

    assert codes(car, "Gateway") == {0xC12300: 0x2F, 0x03001C: 0x04}
    assert codes(car, "Gateway", STATUS_CONFIRMED) == {0xC12300: 0x2F}

    with talk(car) as client:
        client.clear_dtc(0xFFFFFF)
    assert codes(car, "Gateway") == {}


def test_sessions_and_tester_present(car: CarProcess) -> None:
    with talk(car) as client:
        assert client.change_session(3).service_data.session_echo == 3
        client.tester_present()
        with client.suppress_positive_response:
            client.tester_present()
        assert client.read_data_by_identifier(0xF190).positive


def test_a_reset_drops_the_connection_and_the_ecu_comes_back(car: CarProcess) -> None:
    with talk(car) as client:
        client.ecu_reset(1)
        with pytest.raises(Exception, match=r"timeout|in time|reset|refused|pipe"):
            client.read_data_by_identifier(0xF190)

    car.wait_until_listening("Gateway")
    assert read(car, "Gateway", 0xF190) == VIN
