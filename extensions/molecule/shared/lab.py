# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the virtual lab of one scenario until SIGTERM: SUMS, and on demand a Jumpstarter controller with a device.

Where all is stands in DIRECTORY/lab.json once it can be used.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

DRIVERS = {"power": {"type": "jumpstarter_driver_power.driver.MockPower"}}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--controller", action="store_true")
    arguments = parser.parse_args()
    directory: Path = arguments.directory
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    with contextlib.ExitStack() as lab:
        sums = lab.enter_context(SumsProcess(db=directory / "sums.db", update_seconds=0.5))
        ready: dict[str, Any] = {"pid": os.getpid(), "sums_url": sums.url, "token": sums.token}
        if arguments.controller:
            controller = lab.enter_context(ControllerProcess(directory / "controller"))
            controller.add_exporter("vehicle_001", {"exporter": "vehicle_001"}, DRIVERS)
            ready["client_configs"] = {name: str(controller.client_config(name)) for name in controller.clients}
        unfinished = directory / "lab.json.new"
        unfinished.write_text(json.dumps(ready), encoding="utf-8")
        unfinished.rename(directory / "lab.json")
        ending.wait()


if __name__ == "__main__":
    main()
