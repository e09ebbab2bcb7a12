# SPDX-License-Identifier: GPL-3.0-or-later
"""`make lab`: a SUMS and a car to try tests of one's own on, until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time

import requests

from hatci_lab.car.process import CarProcess
from hatci_lab.demo.__main__ import add_options, show
from hatci_lab.demo.endings import ENDINGS, Ending
from hatci_lab.demo.report import describe_lab
from hatci_lab.demo.stage import Lab, Stage
from hatci_lab.sums.process import SumsProcess

POLL_SECONDS = 0.2


def main() -> int:
    """Return 0 when it was told to end, 1 if it cannot run."""
    parser = argparse.ArgumentParser(prog="hatci_lab.demo.lab", description="Run a virtual lab until Ctrl-C.")
    add_options(parser)
    options = parser.parse_args()
    for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, signal.default_int_handler)
    stage = Stage(options.directory.absolute())
    if not stage.claim():
        print(f"A lab or a demo already runs in {options.directory}; end it first.", file=sys.stderr)
        return 1
    try:
        with stage.new_lab() as (sums, car):
            lab, ending = Lab(sums, car), ENDINGS[options.fail]
            stage.prepare(lab, ending)
            stage.keep_running(lab, options.fail)
            show(describe_lab(stage, lab, car.state(), ending))
            return attend(stage, sums, car, ending)
    except KeyboardInterrupt:
        show("\nThe lab has been stopped.")
        return 0


def attend(stage: Stage, sums: SumsProcess, car: CarProcess, ending: Ending) -> int:
    """Put the car back after each test, so that the next one finds it before its update."""
    processes: dict[str, SumsProcess | CarProcess] = {"SUMS": sums, "The car": car}
    restored = 0
    while True:
        for name, process in processes.items():
            if process.has_ended():
                print(f"{name} has ended by itself; {process.log} may say why.", file=sys.stderr)
                return 1
        with contextlib.suppress(requests.ConnectionError):
            ended = sum("status" in event for event in sums.state()["test_events"])
            if ended > restored and stage.restore_unless_demo(Lab(sums, car), ending):
                restored = ended
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
