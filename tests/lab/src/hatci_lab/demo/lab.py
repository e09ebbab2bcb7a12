# SPDX-License-Identifier: GPL-3.0-or-later
"""`make lab`: a SUMS and a vehicle to try tests of one's own on, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys

from hatci_lab.car.defaults import VIN
from hatci_lab.demo.__main__ import add_options, show
from hatci_lab.demo.endings import ENDINGS
from hatci_lab.demo.report import describe_lab
from hatci_lab.demo.stage import Stage


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
        with stage.new_sums() as sums:
            stage.prepare(sums, ENDINGS[options.fail])
            stage.keep_running(sums, options.fail)
            show(describe_lab(stage, sums, sums.vehicle(VIN), ENDINGS[options.fail]))
            sums.wait()
            print(f"SUMS has ended by itself; {sums.log} may say why.", file=sys.stderr)
            return 1
    except KeyboardInterrupt:
        show("\nThe lab has been stopped.")
        return 0


if __name__ == "__main__":
    sys.exit(main())
