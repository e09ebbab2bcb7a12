# SPDX-License-Identifier: GPL-3.0-or-later
"""The car as a process: power, restarts, what it keeps."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil
import pytest
import requests
from car_support import codes, read, talk

from hatci_lab.car.process import CarProcess

VIN = b"1HGBH41JXMN109186"


def test_it_stops_what_it_started(tmp_path: Path) -> None:
    with CarProcess(tmp_path / "car") as car:
        child = psutil.Process(car.pid)
        assert read(car, "Gateway", 0xF190) == VIN

    assert not child.is_running()
    assert car.log.read_text() == ""


def test_without_power_it_is_unreachable_and_keeps_its_state(car: CarProcess) -> None:
    car.set_ecu("Gateway", dtcs={"U0123-00": 0x2F}, sw_version="9.9")
    with talk(car) as client:
        car.power(False)
        with pytest.raises(Exception, match=r"timeout|in time|reset|pipe"):
            client.read_data_by_identifier(0xF190)
    for name in car.ecus:
        with pytest.raises(ConnectionRefusedError):
            read(car, name, 0xF190)

    car.restart()
    with pytest.raises(ConnectionRefusedError):
        read(car, "Gateway", 0xF190)

    car.power(True)
    car.wait_until_listening()
    assert read(car, "Gateway", 0xF189) == b"9.9"
    assert codes(car, "Gateway") == {0xC12300: 0x2F}


def test_a_crash_costs_nothing_and_its_ports_stay(car: CarProcess) -> None:
    before = car.ports
    car.add_fault("pending", seconds=0.1)
    car.kill()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", before["Gateway"])):
        pass

    car.start()

    assert car.ports == before
    assert [fault["kind"] for fault in car.faults()] == ["pending"]


def test_the_relays_are_switched_by_http(car: CarProcess) -> None:
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(f"{car.url}/power/read").json() == {"voltage": 12.6, "current": 8.0}
        assert session.get(f"{car.url}/power/off").json()["voltage"] == 0.0
        assert not car.state()["powered"]
        assert session.post(f"{car.url}/network/off").ok
        assert not car.state()["network"]
        assert session.get(f"{car.url}/horn/on").status_code == 404
        assert session.post(f"{car.url}/battery/off").ok
        assert car.state()["voltage"] < car.state()["behaviour"]["minimum_voltage"]
        assert session.post(f"{car.url}/battery/on").ok
        assert car.state()["voltage"] == 12.6


def test_the_reset_line_resets_every_ecu(tmp_path: Path) -> None:
    with CarProcess(tmp_path / "car", boot_seconds=30) as car, requests.Session() as session:
        session.trust_env = False
        assert session.post(f"{car.url}/reset/on").ok
        assert not any(ecu["listening"] for ecu in car.state()["ecus"].values())


def test_a_network_that_carries_diagnostics_takes_them_away(car: CarProcess) -> None:
    car.network(False)
    assert read(car, "Gateway", 0xF190) == VIN

    car.set_car(network_carries_diagnostics=True)
    with pytest.raises(ConnectionRefusedError):
        read(car, "Gateway", 0xF190)

    car.network(True)
    car.wait_until_listening()
    assert read(car, "Gateway", 0xF190) == VIN


def test_what_makes_no_sense_is_refused(car: CarProcess) -> None:
    with pytest.raises(ValueError, match="X0123-00"):
        car.set_ecu("Gateway", dtcs={"X0123-00": 1})
    with pytest.raises(ValueError, match="does not have an ECU 'Brakes'"):
        car.set_behaviour(leaves_codes={"Brakes": {"C0035-00": 0x2F}})
    with pytest.raises(ValueError, match="colour"):
        car.set_ecu("Gateway", colour="red")
