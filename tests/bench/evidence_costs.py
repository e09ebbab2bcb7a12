# SPDX-License-Identifier: GPL-3.0-or-later
"""What the evidence of a fleet costs: CPU beside the same fleet without it, bytes, and an index of all.

.venvs/core-2.19/bin/python tests/bench/evidence_costs.py [--vehicles 200] [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import typing as t
from pathlib import Path

from runs import Bench

OTA_FLEET = "hatci.automation.ota_fleet"
UPDATE_SECONDS = 20.0
KB = 1024


class Costs(t.NamedTuple):
    """What was spent, and what the last run left.

    :param pairs: CPU seconds of a vehicle without and with evidence.
    :param largest: bytes of the evidence of one vehicle.
    :param index: bytes of the index of all.
    """

    pairs: list[tuple[float, float]]
    largest: int
    index: int


def evidence_costs(bench: Bench, vehicles: int, rounds: int) -> Costs:
    """Run a fleet so often, each time without evidence and with it, by turns who is first."""
    pairs = []
    for number in range(rounds):
        spent: dict[str, float] = {}
        for kept in ("", "evidence")[:: -1 if number % 2 else 1]:
            directory = bench.new_directory() / kept if kept else None
            given = {"ota_evidence_dir": str(directory or "")}
            spent[kept] = bench(OTA_FLEET, vehicles, update=UPDATE_SECONDS, variables=given).cpu_per_vehicle
            if directory:
                bundles = [path for path in directory.iterdir() if path.is_dir()]
                assert len(bundles) == vehicles
                largest = max(sum(file.stat().st_size for file in bundle.iterdir()) for bundle in bundles)
                index = (directory / "index.html").stat().st_size
        pairs.append((spent[""], spent["evidence"]))
    return Costs(pairs, largest, index)


def main() -> None:
    """Print a line for each pair, and their median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vehicles", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        costs = evidence_costs(Bench(Path(directory)), given.vehicles, given.rounds)
    for without, with_it in costs.pairs:
        print(
            f"CPU of a vehicle: {without:.3f} s without evidence, {with_it:.3f} s with it, {with_it / without - 1:+.1%}"
        )
    print(f"median {statistics.median(b / a - 1 for a, b in costs.pairs):+.1%}")
    print(f"largest evidence of a vehicle {costs.largest / KB:.0f} KB, index {costs.index / KB:.0f} KB")


if __name__ == "__main__":
    main()
