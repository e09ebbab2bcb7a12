# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the lab, play the demo playbook against it, show what SUMS holds then, stop the lab.

If `make lab` runs, its lab is used and left running.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from pathlib import Path

from hatci_lab.car.defaults import VIN
from hatci_lab.demo.endings import ENDINGS
from hatci_lab.demo.play import play
from hatci_lab.demo.report import describe_records, describe_stage, describe_verdict
from hatci_lab.demo.stage import Stage
from hatci_lab.demo.verdict import judge, new_records
from hatci_lab.sums.client import SumsClient

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
                sums: SumsClient = stack.enter_context(stage.new_sums())
            elif lab := stage.running_lab():
                sums, word = lab
                stopped = "the lab of `make lab` runs on"
                stack.callback(stage.prepare, sums, ENDINGS[word])
            else:
                print(f"Another demo runs in {options.directory}; try again when it has ended.", file=sys.stderr)
                return 1
            return demonstrate(stage, sums, options.playbook, options.fail)
    except KeyboardInterrupt:
        print(f"\nInterrupted; {stopped}.", file=sys.stderr)
        return INTERRUPTED


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what demo and lab have in common."""
    parser.add_argument("--directory", type=Path, default=Path(".cache/lab"), help="where all its files go")
    words = [word for word in ENDINGS if word]
    help_text = "how the test fails; 1: the update is refused"
    parser.add_argument("--fail", nargs="?", metavar="WORD", choices=words, default="", const="1", help=help_text)


def demonstrate(stage: Stage, sums: SumsClient, playbook: str, word: str) -> int:
    """Play one test and compare it with what was announced."""
    ending = ENDINGS[word]
    stage.prepare(sums, ending)
    earlier, before = sums.state(), sums.vehicle(VIN)
    show(describe_stage(stage, playbook, sums.url, before, word))
    returncode = play(playbook, stage, sums)
    records, after = new_records(earlier, sums.state()), sums.vehicle(VIN)
    differences = judge(
        records,
        returncode,
        ending=ending,
        updated=after["ecus"] != before["ecus"],
        vehicle_is_free=stage.vehicle_is_free(),
    )
    show(describe_records(records, before, after))
    show(describe_verdict(differences, ending))
    return 1 if differences else 0


def show(text: str) -> None:
    """Print at once, so that it stands in order with what ansible-playbook prints."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
