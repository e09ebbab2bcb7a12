# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure whether a long suite stays flat: memory of ansible-playbook and of its watchers, cycle by cycle.

.venvs/core-2.19/bin/python tests/bench/soak.py [--cycles 100] [--fail 3]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import typing as t
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from play_support import PATHS, TEST_VARIABLES, VIN, inventory_of
from playbook_runner import AnsiblePlaybook

from hatci_lab.car.client import EXPORTER_TEMPLATE
from hatci_lab.car.process import CarProcess
from hatci_lab.sums.process import SumsProcess

SUITE = Path(__file__).parents[2] / "playbooks/ota_suite.yml"
UPDATE_SECONDS = 1.0
MB = 1024 * 1024
MOST_GROWTH = 1.05
"""Of what the first tenth of the tests takes, the last may take so much."""
OURS = "; from ansible_collections.hatci.automation."
"""In the command line of each process that outlives its task."""


class Sample(t.NamedTuple):
    """Memory in MB when a test had just ended; ``watchers`` is the largest of them, 0 if none ran."""

    tests: int
    playbook: float
    watchers: float


def soak(directory: Path, cycles: int, failing: int) -> tuple[int, list[Sample]]:
    """Run a suite of one soak on a car, and return its exit code and a sample for each test that ended.

    :param failing: the cycle in which the car keeps its software and says COMPLETE; 0 for none.
    """
    with SumsProcess(db=directory / "sums.db", update_seconds=UPDATE_SECONDS) as sums:
        sums.set_vehicle(VIN, update_seconds=UPDATE_SECONDS)
        with CarProcess(directory / "car", sums_url=sums.url) as car:
            car.wait_until_listening()
            car.set_behaviour(lies=failing == 1)
            ansible = AnsiblePlaybook(directory / "ansible", Path(sys.executable).parent)
            inventory = directory / "inventory.yml"
            inventory.write_text(inventory_of(), encoding="utf-8")
            play = ansible.start(SUITE, "-i", str(inventory), variables=_variables(sums, car, cycles, directory))
            samples = []
            for sample in _samples(play.process.pid, sums, play.process.poll, directory):
                samples.append(sample)
                # Between two cycles there is the way back, which is left out after one that failed.
                car.set_behaviour(lies=bool(failing) and sample.tests == 2 * (failing - 1))
            if play.process.returncode and not failing:
                print(play.output[-3000:], file=sys.stderr)
            _tell_records(directory / "evidence", sums.state()["test_events"])
            return play.process.returncode, samples


def _tell_records(evidence: Path, test_events: list[dict[str, t.Any]]) -> None:
    """Print how many records were kept, and those that are not PASS.

    :raises AssertionError: one lacks, or says something else than SUMS.
    """
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(evidence.glob("*/record.json"))]
    kept = {record["ids"]["test_event_id"]: record["outcome"] for record in records if record["ids"]["test_event_id"]}
    known = {event["test_event_id"]: event["metadata"]["outcome"] for event in test_events}
    assert kept == known, f"{kept} kept, SUMS has {known}"
    print(f"{len(records)} records kept, each with the outcome that SUMS has")
    for record in records:
        if record["outcome"] != "PASS":
            print(f"{record['ids']['test_event_id']} {record['outcome']}: {record['summary']}")


def _variables(sums: SumsProcess, car: CarProcess, cycles: int, directory: Path) -> dict[str, t.Any]:
    ecus = [
        {"name": name, "driver": name.lower(), "logical_address": ecu.logical_address} for name, ecu in car.ecus.items()
    ]
    return {
        **{
            "hatci_base_url": sums.url,
            "hatci_token": sums.token,
            **PATHS,
            **TEST_VARIABLES,
            **car.exporter_variables(),
            "ota_evidence_dir": str(directory / "evidence"),
        },
        **{"hatci_vin": VIN, "ota_verify_ecus": False, "ota_vehicle_ecus": ecus, "hatci_poll_interval_seconds": 1},
        **{"jumpstarter_exporter_template": str(EXPORTER_TEMPLATE), "ota_suite": ["soak"], "ota_soak_cycles": cycles},
    }


def _samples(pid: int, sums: SumsProcess, poll: t.Callable[[], int | None], directory: Path) -> t.Iterator[Sample]:
    playbook, seen = psutil.Process(pid), 0
    while poll() is None:
        ended = sum(event["status"] != "RUNNING" for event in sums.state()["test_events"])
        if ended == seen:
            time.sleep(0.1)
            continue
        seen = ended
        try:
            yield Sample(ended, playbook.memory_info().rss / MB, max(_watchers(directory), default=0.0))
        except psutil.NoSuchProcess:
            return


def _watchers(directory: Path) -> t.Iterator[float]:
    """Yield what those of this run have, which write their log below its directory."""
    for process in psutil.process_iter():
        try:
            log = os.readlink(f"/proc/{process.pid}/fd/1")
            if OURS in " ".join(process.cmdline()) and log.startswith(str(directory)):
                yield process.memory_full_info().pss / MB
        except (OSError, psutil.Error):
            continue


def main() -> int:
    """Print the first and the last tenth, and how much the second is larger."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--fail", type=int, default=0, help="the cycle that is to fail")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        code, samples = soak(Path(directory), given.cycles, given.fail)
    tenth, grew = max(1, len(samples) // 10), False
    print(f"exit code {code}, {len(samples)} tests")
    for name in ("playbook", "watchers"):
        first, last = (
            statistics.mean(getattr(sample, name) for sample in part) for part in (samples[:tenth], samples[-tenth:])
        )
        grew |= last > first * MOST_GROWTH
        print(f"{name:9}  first tenth {first:6.1f} MB  last tenth {last:6.1f} MB  {100 * (last / first - 1):+.1f} %")
    return code or int(grew)


if __name__ == "__main__":
    sys.exit(main())
