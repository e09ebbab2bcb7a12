# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading ECUs through drivers of an exporter: each trouble has words of its own, and nothing hangs or breaks."""

from __future__ import annotations

import json
import sys
import threading
import typing as t
from collections.abc import Iterator

import anyio
import pytest
from fuzz_support import FEW
from hypothesis import given
from hypothesis import strategies as st
from jumpstarter.common.utils import serve
from jumpstarter.driver import Driver, export
from jumpstarter_driver_composite.driver import Composite
from jumpstarter_driver_network.driver import TcpNetwork
from jumpstarter_driver_opendal.driver import MockStorageMux
from jumpstarter_driver_uds_doip.driver import UdsDoip
from reader_support import (
    ACKNOWLEDGED,
    ACTIVATED,
    ADDRESS,
    ScriptedEcu,
    diagnostic,
    ecu_request,
    read,
    tunnel_to,
)

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader import main, tunnel
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader.main import Reader
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.account import MAX_ERROR, MAX_TEXT
from hatci_lab.car.process import CarProcess

VIN = "1HGBH41JXMN109186"


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarProcess]:
    with CarProcess(tmp_path_factory.mktemp("car"), boot_seconds=0.05) as car:
        yield car


@pytest.fixture
def car(_running: CarProcess) -> Iterator[CarProcess]:
    yield _running
    _running.clear_faults()
    for name in _running.ecus:
        _running.set_ecu(name, dtcs={}, dids={}, vin=None, on=True)
    _running.wait_until_listening()


@pytest.fixture
def tunnels(car: CarProcess) -> Iterator[t.Any]:
    with tunnel_to(gateway=car.ports["Gateway"], telematics=car.ports["Telematics"]) as root:
        yield root


GATEWAY = ecu_request("Gateway", "gateway")
TELEMATICS = ecu_request("Telematics", "telematics", 0xE1)
NEVER_ANSWERS = ("silent", "slow", "pending")


def test_ecus_are_read_whole(car: CarProcess, tunnels: t.Any) -> None:
    car.set_ecu("Gateway", dtcs={"U0123-00": 0x2F, "P0300-1C": 0x04})

    assert read(tunnels, GATEWAY, TELEMATICS) == [
        {
            "name": "Gateway",
            "reachable": True,
            "part_number": "GW-2024-001",
            "sw_version": "1.0.0",
            "serial": "GATEWAY-0001",
            "vin": VIN,
            "codes": [
                {"code": "U0123-00", "status": 0x2F, "confirmed": True},
                {"code": "P0300-1C", "status": 0x04, "confirmed": False},
            ],
            "error": None,
        },
        {
            "name": "Telematics",
            "reachable": True,
            "part_number": "TCU-2024-007",
            "sw_version": "3.1.4",
            "serial": "TELEMATICS-0002",
            "vin": VIN,
            "codes": [],
            "error": None,
        },
    ]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        # Where our request was there before it closed, the system resets the connection, of which Jumpstarter's tunnel
        # (0.9) tells nothing.
        (
            {"kind": "close"},
            (
                "connecting: it does not accept connections (it is off, starting, or elsewhere than",
                "connecting: it accepted the connection and gave no answer",
            ),
        ),
        ({"kind": "garbage", "data": "deadbeef" * 8}, "connecting: it sends something else than DoIP, which begins"),
        ({"kind": "garbage", "data": "02fd0006ffffffff"}, "connecting: it sends a DoIP message of 4294967295 bytes"),
        ({"kind": "silent"}, "connecting: it accepted the connection and gave no answer"),
        ({"kind": "refuse", "code": 3}, "connecting: it refused the routing activation: deniedSARegistered (0x03)"),
        ({"kind": "nack", "code": 2}, "reading DID F190: it refused the request: invalidSourceAddress (0x02)"),
        ({"kind": "reset", "skip": 2}, "reading DID F189: it closed the connection"),
        ({"kind": "slow", "seconds": 30}, "reading DID F190: it gave no answer in time"),
        ({"kind": "pending", "seconds": 60}, "reading DID F190: it said that its answer is pending (0x78), and gave"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_an_ecu_that_cannot_be_read_says_why_and_keeps_no_other_from_it(
    car: CarProcess, tunnels: t.Any, fault: dict[str, t.Any], error: str | tuple[str, ...]
) -> None:
    car.add_fault(ecu="Gateway", **fault)

    gateway, telematics = read(tunnels, GATEWAY, TELEMATICS, seconds=8 if fault["kind"] in NEVER_ANSWERS else 60)

    assert gateway["error"] and gateway["error"].startswith(error)
    assert not gateway["reachable"] and gateway["sw_version"] is None and gateway["codes"] is None
    assert telematics["reachable"] and telematics["sw_version"] == "3.1.4"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("7f2231", "requestOutOfRange (0x31): it has no DID F189"),
        ("7f2299", "153 (0x99) for DID F189"),
        ("62f19031", "DID F189: it answered for DID F190"),
        ("62", "DID F189: it answered with something else: 0x62"),
        ("", "DID F189: it answered with something else: nothing"),
        ("6e0000", "DID F189: it answered with something else: 0x6E0000"),
    ],
)
def test_a_wrong_answer_costs_one_value_only(car: CarProcess, tunnels: t.Any, data: str, error: str) -> None:
    car.add_fault("say", ecu="Gateway", skip=2, times=1, data=data)

    (gateway,) = read(tunnels, GATEWAY)

    assert (gateway["reachable"], gateway["sw_version"], gateway["error"]) == (True, None, error)
    assert gateway["vin"] == VIN and gateway["serial"] == "GATEWAY-0001" and gateway["codes"] == []


def test_an_answer_that_is_pending_is_waited_for(car: CarProcess, tunnels: t.Any) -> None:
    car.add_fault("pending", ecu="Gateway", seconds=2, times=1)

    assert read(tunnels, GATEWAY)[0]["sw_version"] == "1.0.0"


def test_until_they_settle_each_ecu_is_tried_again(car: CarProcess, tunnels: t.Any) -> None:
    car.add_fault("reset", ecu="Gateway", skip=2, times=1)
    car.add_fault("negative", ecu="Telematics", service=0x22, nrc=0x22, times=1)

    assert all(ecu["error"] is None for ecu in read(tunnels, GATEWAY, TELEMATICS, seconds=30, settle=20))
    assert sum(entry["stage"] == "connect" for entry in car.requests()) >= 4


def test_what_no_other_try_can_change_is_not_waited_for(car: CarProcess, tunnels: t.Any) -> None:
    car.set_ecu("Gateway", dids={"F189": None})
    car.clear_requests()

    gateway, wrong = read(tunnels, GATEWAY, ecu_request("Radio", "radio"), seconds=600, settle=600)

    assert gateway["error"] == "requestOutOfRange (0x31): it has no DID F189"
    assert wrong["error"] == "the exporter does not have the driver radio; it has gateway, telematics"
    assert [entry["stage"] for entry in car.requests()].count("connect") == 1


def test_a_wrong_logical_address_is_named(tunnels: t.Any) -> None:
    (gateway,) = read(tunnels, ecu_request("Gateway", "gateway", 0x1234))

    assert gateway["error"] == (
        "reading DID F190: it refused the request: unknownTargetAddress (0x03); "
        "logical_address 0x1234 is not its address"
    )


def test_codes_are_cleared_when_asked_and_left_alone_when_not(car: CarProcess, tunnels: t.Any) -> None:
    car.set_ecu("Gateway", dtcs={"U0123-00": 0x2F})

    assert len(read(tunnels, GATEWAY)[0]["codes"] or []) == 1
    assert read(tunnels, GATEWAY, read_codes=False)[0]["codes"] is None
    assert len(read(tunnels, GATEWAY, clear_codes=True)[0]["codes"] or []) == 1
    assert read(tunnels, GATEWAY)[0]["codes"] == []


def test_codes_that_an_earlier_try_cleared_are_told_all_the_same(car: CarProcess, tunnels: t.Any) -> None:
    car.set_ecu("Gateway", dtcs={"U0123-00": 0x2F})
    car.add_fault("negative", ecu="Gateway", service=0x22, nrc=0x21, times=1)

    (gateway,) = read(tunnels, GATEWAY, clear_codes=True, settle=5)

    assert (gateway["vin"], len(gateway["codes"] or [])) == (VIN, 1)
    assert car.state()["ecus"]["Gateway"]["dtcs"] == {}


@pytest.mark.parametrize("code", [0x21, 0x7E, 0x7F, 0x92])
def test_an_ecu_in_its_boot_loader_is_waited_for(car: CarProcess, tunnels: t.Any, code: int) -> None:
    car.add_fault("negative", ecu="Gateway", service=0x22, nrc=code, times=1)
    (gateway,) = read(tunnels, GATEWAY, settle=5)
    assert (gateway["vin"], gateway["error"]) == (VIN, None)


def test_an_ecu_that_answers_for_ever_takes_no_time_of_those_behind_it(
    car: CarProcess, tunnels: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "LEAST_SECONDS", 0.5)
    car.add_fault("pending", ecu="Gateway", seconds=60, times=1)
    first, second = read(tunnels, GATEWAY, {**GATEWAY, "name": "Behind it"}, seconds=4)
    assert not first["reachable"] and (second["reachable"], second["sw_version"]) == (True, "1.0.0")


def test_drivers_that_lead_to_no_ecu_are_named(car: CarProcess) -> None:
    bus = Composite(children={"gateway": TcpNetwork(host="127.0.0.1", port=car.ports["Gateway"])})
    with serve(Composite(children={"bus": bus, "storage": MockStorageMux()})) as root:
        accounts = read(
            root,
            ecu_request("Gateway", "bus.gateway"),
            ecu_request("A", "bus"),
            ecu_request("B", "storage"),
            ecu_request("C", "bus.seat"),
            ecu_request("D", "bus.gateway", None),
        )

    assert accounts[0]["sw_version"] == "1.0.0"
    assert [account["error"] for account in accounts[1:]] == [
        "driver bus cannot ask an ECU; its client is jumpstarter_driver_composite.client.CompositeClient, and this "
        "takes TcpNetwork, UdsDoip or UdsCan",
        "driver storage cannot ask an ECU; its client is jumpstarter_driver_opendal.client.StorageMuxClient, and this "
        "takes TcpNetwork, UdsDoip or UdsCan",
        "the exporter does not have the driver bus.seat; it has bus, bus.gateway, storage",
        "driver bus.gateway is a network tunnel, for which logical_address must be given",
    ]


def test_the_uds_drivers_say_the_same(car: CarProcess) -> None:
    car.set_ecu("Gateway", dtcs={"U0123-00": 0x2F}, dids={"F18C": None})
    driver = UdsDoip(ecu_ip="127.0.0.1", tcp_port=car.ports["Gateway"], ecu_logical_address=ADDRESS)
    with serve(Composite(children={"gateway": driver})) as root:
        (gateway,) = read(root, ecu_request("Gateway", "gateway", None), clear_codes=True)
        car.add_fault("reset", ecu="Gateway", times=1)
        (broken,) = read(root, ecu_request("Gateway", "gateway", None))

    assert (gateway["vin"], gateway["part_number"], gateway["sw_version"]) == (VIN, "GW-2024-001", "1.0.0")
    assert gateway["codes"] == [{"code": "U0123-00", "status": 0x2F, "confirmed": True}]
    assert gateway["error"] == "DID F18C: the driver gave an empty answer, so the ECU does not have it or refused"
    assert car.state()["ecus"]["Gateway"]["dtcs"] == {}
    assert broken["error"] and broken["error"].startswith("reading DID F190: its driver in the exporter failed: ")


@pytest.mark.parametrize("fault", [{}, {"kind": "negative", "nrc": 0x22}])
def test_no_codes_by_a_uds_driver_may_be_a_refusal_and_so_are_doubted(car: CarProcess, fault: dict[str, t.Any]) -> None:
    if fault:
        car.add_fault(**fault, ecu="Gateway", service=0x19)
    driver = UdsDoip(ecu_ip="127.0.0.1", tcp_port=car.ports["Gateway"], ecu_logical_address=ADDRESS)
    with serve(Composite(children={"gateway": driver})) as root:
        (gateway,) = read(root, ecu_request("Gateway", "gateway", None))
    assert (gateway["codes"], gateway["error"]) == ([], None)
    assert gateway["codes_doubt"].startswith("its driver gave no trouble codes")


class StuckUds(Driver):
    """A driver that says nothing until it is let go."""

    let_go: t.ClassVar[threading.Event] = threading.Event()

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_uds.client.UdsClient"

    @export
    async def read_data_by_identifier(self, _dids: list[int]) -> list[dict[str, t.Any]]:
        await anyio.to_thread.run_sync(self.let_go.wait)
        return []


def test_a_driver_that_hangs_holds_nobody_up(car: CarProcess) -> None:
    gateway_driver = TcpNetwork(host="127.0.0.1", port=car.ports["Gateway"])
    with serve(Composite(children={"gateway": gateway_driver, "stuck": StuckUds()})) as root:
        try:
            gateway, stuck = read(root, GATEWAY, ecu_request("Stuck", "stuck"), seconds=2)
        finally:
            StuckUds.let_go.set()

    assert gateway["reachable"] and stuck["error"] == "it was not read within the time that was given"


def test_a_package_that_is_missing_is_named(tunnels: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "HAS_DOIPCLIENT", False)
    request = {"ecus": [GATEWAY], "read_codes": True, "clear_codes": False, "settle_until": 0, "deadline": 1e9}

    assert Reader(tunnels, request).read()["problem"] == (
        f"the Python of jmp, {sys.executable}, lacks doipclient; install it there"
    )


@pytest.fixture(scope="module")
def scripted() -> Iterator[tuple[ScriptedEcu, t.Any]]:
    ecu = ScriptedEcu()
    with tunnel_to(ecu=ecu.port) as root:
        yield ecu, root
    ecu.close()


uds_answers = st.one_of(
    st.binary(max_size=40),
    st.binary(max_size=40).map(lambda data: b"\x62\xf1\x90" + data),
    st.binary(max_size=3).map(lambda data: b"\x7f\x22" + data),
    st.binary(max_size=60).map(lambda data: b"\x59\x02\xff" + data),
)
messages = st.one_of(
    uds_answers.map(diagnostic),
    uds_answers.map(lambda data: ACKNOWLEDGED + diagnostic(data)),
    st.just(ACKNOWLEDGED),
    st.builds(lambda kind, data: diagnostic(data, kind=kind), st.integers(0, 0xFFFF), st.binary(max_size=9)),
    st.builds(
        lambda kind, data: b"\x02\xfd" + kind.to_bytes(2, "big") + len(data).to_bytes(4, "big") + data,
        st.sampled_from([0, 5, 6, 7, 8, 0x8001, 0x8002, 0x8003]),
        st.binary(max_size=12),
    ),
    st.binary(max_size=60),
)


@FEW
@given(start=st.just(ACTIVATED) | messages, rest=st.lists(messages, max_size=6))
def test_whatever_an_ecu_sends_ends_in_an_account(
    scripted: tuple[ScriptedEcu, t.Any], start: bytes, rest: list[bytes]
) -> None:
    ecu, root = scripted
    ecu.script = [start, *rest]

    (account,) = read(root, ecu_request("Gateway", "ecu"), seconds=0.5)

    json.dumps(account)
    assert account["reachable"] or account["error"]
    words = account["error"] or ""
    assert words.isprintable() and len(words) <= MAX_ERROR
    assert "Error " not in words and "Exception" not in words, "an error that nobody foresaw"
    assert all(len(account[field] or "") <= MAX_TEXT for field in ("vin", "part_number", "sw_version", "serial"))
