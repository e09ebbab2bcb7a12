# SPDX-License-Identifier: GPL-3.0-or-later
"""Import a built tarball as Galaxy and Automation Hub would, and fail on whatever they remark.

Run with the Python of .venvs/importer; `make importer` does. The importer itself ends with
status 0 whatever it has to say about the content.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from checkout import REPOSITORY

CACHE = REPOSITORY / ".cache"
WORK = CACHE / "importer"
WORD_FOR_WORD = "WARNING: playbooks/walkthrough/"
"""The walkthrough's examples stand as users were promised them, and call the name shim, which is not installed here."""


def main(tarball: Path) -> int:
    """Show the importer's output as it comes and judge it by its own words."""
    WORK.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {
        "ANSIBLE_HOME": str(CACHE / "ansible"),
        "GALAXY_IMPORTER_ANSIBLE_LOCAL_TMP": str(WORK / "tmp"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    remarks = 0
    command = [sys.executable, "-u", "-m", "galaxy_importer.main", str(tarball.resolve())]
    with subprocess.Popen(
        command, cwd=WORK, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            remarks += line.startswith(("ERROR:", "WARNING:")) and not line.startswith(WORD_FOR_WORD)
    return 1 if remarks else process.returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
