# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's ansible-playbook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hatci_lab.demo.stage import Stage
from hatci_lab.sums.client import SumsClient


def play(playbook: str, stage: Stage, sums: SumsClient) -> int:
    """Run the playbook as a user would, output and all, and return its exit code.

    An interrupt ends it too; the keeper of its lease then gives the vehicle back, and its closer tells SUMS.
    """
    environment = stage.environment(sums)
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(stage.inventory), playbook]
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            stage.wait_for_closer()
            raise
