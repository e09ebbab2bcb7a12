# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line of the car: `hatci-lab-car` or `python -m hatci_lab.car`."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from hatci_lab.car import saved_state
from hatci_lab.car.defaults import ECUS, VIN
from hatci_lab.car.model import CarState, new_ecu
from hatci_lab.car.serve import Settings, serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="hatci-lab-car", description="Serve a car whose ECUs speak UDS over DoIP.")
    parser.add_argument("--directory", type=Path, required=True, help="for its state, which a later start finds again")
    parser.add_argument("--vin", default=VIN, help="of a new car")
    parser.add_argument("--ecus", type=json.loads, default=ECUS, help="of a new car, as JSON: a list as SUMS has it")
    parser.add_argument("--boot-seconds", type=float, default=0.3, help="what an ECU needs after a reset")
    parser.add_argument("--sums-url", help="the SUMS simulator that it takes updates from")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    state_file = arguments.directory / "car.json"
    if not state_file.exists():
        ecus = [new_ecu(number, given) for number, given in enumerate(arguments.ecus)]
        new = CarState(vin=arguments.vin, ecus={ecu.ecu_name: ecu for ecu in ecus})
        saved_state.save(saved_state.as_new(state_file), new)
        saved_state.save(state_file, new)
    asyncio.run(serve(Settings(state_file, arguments.boot_seconds, arguments.sums_url)))


if __name__ == "__main__":
    main()
