# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes to read 1, 5 and 20 ECUs of a car through a local exporter, beside a start of jmp alone.

Run with the Python of a core venv: ``.venvs/core-2.19/bin/python tests/bench/snapshot_times.py [--runs 5]``.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
import typing as t
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
sys.path[:0] = [str(REPOSITORY / ".cache/collections"), str(REPOSITORY / "tests")]

from sums_support import validated  # noqa: E402

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import (  # noqa: E402
    exporter_configs,
    session,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations import (  # noqa: E402
    diagnostics,
)
from hatci_lab.car.process import CarProcess  # noqa: E402

COUNTS = (1, 5, 20)


class Cost(t.NamedTuple):
    """Seconds by the clock, and of CPU in processes that have ended."""

    seconds: float
    cpu: float


def measure(work: t.Callable[[], t.Any]) -> Cost:
    """Return what one run costs."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def least(costs: t.Collection[Cost]) -> Cost:
    """Return the least of several runs, which other load on the machine disturbs least."""
    return Cost(min(cost.seconds for cost in costs), min(cost.cpu for cost in costs))


def compared(one: t.Callable[[], t.Any], other: t.Callable[[], t.Any], runs: int) -> tuple[Cost, Cost]:
    """Return the least that each costs; they take turns, so that a busier minute hits both."""
    pairs = [(measure(one), measure(other)) for _run in range(runs)]
    return least([first for first, _second in pairs]), least([second for _first, second in pairs])


def snapshots(counts: t.Iterable[int], runs: int) -> dict[int, tuple[Cost, Cost]]:
    """Return for each number of ECUs what a start of jmp alone costs, and what a snapshot does."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    costs = {}
    for count in counts:
        with tempfile.TemporaryDirectory() as directory:
            names = [f"ecu{number}" for number in range(count)]
            software = [{"ecu_name": name, "part_number": "P-1", "sw_version": "1.0.0"} for name in names]
            exporter_configs.DIRECTORIES = (directory,)
            with CarProcess(Path(directory) / "car", ecus=software) as car:
                car.write_exporter(Path(directory) / "car.yaml", "car")
                ecus = [
                    {"name": name, "driver": name, "logical_address": car.ecus[name].logical_address} for name in names
                ]
                arguments = {"exporter": "car", "lock_dir": f"{directory}/locks", "ecus": ecus}
                options = validated("jumpstarter_diagnostics", arguments)

                def snapshot(options: dict[str, t.Any] = options) -> None:
                    result = diagnostics.read_vehicle(options, False)
                    assert all(ecu["error"] is None for ecu in result["ecus"]), result

                def start_only(options: dict[str, t.Any] = options) -> None:
                    session.run_on_device(options, ["true"])

                costs[count] = compared(start_only, snapshot, runs)
    return costs


def main() -> None:
    """Print a line for each count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    print("ECUs  seconds  CPU seconds")
    for count, (empty, full) in snapshots(COUNTS, parser.parse_args().runs).items():
        print(f"{'jmp':>4}  {empty.seconds:7.2f}  {empty.cpu:11.2f}")
        print(f"{count:4}  {full.seconds:7.2f}  {full.cpu:11.2f}")


if __name__ == "__main__":
    main()
