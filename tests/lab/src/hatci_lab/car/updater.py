# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out the deployments that SUMS has for the car, and tells SUMS what became of them."""

from __future__ import annotations

import asyncio
import sys

import requests

from hatci_lab.car.car import Car
from hatci_lab.car.model import Aftermath, Update
from hatci_lab.car.phases import PHASES, phase
from hatci_lab.car.update_server import Deployment, UpdateServer
from hatci_lab.sums.models import Ecu as Target
from hatci_lab.sums.states import SUCCESS

POLL_SECONDS = 0.2
NOTHING = "NOTHING"


class Updater:
    def __init__(self, car: Car, server: UpdateServer) -> None:
        self._car = car
        self._server = server

    async def run(self) -> None:
        """Look after deployments for ever; a SUMS that is away is asked again."""
        while True:
            self._car.news.clear()
            try:
                await self._look()
            except requests.RequestException as error:
                print(f"the update server cannot be asked: {error}", file=sys.stderr, flush=True)
            try:
                await asyncio.wait_for(self._car.news.wait(), POLL_SECONDS)
            except TimeoutError:
                continue

    async def _look(self) -> None:
        deployments = await asyncio.to_thread(self._server.deployments, self._car.state.vin)
        if not deployments:
            self._keep(None)
            return
        seen = deployments[0]
        update = self._car.state.update
        if update is None or update.deployment_id != seen.deployment_id:
            update = Update(deployment_id=seen.deployment_id)
        now = phase(seen.state, seen.progress)
        self._keep(update.model_copy(update={"phase": now, "progress": seen.progress}))
        await self._follow(seen)

    async def _follow(self, seen: Deployment) -> None:
        update = self._update()
        if update.ended:
            await self._tell(update)
            return
        if self._car.cut:
            await self._hold(update, seen)
            return
        if update.interruption:
            aftermath = self._car.state.behaviour.aftermath(update.interruption)
            if aftermath != "resume":
                await self._break_off(seen, update, aftermath)
                return
            update.interruption = None
        if update.held:
            await asyncio.to_thread(self._server.hold, seen.deployment_id, False)
            update.held = False
            self._car.save()
            return
        refusal = self._refusal(seen) if update.phase in PHASES else None
        if refusal:
            await self._end("FAILED", refusal)
        elif seen.due:
            await self._finish(seen)

    async def _hold(self, update: Update, seen: Deployment) -> None:
        if update.phase in PHASES:
            update.interruption = update.interruption or self._car.cut
        if not update.held:
            await asyncio.to_thread(self._server.hold, seen.deployment_id, True)
            update.held = True
            self._car.save()

    def _refusal(self, seen: Deployment) -> str | None:
        """Why the car does not take this update."""
        state = self._car.state
        if state.voltage < state.behaviour.minimum_voltage:
            return (
                f"the battery has {state.voltage:g} V, the update needs {state.behaviour.minimum_voltage:g} V at least"
            )
        for target in seen.ecus:
            ecu = state.ecus.get(target.ecu_name)
            if ecu is None:
                return f"the vehicle does not have an ECU {target.ecu_name}"
            if ecu.part_number != target.part_number:
                return f"{ecu.ecu_name} is part {ecu.part_number}, the package is for {target.part_number}"
        return None

    async def _finish(self, seen: Deployment) -> None:
        behaviour = self._car.state.behaviour
        if (seen.ends.upper() in SUCCESS) != behaviour.lies:
            self._install(seen.ecus)
        for name, codes in behaviour.leaves_codes.items():
            ecu = self._car.state.ecus[name]
            ecu.dtcs = {**ecu.dtcs, **codes}
        await self._end(seen.ends, seen.planned_reason)

    async def _break_off(self, seen: Deployment, update: Update, aftermath: Aftermath) -> None:
        what = f"{update.interruption} while {update.phase} at {update.progress} percent"
        if aftermath == "restore":
            await self._end("FAILED", f"{what}; the source software was restored")
        elif aftermath == "mixture":
            self._install(seen.ecus[: max(1, len(seen.ecus) // 2)])
            await self._end("FAILED", f"{what}; not every ECU could be updated")
        else:
            self._car.state.bricked = True
            await self._end(NOTHING, None)

    def _install(self, targets: list[Target]) -> None:
        for target in targets:
            self._car.state.ecus[target.ecu_name].sw_version = target.sw_version
            self._car.reboot(target.ecu_name)

    async def _end(self, state: str, reason: str | None) -> None:
        update = self._update()
        update.ended, update.reason = self._car.state.behaviour.report or state, reason
        self._car.changed()
        await self._tell(update)

    async def _tell(self, update: Update) -> None:
        """Let SUMS know how it ended; told to say nothing, the car lets SUMS wait."""
        assert update.ended
        if update.ended != NOTHING:
            await asyncio.to_thread(self._server.end, update.deployment_id, update.ended, update.reason)
            self._keep(None)
        elif not update.held:
            await asyncio.to_thread(self._server.hold, update.deployment_id, True)
            update.held = True
            self._car.save()

    def _update(self) -> Update:
        assert self._car.state.update
        return self._car.state.update

    def _keep(self, update: Update | None) -> None:
        if update != self._car.state.update:
            self._car.state.update = update
            self._car.save()
