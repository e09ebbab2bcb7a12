# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure this collection beside hand-written `uri` tasks; `make bench` runs it.

Missed goals are shown, not punished: the exit code tells only whether everything could be measured.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

import figures
from report import Figures, tables, write_into
from runs import REPOSITORY, Bench, RunFailed
from snapshot_times import snapshots
from vehicle_costs import vehicle_costs


def main() -> int:
    """Measure all, print it, and write it into the page given."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few vehicles, short updates: to try the benchmark itself")
    parser.add_argument("--directory", type=Path, default=REPOSITORY / ".cache/bench", help="for all files of all runs")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the figures between the markers of this page")
    given = parser.parse_args()
    size = figures.QUICK if given.quick else figures.FULL
    shutil.rmtree(given.directory, ignore_errors=True)
    bench = Bench(given.directory.resolve())
    try:
        text = tables(measure(bench, size))
    except RunFailed as error:
        print(error, file=sys.stderr)
        return 1
    print(f"\n{text}")
    if given.write:
        write_into(given.write, text, "make bench")
    return 0


def measure(bench: Bench, size: figures.Size) -> Figures:
    """Make all figures, and tell on the way how it goes."""
    began = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {what}", flush=True)

    tell("CPU of a task")
    task = figures.cost_of_a_task(bench, size)
    tell("CPU of a poll")
    poll = figures.cost_of_a_poll(bench, size)
    tell("how long a device is held")
    held = figures.held_beyond_update(bench, size)
    tell("starts of jmp")
    jmp = figures.jmp_starts(bench)
    tell("what the vehicle's own account takes")
    looks = snapshots(size.ecus, size.rounds)
    vehicles = vehicle_costs(bench, size.ecus, size.rounds)
    fleets = figures.fleets(bench, size, tell)
    tell("done")
    return Figures(size, task, fleets, poll, held, jmp, looks, vehicles)


if __name__ == "__main__":
    sys.exit(main())
