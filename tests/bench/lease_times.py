# SPDX-License-Identifier: GPL-3.0-or-later
"""How soon a device is free when its play is killed, and what a keeper costs.

Run with the Python of a core venv: ``.venvs/core-2.19/bin/python tests/bench/lease_times.py [--runs 20]``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
sys.path[:0] = [str(REPOSITORY / "tests/integration/lease"), str(REPOSITORY / "tests")]

from lease_support import (  # noqa: E402
    ACQUIRE,
    POWER,
    POWER_ON,
    RUN_MARK,
    ControllerDevice,
    Device,
    LocalDevice,
    Play,
    exporter_config,
    jmp_seconds,
    pss_of,
    wait_for,
)

from hatci_lab.controller.process import ControllerProcess  # noqa: E402


class Times(t.NamedTuple):
    """What was measured in one mode; seconds and bytes."""

    freed: list[float]
    acquired: list[float]
    pss: list[int]


def start(directory: Path, device: Device) -> Play:
    """Start a play that holds a device until it is killed."""
    (directory / "tmp").mkdir(parents=True)
    (directory / "playbook.yml").write_text(ACQUIRE + POWER_ON, encoding="utf-8")
    (directory / "variables.json").write_text(json.dumps({**device.variables, "pause": 600}), encoding="utf-8")
    exporters = directory / ".config/jumpstarter/exporters"
    exporters.mkdir(parents=True)
    (exporters / f"{device.name}.yaml").write_text(yaml.safe_dump(exporter_config(device.name)), encoding="utf-8")
    binaries = Path(sys.executable).parent
    environment = {
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(directory),
        "TMPDIR": str(directory / "tmp"),
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / ".cache/collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        RUN_MARK: directory.name,
    }
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(
            [
                *(str(binaries / "ansible-playbook"), str(directory / "playbook.yml")),
                *("-i", "localhost,", "-e", f"@{directory / 'variables.json'}"),
            ],
            env=environment,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Play(process, directory, directory.name)


def measure(device: Device, directory: Path, runs: int) -> Times:
    """Kill plays that hold a device."""
    times = Times([], [], [])
    for run in range(runs):
        wait_for(device.is_free)
        play = start(directory / f"{device.mode}-{run}", device)
        try:
            measure_play(play, device, times)
        finally:
            play.end()
    return times


def measure_play(play: Play, device: Device, times: Times) -> None:
    """Kill one play."""
    began = play.until(lambda: "Acquire the device" in play.output and time.monotonic())
    acquired = play.until(lambda: "Keep the name of the lease" in play.output and time.monotonic())
    times.acquired.append(acquired - began)
    (keeper,) = play.keepers()
    times.pss.append(pss_of(keeper))
    killed = time.monotonic()
    play.send(signal.SIGKILL)
    wait_for(device.is_free)
    times.freed.append(time.monotonic() - killed)
    wait_for(lambda: not play.processes())


def main() -> None:
    """Measure both modes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    print(f"jmp starts in {jmp_seconds():.1f} s, load {os.getloadavg()[0]:.1f}, {runs} runs")
    row = "{:<12}{:>14}{:>12}{:>16}{:>16}{:>14}"
    print(row.format("mode", "freed median", "freed max", "acquire median", "keeper median", "keeper max"))
    with tempfile.TemporaryDirectory(prefix="hl-") as name, ControllerProcess(Path(name) / "controller") as controller:
        controller.add_exporter("sim1", {"exporter": "car-sim1"}, {"power": POWER})
        devices: tuple[Device, ...] = (
            ControllerDevice("sim1", controller),
            LocalDevice("sim1", Path(name) / "locks"),
        )
        for device in devices:
            times = measure(device, Path(name), runs)
            print(
                row.format(
                    device.mode,
                    f"{statistics.median(times.freed):.2f} s",
                    f"{max(times.freed):.2f} s",
                    f"{statistics.median(times.acquired):.2f} s",
                    f"{statistics.median(times.pss) / 2**20:.1f} MB",
                    f"{max(times.pss) / 2**20:.1f} MB",
                )
            )


if __name__ == "__main__":
    main()
