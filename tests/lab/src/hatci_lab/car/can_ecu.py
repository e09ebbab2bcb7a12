# SPDX-License-Identifier: GPL-3.0-or-later
"""An ECU on a CAN bus: UDS over ISO-TP (ISO 15765-2), behind an adapter that speaks SLCAN on a pseudo-terminal.

The published driver UdsCan opens the terminal as it would a USB adapter (``interface: slcan``).
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import tty
from collections.abc import Iterator

import isotp

from hatci_lab.car import uds
from hatci_lab.car.model import CarState, Ecu

END = b"\r"
LOOK_SECONDS = 0.02


class CanEcu:
    """Answers requests with `request_id` by frames with `response_id`, as long as the ECU is on."""

    def __init__(self, car: CarState, ecu: Ecu, *, request_id: int, response_id: int) -> None:
        self._car, self._ecu = car, ecu
        self._port, slave = os.openpty()
        tty.setraw(slave)
        self._slave = slave
        self.device = os.ttyname(slave)
        self._buffer = b""
        self._frames: list[isotp.CanMessage] = []
        self._ends = threading.Event()
        self._stack = isotp.TransportLayerLogic(
            rxfn=self._receive,
            txfn=self._send,
            address=isotp.Address(rxid=request_id, txid=response_id),
            params={"blocking_send": False},
        )

    @contextlib.contextmanager
    def running(self) -> Iterator[CanEcu]:
        """Serve until the context ends."""
        server = threading.Thread(target=self._serve)
        server.start()
        try:
            yield self
        finally:
            self._ends.set()
            server.join()
            os.close(self._port)
            os.close(self._slave)

    def _serve(self) -> None:
        while not self._ends.is_set():
            self._stack.process()
            request = self._stack.recv()
            if request and self._ecu.on and self._car.powered:
                response = uds.respond(self._car, self._ecu, bytes(request))
                if response.data is not None:
                    self._stack.send(response.data)

    def _receive(self, timeout: float = 0) -> isotp.CanMessage | None:
        wait = LOOK_SECONDS if not self._frames else 0
        if select.select([self._port], [], [], wait)[0]:
            *lines, self._buffer = (self._buffer + os.read(self._port, 4096)).split(END)
            self._frames += [frame for line in lines if (frame := _frame_of(line.decode("ascii")))]
        return self._frames.pop(0) if self._frames else None

    def _send(self, frame: isotp.CanMessage) -> None:
        line = f"t{frame.arbitration_id:03X}{len(frame.data)}{frame.data.hex().upper()}"
        os.write(self._port, line.encode("ascii") + END)


def _frame_of(line: str) -> isotp.CanMessage | None:
    """Return the frame that an adapter is told to send; other commands, such as to open the bus, are taken as done."""
    if not line.startswith("t"):
        return None
    return isotp.CanMessage(arbitration_id=int(line[1:4], 16), dlc=int(line[4]), data=bytes.fromhex(line[5:]))
