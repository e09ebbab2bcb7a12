# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs that the vehicle speaks for itself: whole tests of a car, without and with its ECUs read by UDS.

`make bench` runs it; alone: ``.venvs/core-2.19/bin/python tests/bench/vehicle_costs.py [--rounds 3]``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import typing as t
from pathlib import Path

from runs import Bench, Variables, host_of, vin

from hatci_lab.car.client import EXPORTER_TEMPLATE
from hatci_lab.car.process import CarProcess

OTA_FLEET = "hatci.automation.ota_fleet"
COUNTS = (1, 5, 20)
UPDATE_SECONDS = 1.0


class VehicleCost(t.NamedTuple):
    """CPU seconds of one vehicle's test, and its seconds by the clock; medians."""

    cpu: float
    wall: float


def vehicle_costs(bench: Bench, counts: t.Sequence[int], rounds: int) -> dict[int, VehicleCost]:
    """Return what a test costs that reads so many ECUs before and after the update; 0: none, with the same exporter.

    The car's software is source and target at once, so that one car serves all rounds.
    """
    most = max(counts)
    ecus = [{"ecu_name": f"ecu{number}", "part_number": "P-1", "sw_version": "1.0.0"} for number in range(most)]
    spent: dict[int, list[VehicleCost]] = {count: [] for count in (0, *counts)}
    with CarProcess(bench.new_directory() / "car", vin=vin(1), ecus=ecus) as car:
        for _round in range(rounds):
            for count, costs in spent.items():
                run = bench(OTA_FLEET, update=UPDATE_SECONDS, variables=_variables(car, ecus[:count]))
                costs.append(VehicleCost(run.cpu, run.wall))
    return {
        count: VehicleCost(
            statistics.median(cost.cpu for cost in costs), statistics.median(cost.wall for cost in costs)
        )
        for count, costs in spent.items()
    }


def _variables(car: CarProcess, ecus: list[dict[str, str]]) -> Variables:
    return {
        **car.exporter_variables(),
        "hatci_source_ecus": ecus or [{"ecu_name": "ecu0", "part_number": "P-1", "sw_version": "1.0.0"}],
        "hatci_target_ecus": ecus or [{"ecu_name": "ecu0", "part_number": "P-1", "sw_version": "1.0.0"}],
        "jumpstarter_exporter_template": str(EXPORTER_TEMPLATE),
        "jumpstarter_exporter_name": host_of(1),
        "jumpstarter_lease_guard_mode": "local",
        # Its target is its source, so that must not be what a PASS rests on.
        "ota_vehicle_checks": ["identity", "codes"] if ecus else [],
        "ota_vehicle_ecus": [
            {
                "name": ecu["ecu_name"],
                "driver": ecu["ecu_name"],
                "logical_address": car.ecus[ecu["ecu_name"]].logical_address,
            }
            for ecu in ecus
        ],
    }


def main() -> None:
    """Print a line for each count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print("ECUs  CPU seconds  seconds")
    with tempfile.TemporaryDirectory() as directory:
        for count, cost in vehicle_costs(Bench(Path(directory)), COUNTS, rounds).items():
            print(f"{count:4}  {cost.cpu:11.2f}  {cost.wall:7.1f}")


if __name__ == "__main__":
    main()
