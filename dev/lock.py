# SPDX-License-Identifier: GPL-3.0-or-later
"""Write requirements/NAME.txt for each NAME.in, with the newest versions that fit together.

Run with the Python of .venvs/lock; `make lock` does. Names given as arguments choose the files.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ALSO_NEEDED_BY = {"test": ["requirements.txt", "tests/lab/pyproject.toml"]}
GIVEN_BY_MAKE = {"test": "ansible-core"}
"""What stays open: the tests run with more than one."""


def lock(name: str) -> int:
    """Return the exit status of pip-compile, which shows why it failed."""
    sources = [f"requirements/{name}.in", *ALSO_NEEDED_BY.get(name, [])]
    command = [
        *(sys.executable, "-m", "piptools", "compile", "--quiet", "--upgrade", "--strip-extras"),
        *("--annotation-style", "line", "--unsafe-package", GIVEN_BY_MAKE.get(name, "none")),
        # Where packages come from differs between machines.
        *("--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host"),
        *("--output-file", f"requirements/{name}.txt", *sources),
    ]
    environment = os.environ | {"CUSTOM_COMPILE_COMMAND": "make lock"}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, check=False).returncode


def main(names: list[str]) -> int:
    """Lock the files chosen, or all."""
    return max(lock(name) for name in names or sorted(path.stem for path in REPOSITORY.glob("requirements/*.in")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
