# SPDX-License-Identifier: GPL-3.0-or-later
"""What an ECU answers to a UDS request (ISO 14229-1). Pure functions of its state, but for cleared codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from hatci_lab.car import dtc
from hatci_lab.car.model import CarState, Ecu

NEGATIVE = 0x7F
POSITIVE = 0x40
SUPPRESS = 0x80
SESSIONS = frozenset({0x01, 0x02, 0x03})
RESETS = frozenset({0x01, 0x02, 0x03})
TIMING = bytes.fromhex("003201F4")  # answers within 50 ms, within 5 s after "response pending"
ALL_GROUPS = b"\xff\xff\xff"
STATUS_AVAILABILITY = 0xFF


class Service(IntEnum):
    SESSION = 0x10
    RESET = 0x11
    CLEAR_CODES = 0x14
    READ_CODES = 0x19
    READ_DATA = 0x22
    TESTER_PRESENT = 0x3E


class Nrc(IntEnum):
    SERVICE_NOT_SUPPORTED = 0x11
    SUBFUNCTION_NOT_SUPPORTED = 0x12
    INCORRECT_LENGTH = 0x13
    CONDITIONS_NOT_CORRECT = 0x22
    OUT_OF_RANGE = 0x31
    RESPONSE_PENDING = 0x78


class Refused(Exception):
    def __init__(self, nrc: Nrc) -> None:
        super().__init__(nrc.name)
        self.nrc = nrc


@dataclass(frozen=True)
class Response:
    """`data` None says nothing, as the request wished. The ECU resets once the response is out."""

    data: bytes | None
    resets: bool = False
    changed: bool = False


def negative(service: int, nrc: int) -> bytes:
    return bytes([NEGATIVE, service, nrc])


def respond(car: CarState, ecu: Ecu, request: bytes) -> Response:
    """The response to one request, which has at least one byte."""
    service, body = request[0], request[1:]
    handler = _HANDLERS.get(service)
    try:
        if handler is None:
            raise Refused(Nrc.SERVICE_NOT_SUPPORTED)
        return handler(car, ecu, body)
    except Refused as refusal:
        return Response(negative(service, refusal.nrc))


def identifiers(car: CarState, ecu: Ecu) -> dict[str, bytes]:
    """Every data identifier that the ECU knows, in four hex digits, with its bytes."""
    known = {
        "F187": ecu.part_number.encode(),
        "F189": ecu.sw_version.encode(),
        "F18C": ecu.serial.encode(),
        "F190": (ecu.vin or car.vin).encode(),
        "F191": ecu.hardware.encode(),
    }
    known.update({did: bytes.fromhex(data) for did, data in ecu.dids.items() if data is not None})
    return {did: data for did, data in known.items() if ecu.dids.get(did, "") is not None}


def _subfunction(service: Service, body: bytes, known: frozenset[int]) -> tuple[int, bool]:
    if len(body) != 1:
        raise Refused(Nrc.INCORRECT_LENGTH)
    function = body[0] & ~SUPPRESS
    if function not in known:
        raise Refused(Nrc.SUBFUNCTION_NOT_SUPPORTED)
    return function, bool(body[0] & SUPPRESS)


def _session(_car: CarState, _ecu: Ecu, body: bytes) -> Response:
    session, silent = _subfunction(Service.SESSION, body, SESSIONS)
    return Response(None if silent else bytes([Service.SESSION | POSITIVE, session]) + TIMING)


def _reset(_car: CarState, _ecu: Ecu, body: bytes) -> Response:
    kind, silent = _subfunction(Service.RESET, body, RESETS)
    return Response(None if silent else bytes([Service.RESET | POSITIVE, kind]), resets=True)


def _tester_present(_car: CarState, _ecu: Ecu, body: bytes) -> Response:
    _unused, silent = _subfunction(Service.TESTER_PRESENT, body, frozenset({0x00}))
    return Response(None if silent else bytes([Service.TESTER_PRESENT | POSITIVE, 0x00]))


def _clear_codes(_car: CarState, ecu: Ecu, body: bytes) -> Response:
    if len(body) != 3:
        raise Refused(Nrc.INCORRECT_LENGTH)
    kept = {} if body == ALL_GROUPS else {code: one for code, one in ecu.dtcs.items() if dtc.to_bytes(code) != body}
    if body != ALL_GROUPS and len(kept) == len(ecu.dtcs):
        raise Refused(Nrc.OUT_OF_RANGE)
    ecu.dtcs = kept
    return Response(bytes([Service.CLEAR_CODES | POSITIVE]), changed=True)


def _read_codes(_car: CarState, ecu: Ecu, body: bytes) -> Response:
    if not body:
        raise Refused(Nrc.INCORRECT_LENGTH)
    report, arguments = body[0], body[1:]
    if report not in (0x01, 0x02, 0x0A):
        raise Refused(Nrc.SUBFUNCTION_NOT_SUPPORTED)
    if len(arguments) != (0 if report == 0x0A else 1):
        raise Refused(Nrc.INCORRECT_LENGTH)
    codes = [(dtc.to_bytes(code), status) for code, status in ecu.dtcs.items()]
    if arguments:
        codes = [(code, status) for code, status in codes if status & arguments[0]]
    head = bytes([Service.READ_CODES | POSITIVE, report, STATUS_AVAILABILITY])
    if report == 0x01:
        return Response(head + b"\x00" + len(codes).to_bytes(2, "big"))
    return Response(head + b"".join(code + bytes([status]) for code, status in codes))


def _read_data(car: CarState, ecu: Ecu, body: bytes) -> Response:
    if not body or len(body) % 2:
        raise Refused(Nrc.INCORRECT_LENGTH)
    asked = [body[at : at + 2] for at in range(0, len(body), 2)]
    if len(asked) > 1 and not ecu.multiple_dids:
        raise Refused(Nrc.INCORRECT_LENGTH)
    known = identifiers(car, ecu)
    found = b"".join(did + known[did.hex().upper()] for did in asked if did.hex().upper() in known)
    if not found:
        raise Refused(Nrc.OUT_OF_RANGE)
    return Response(bytes([Service.READ_DATA | POSITIVE]) + found)


_HANDLERS: dict[int, Callable[[CarState, Ecu, bytes], Response]] = {
    Service.SESSION: _session,
    Service.RESET: _reset,
    Service.CLEAR_CODES: _clear_codes,
    Service.READ_CODES: _read_codes,
    Service.READ_DATA: _read_data,
    Service.TESTER_PRESENT: _tester_present,
}
