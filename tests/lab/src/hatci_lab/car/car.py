# SPDX-License-Identifier: GPL-3.0-or-later
"""The car: which of its ECUs listen, depending on power, network, defects and resets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from hatci_lab.car import saved_state
from hatci_lab.car.log import RequestLog
from hatci_lab.car.model import CarState, Interruption
from hatci_lab.car.phases import PHASES
from hatci_lab.car.server import EcuServer


class Car:
    """Everything that changes `state` calls `changed` afterwards, which keeps it and lets the ECUs follow."""

    def __init__(self, path: Path, boot_seconds: float) -> None:
        self.path = path
        self.state: CarState = saved_state.load(path)
        self.log = RequestLog()
        self.news = asyncio.Event()
        """Set when something changed that an update may depend on."""
        self._boot_seconds = boot_seconds
        self._boots: dict[str, asyncio.Task[None]] = {}
        self.resets = 0
        """How often an ECU was reset since the car was started."""
        self._servers = {name: EcuServer(self.state, name, self.log, self.save, self.reset) for name in self.state.ecus}
        self.state.ports = {name: server.port for name, server in self._servers.items()}
        self.save()

    async def start(self) -> None:
        """Let every ECU listen that can."""
        await asyncio.gather(*(server.open() for name, server in self._servers.items() if self.runs(name)))

    def runs(self, name: str) -> bool:
        """Whether the ECU listens, or will when it has booted."""
        state = self.state
        wired = state.network or not state.network_carries_diagnostics
        return state.powered and wired and not state.bricked and state.ecus[name].on

    @property
    def cut(self) -> Interruption | None:
        """What keeps the car from its update server now."""
        if not self.state.powered or self.state.bricked:
            return "power loss"
        return None if self.state.network else "network loss"

    def changed(self) -> None:
        """Keep what changed, note what it does to an update, and let the ECUs follow."""
        if self.cut:
            self._interrupt(self.cut)
        self.save()
        self.news.set()
        for name, server in self._servers.items():
            if not self.runs(name):
                self._cancel_boot(name)
                server.close()
            elif not server.listening and name not in self._boots:
                self._boot(name)

    def reset(self, name: str) -> None:
        """A tester resets the ECU."""
        self.resets += 1
        self._interrupt("reset")
        self.reboot(name)
        self.news.set()

    def reboot(self, name: str) -> None:
        """The ECU drops its connections and refuses new ones while it boots."""
        self._cancel_boot(name)
        self._servers[name].close()
        if self.runs(name):
            self._boot(name)

    def renew(self) -> None:
        """Be as new, on the same ports."""
        new = saved_state.load(saved_state.as_new(self.path))
        for name in CarState.model_fields.keys() - {"ports", "admin_port"}:
            setattr(self.state, name, getattr(new, name))
        self.log.clear()
        self.changed()

    def shown(self) -> dict[str, Any]:
        """The state, and of each ECU whether it listens now."""
        shown = self.state.model_dump()
        for name, server in self._servers.items():
            shown["ecus"][name]["listening"] = server.listening
        return shown

    def _interrupt(self, interruption: Interruption) -> None:
        update = self.state.update
        if update and update.phase in PHASES and not update.ended:
            update.interruption = update.interruption or interruption

    def save(self) -> None:
        saved_state.save(self.path, self.state)

    def _boot(self, name: str) -> None:
        self._boots[name] = asyncio.get_running_loop().create_task(self._come_up(name))

    async def _come_up(self, name: str) -> None:
        await asyncio.sleep(self._boot_seconds)
        await self._servers[name].open()
        del self._boots[name]

    def _cancel_boot(self, name: str) -> None:
        boot = self._boots.pop(name, None)
        if boot:
            boot.cancel()
