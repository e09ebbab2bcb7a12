# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the lab, play the demo playbook against it, show what SUMS and the car hold then, stop the lab.

If `make lab` runs, its lab is used and left running.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from pathlib import Path
from typing import Any

from hatci_lab.demo.endings import ENDINGS
from hatci_lab.demo.play import play
from hatci_lab.demo.report import (
    describe_car,
    describe_evidence,
    describe_records,
    describe_stage,
    describe_verdict,
)
from hatci_lab.demo.stage import Lab, Stage
from hatci_lab.demo.verdict import judge, new_records

INTERRUPTED = 130


def main() -> int:
    """Return 0 if the test ended as announced, 1 if not."""
    parser = argparse.ArgumentParser(prog="hatci_lab.demo", description="Run one OTA test in a virtual lab.")
    add_options(parser)
    parser.add_argument("--playbook", default="hatci.automation.demo")
    options = parser.parse_args()
    for end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(end, signal.default_int_handler)
    show("One OTA test in a virtual lab\n")
    stage = Stage(options.directory.absolute())
    stopped = "the lab has been stopped"
    try:
        with contextlib.ExitStack() as stack:
            if stage.claim():
                lab = Lab(*stack.enter_context(stage.new_lab()))
            elif found := stage.running_lab():
                lab, word = found
                stopped = "the lab of `make lab` runs on"
                stack.enter_context(stage.demo())
                stack.callback(stage.prepare, lab, ENDINGS[word])
            else:
                print(f"Another demo runs in {options.directory}; try again when it has ended.", file=sys.stderr)
                return 1
            return demonstrate(stage, lab, options.playbook, options.fail)
    except KeyboardInterrupt:
        print(f"\nInterrupted; {stopped}.", file=sys.stderr)
        return INTERRUPTED


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what demo and lab have in common."""
    parser.add_argument("--directory", type=Path, default=Path(".cache/lab"), help="where all its files go")
    words = [word for word in ENDINGS if word]
    help_text = "how the test fails; " + "; ".join(f"{word}: {ENDINGS[word].announced}" for word in words)
    parser.add_argument("--fail", nargs="?", metavar="WORD", choices=words, default="", const="1", help=help_text)


def demonstrate(stage: Stage, lab: Lab, playbook: str, word: str) -> int:
    """Play one test and compare it with what was announced."""
    ending = ENDINGS[word]
    stage.prepare(lab, ending)
    earlier, before = lab.sums.state(), lab.car.state()
    show(describe_stage(stage, playbook, lab.sums.url, before, word))
    returncode = play(playbook, stage, lab.sums)
    records, after = new_records(earlier, lab.sums.state()), lab.car.state()
    differences = judge(
        records,
        returncode,
        ending=ending,
        updated=_software(after) != _software(before),
        vehicle_is_free=stage.vehicle_is_free(),
    )
    show(describe_records(records))
    show(describe_car(before, after))
    show(describe_verdict(differences, word))
    show(describe_evidence(stage.latest_report()))
    return 1 if differences else 0


def _software(car: dict[str, Any]) -> list[str]:
    return [ecu["sw_version"] for ecu in car["ecus"].values()]


def show(text: str) -> None:
    """Print at once, so that it stands in order with what ansible-playbook prints."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
