# SPDX-License-Identifier: GPL-3.0-or-later
"""A tester with the independent clients doipclient and udsoncan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from doipclient import DoIPClient
from doipclient.connectors import DoIPClientUDSConnector
from udsoncan import DidCodec
from udsoncan.client import Client
from udsoncan.configs import default_client_config

from hatci_lab.car.process import CarProcess


class Raw(DidCodec):
    def decode(self, string_bin: bytes) -> bytes:
        return string_bin

    def __len__(self) -> int:
        raise DidCodec.ReadAllRemainingData


@contextmanager
def talk(car: CarProcess, name: str = "Gateway", timeout: float = 5.0) -> Iterator[Client]:
    address = car.ecus[name]
    connection = DoIPClient(address.host, address.logical_address, tcp_port=address.port)
    config = {**default_client_config, "data_identifiers": {"default": Raw()}, "request_timeout": timeout}
    try:
        with Client(DoIPClientUDSConnector(connection), config=config) as client:
            yield client
    finally:
        connection.close()


def read(car: CarProcess, name: str, did: int, timeout: float = 5.0) -> bytes:
    with talk(car, name, timeout) as client:
        value: bytes = client.read_data_by_identifier(did).service_data.values[did]
        return value


def codes(car: CarProcess, name: str, mask: int = 0xFF) -> dict[int, int]:
    """Trouble codes as udsoncan decodes them, with their status bytes."""
    with talk(car, name) as client:
        found = client.get_dtc_by_status_mask(mask).service_data.dtcs
        return {one.id: one.status.get_byte_as_int() for one in found}
