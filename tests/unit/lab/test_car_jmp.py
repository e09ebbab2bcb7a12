# SPDX-License-Identifier: GPL-3.0-or-later
"""The car behind published Jumpstarter drivers, on a local exporter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hatci_lab.car.process import CarProcess

VIN = "1HGBH41JXMN109186"
BIN = Path(sys.executable).parent
READ_BY_TUNNEL = """
from doipclient import DoIPClient
from doipclient.connectors import DoIPClientUDSConnector
from jumpstarter.utils.env import env
from jumpstarter_driver_network.adapters import TcpPortforwardAdapter
from udsoncan import AsciiCodec
from udsoncan.client import Client

with env() as device:
    for name, address in (("gateway", 0xE0), ("telematics", 0xE1)):
        with TcpPortforwardAdapter(client=getattr(device, name)) as (host, port):
            connection = DoIPClient(host, address, tcp_port=port)
            config = {"data_identifiers": {0xF190: AsciiCodec(17)}}
            with Client(DoIPClientUDSConnector(connection), config=config) as uds:
                print(name, uds.read_data_by_identifier(0xF190).service_data.values[0xF190])
            connection.close()
"""
READ_BY_DRIVER = """
from jumpstarter.utils.env import env

with env() as device:
    found = device.gateway.read_data_by_identifier([0xF190])
    print(bytes.fromhex(found[0].value).decode())
    print([hex(code.dtc_id) for code in device.gateway.read_dtc_by_status_mask(0x08)])
"""
SWITCH_AND_LISTEN = """
from jumpstarter.utils.env import env

def voltage(device):
    return f"{next(iter(device.power.read())).voltage} V"

with env() as device:
    said = [voltage(device)]
    device.serial.send("check_version")
    said += device.serial.read(5)
    said += device.serial.read(5)[:1]
    device.network.off()
    device.power.off()
    said += [voltage(device), *device.serial.read(0.1)]
    print("\\n".join(f"SAID {line}" for line in said))
"""
pytestmark = pytest.mark.slow


@pytest.fixture
def exporter(car: CarProcess, tmp_path: Path) -> Path:
    path = tmp_path / "car.yaml"
    car.write_exporter(path, "car_001")
    return path


def shell(exporter: Path, *command: str) -> list[str]:
    """Lines that a command prints inside a local `jmp shell`."""
    env = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "TTY_COMPATIBLE")}
    env["PATH"] = f"{BIN}:{env['PATH']}"
    jmp = [str(BIN / "jmp"), "--log-level", "ERROR", "shell", "--exporter-config", str(exporter), "--"]
    run = subprocess.run([*jmp, *command], env=env, capture_output=True, text=True, timeout=120, check=False)
    return (run.stdout + run.stderr).splitlines()


def test_both_ecus_are_read_through_tunnels(exporter: Path) -> None:
    assert shell(exporter, sys.executable, "-c", READ_BY_TUNNEL) == [f"gateway {VIN}", f"telematics {VIN}"]


def test_one_ecu_is_read_by_the_uds_driver(car: CarProcess, exporter: Path) -> None:
    car.set_ecu("Gateway", dtcs={"U0123-00": 0x2F})
    car.write_exporter(exporter, "car_001", uds_doip=["Gateway"])

    assert shell(exporter, sys.executable, "-c", READ_BY_DRIVER) == [VIN, "['0xc12300']"]


def test_relays_switch_and_the_serial_line_tells_the_true_software_while_there_is_power(
    car: CarProcess, exporter: Path
) -> None:
    car.set_ecu("Gateway", sw_version="1.0.1")
    car.set_car(vin="KMHL14JA5PA000001")
    script = 'python -c "$0" && j power cycle --wait 0'

    lines = shell(exporter, "sh", "-c", script, SWITCH_AND_LISTEN)

    assert [line.removeprefix("SAID ") for line in lines if line.startswith("SAID ")] == [
        "12.6 V",
        "ECU Gateway part=GW-2024-001 sw=1.0.1",
        "ECU Telematics part=TCU-2024-007 sw=3.1.4",
        "END",
        "HATCI VIRTUAL VEHICLE KMHL14JA5PA000001 ready",
        "0.0 V",
    ]
    assert car.state()["powered"]
    assert not car.state()["network"]
