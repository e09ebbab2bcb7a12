# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's ansible-playbook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hatci_lab.demo.stage import Stage


def play(playbook: str, stage: Stage) -> int:
    """Run the playbook as a user would, output and all, and return its exit code.

    An interrupt ends it too; the keeper of its lease then gives the vehicle back, and its closer tells SUMS.
    """
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(stage.inventory), playbook]
    with subprocess.Popen(command, env=stage.environment(), stdin=subprocess.DEVNULL) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            stage.wait_for_closer()
            raise
