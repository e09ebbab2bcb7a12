# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fault of an ECU, as a tester that is not ours meets it."""

from __future__ import annotations

import socket

import pytest
from car_support import read, talk
from doipclient import DoIPClient
from udsoncan.exceptions import NegativeResponseException, UnexpectedResponseException

from hatci_lab.car import doip
from hatci_lab.car.faults import KINDS
from hatci_lab.car.process import CarProcess

VIN = b"1HGBH41JXMN109186"
ACTIVATION = doip.pack(doip.Payload.ACTIVATION_REQUEST, b"\x0e\x00\x00\x00\x00\x00\x00")


def raw(car: CarProcess, data: bytes, name: str = "Gateway") -> bytes:
    """What an ECU says to `data` before it closes the connection, or for a tenth of a second."""
    address = car.ecus[name]
    said = b""
    with socket.create_connection((address.host, address.port), timeout=5) as connection:
        connection.sendall(data)
        connection.settimeout(0.1)
        try:
            while part := connection.recv(4096):
                said += part
        except (TimeoutError, ConnectionResetError):
            pass
    return said


def test_garbage_is_not_doip(car: CarProcess) -> None:
    car.add_fault("garbage", data="485454502f312e31")

    assert raw(car, ACTIVATION) == b"HTTP/1.1"


def test_wrong_version(car: CarProcess) -> None:
    usual = raw(car, ACTIVATION)
    car.add_fault("wrong_version", version=0x7E)

    assert raw(car, ACTIVATION) == b"\x7e\x81" + usual[2:]


def test_an_ecu_that_closes_and_one_that_is_silent(car: CarProcess) -> None:
    address = car.ecus["Gateway"]
    car.add_fault("close", ecu="Gateway")
    car.add_fault("silent", ecu="Telematics")

    with pytest.raises((TimeoutError, ConnectionError)):
        DoIPClient(address.host, address.logical_address, tcp_port=address.port)
    assert raw(car, ACTIVATION, "Telematics") == b""
    assert [entry["stage"] for entry in car.requests() if entry["ecu"] == "Telematics"] == ["connect", "activation"]


def test_refused_activation(car: CarProcess) -> None:
    address = car.ecus["Gateway"]
    car.add_fault("refuse", code=doip.Activation.SOURCE_IN_USE)

    with pytest.raises(ConnectionRefusedError, match="code 3"):
        DoIPClient(address.host, address.logical_address, tcp_port=address.port)


def test_a_diagnostic_message_that_is_not_taken(car: CarProcess) -> None:
    car.add_fault("nack", code=doip.DiagnosticNack.TOO_LARGE)

    with pytest.raises(OSError, match=r"(?i)negative ack.*4"), talk(car) as client:
        client.read_data_by_identifier(0xF190)


def test_negative_response_to_one_service_once(car: CarProcess) -> None:
    car.add_fault("negative", nrc=0x22, service=0x22, times=1)

    with talk(car) as client:
        client.tester_present()
        with pytest.raises(NegativeResponseException) as refusal:
            client.read_data_by_identifier(0xF190)
        assert refusal.value.response.code == 0x22
        assert client.read_data_by_identifier(0xF190).positive
    assert car.faults()[0]["fired"] == 1


def test_pending_then_the_response(car: CarProcess) -> None:
    car.add_fault("pending", seconds=0.2, ecu="Gateway")

    assert read(car, "Gateway", 0xF190) == VIN

    asked = car.requests()[-1]
    assert asked["responses"] == ["7f2278", "62f190" + VIN.hex()]
    assert asked["fault"] == "pending"


def test_slow_then_the_response(car: CarProcess) -> None:
    car.add_fault("slow", seconds=0.1)

    assert read(car, "Gateway", 0xF190) == VIN


def test_anything_may_be_said(car: CarProcess) -> None:
    car.add_fault("say", data="62f187", service=0x22)

    with pytest.raises(UnexpectedResponseException), talk(car) as client:
        client.read_data_by_identifier(0xF190)


def test_an_ecu_that_resets_in_mid_read_comes_back(car: CarProcess) -> None:
    car.add_fault("reset", times=1)

    with pytest.raises(Exception, match=r"timeout|in time|reset"), talk(car, timeout=0.5) as client:
        client.read_data_by_identifier(0xF190)

    car.wait_until_listening()
    assert read(car, "Gateway", 0xF190) == VIN


def test_one_that_closes_in_mid_read_lets_some_requests_pass(car: CarProcess) -> None:
    car.add_fault("close", stage="request", skip=1)

    with talk(car, timeout=0.5) as client:
        assert client.read_data_by_identifier(0xF190).positive
        with pytest.raises(Exception, match=r"timeout|in time|reset"):
            client.read_data_by_identifier(0xF190)


def test_a_fault_that_does_not_exist_is_refused(car: CarProcess) -> None:
    with pytest.raises(ValueError, match=f"not a kind of fault; these are: {', '.join(KINDS)}"):
        car.add_fault("melts")
    with pytest.raises(ValueError, match="does not have an ECU 'Brakes'; it has Gateway, Telematics"):
        car.add_fault("close", ecu="Brakes")


@pytest.mark.parametrize(
    ("change", "did", "value"),
    [
        ({"vin": "KMHL14JA5PA000001"}, 0xF190, b"KMHL14JA5PA000001"),
        ({"dids": {"F189": "ff00fe"}}, 0xF189, b"\xff\x00\xfe"),
        ({"dids": {"F195": "322e30"}}, 0xF195, b"2.0"),
    ],
)
def test_one_ecu_says_something_else(car: CarProcess, change: dict[str, object], did: int, value: bytes) -> None:
    car.set_ecu("Gateway", **change)

    assert read(car, "Gateway", did) == value
    assert read(car, "Telematics", 0xF190) == VIN


def test_an_identifier_that_is_missing_and_an_ecu_that_is_off(car: CarProcess) -> None:
    car.set_ecu("Gateway", dids={"F189": None})
    with pytest.raises(NegativeResponseException) as refusal:
        read(car, "Gateway", 0xF189)
    assert refusal.value.response.code == 0x31

    car.set_ecu("Gateway", on=False)
    with pytest.raises(ConnectionRefusedError):
        read(car, "Gateway", 0xF190)
    assert read(car, "Telematics", 0xF190) == VIN


@pytest.mark.parametrize(
    ("sent", "payload_type", "payload"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", doip.Payload.GENERIC_NACK, b"\x00"),
        (doip.pack(0x4711, b""), doip.Payload.GENERIC_NACK, b"\x01"),
        (b"\x02\xfd\x80\x01\x7f\xff\xff\xff", doip.Payload.GENERIC_NACK, b"\x02"),
        (doip.pack(doip.Payload.ACTIVATION_REQUEST, b"\x0e"), doip.Payload.GENERIC_NACK, b"\x04"),
        (doip.diagnostic(0x0E00, 0xE0, b"\x3e\x00"), doip.Payload.DIAGNOSTIC_NACK, b"\x00\xe0\x0e\x00\x02"),
        (
            doip.pack(doip.Payload.ACTIVATION_REQUEST, b"\x00\x01\x00\x00\x00\x00\x00"),
            doip.Payload.ACTIVATION_RESPONSE,
            b"\x00\x01\x00\xe0\x00\x00\x00\x00\x00",
        ),
    ],
)
def test_what_is_wrong_on_the_wire_is_refused_as_the_standard_says(
    car: CarProcess, sent: bytes, payload_type: int, payload: bytes
) -> None:
    assert raw(car, sent) == doip.pack(payload_type, payload)


def test_a_message_for_another_ecu_is_not_taken(car: CarProcess) -> None:
    said = raw(car, ACTIVATION + doip.diagnostic(0x0E00, 0xE1, b"\x3e\x00"))

    assert said.endswith(doip.pack(doip.Payload.DIAGNOSTIC_NACK, b"\x00\xe0\x0e\x00\x03"))


def test_a_second_tester_with_the_same_address_replaces_one_that_is_not_alive(car: CarProcess) -> None:
    address = car.ecus["Gateway"]
    with socket.create_connection((address.host, address.port), timeout=5) as idle:
        idle.sendall(ACTIVATION)
        idle.recv(4096)

        assert read(car, "Gateway", 0xF190) == VIN

        assert idle.recv(4096) == doip.pack(doip.Payload.ALIVE_CHECK_REQUEST, b"")
