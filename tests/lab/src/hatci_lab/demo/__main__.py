# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the lab, play the demo playbook against it, show what SUMS holds then, stop the lab."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from hatci_lab.demo.play import play
from hatci_lab.demo.report import describe_records, describe_stage, describe_verdict
from hatci_lab.demo.stage import UPDATE_SECONDS, VIN, Stage
from hatci_lab.demo.verdict import judge
from hatci_lab.sums.process import SumsProcess

INTERRUPTED = 130


def main() -> int:
    """Return 0 if the test ended as announced, 1 if not."""
    parser = argparse.ArgumentParser(prog="hatci_lab.demo", description="Run one OTA test in a virtual lab.")
    parser.add_argument("--directory", type=Path, default=Path(".cache/demo"), help="where all its files go")
    parser.add_argument("--playbook", default="hatci.automation.demo")
    parser.add_argument("--fail", action="store_true", help="let the vehicle refuse the update")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stage = Stage(options.directory.absolute())
    stage.clear()
    try:
        with SumsProcess(db=stage.database, update_seconds=UPDATE_SECONDS) as sums:
            stage.prepare(sums, fail=options.fail)
            before = sums.vehicle(VIN)
            show(describe_stage(stage, options.playbook, sums.url, before, fail=options.fail))
            returncode = play(options.playbook, stage)
            state, after = sums.state(), sums.vehicle(VIN)
            verdict = judge(
                state,
                returncode,
                fail=options.fail,
                updated=after["ecus"] != before["ecus"],
                vehicle_is_free=stage.vehicle_is_free(),
            )
            show(describe_records(state, before, after))
            show(describe_verdict(verdict, fail=options.fail))
    except KeyboardInterrupt:
        print("\nInterrupted; the lab has been stopped.", file=sys.stderr)
        return INTERRUPTED
    return 0 if verdict.as_announced else 1


def show(text: str) -> None:
    """Print at once, so that it stands in order with what ansible-playbook prints."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
