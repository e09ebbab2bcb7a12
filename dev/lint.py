# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every static check side by side and show what each has to say.

Run with the Python of .venvs/lint; `make lint` does. Names given as arguments choose the checks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from checkout import COLLECTION, REPOSITORY, checkout

CACHE = REPOSITORY / ".cache"
ROOT = CACHE / "checkout/lint"
LAB = REPOSITORY / ".venvs/core-2.19/bin/python"
"""Has what the lab imports, and the types of that."""
BIN = Path(sys.executable).parent
EVENT_SOURCE = "extensions/eda/plugins/event_source/sums_deployments.py"


class Check(NamedTuple):
    """One command, run in the copy unless the tool is at home in a git repository."""

    name: str
    argv: list[str]
    where: Path = ROOT / COLLECTION


CHECKS = [
    Check("ansible-lint", ["ansible-lint", "--offline", "--profile", "production", "--strict", "--nocolor"]),
    Check("mypy", ["mypy", f"--cache-dir={CACHE}/mypy", f"--python-executable={LAB}"]),
    Check("mypy eda", ["mypy", f"--cache-dir={CACHE}/mypy-eda", f"--python-executable={LAB}", EVENT_SOURCE]),
    Check(
        "antsibull-docs",
        [
            "antsibull-docs",
            "lint-collection-docs",
            "--plugin-docs",
            "--validate-collection-refs=self",
            "--disallow-unknown-collection-refs",
            ".",
        ],
    ),
    Check("antsibull-changelog", ["antsibull-changelog", "lint"]),
    Check("yamllint", ["yamllint", "--strict", "."]),
    Check("ruff check", ["ruff", "check", "--quiet"], REPOSITORY),
    Check("ruff format", ["ruff", "format", "--check", "--quiet"], REPOSITORY),
]


def environment() -> dict[str, str]:
    """Keep the tools inside the copy: git would call it ignored, Ansible would look at home."""
    return os.environ | {
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT),
        "ANSIBLE_HOME": str(CACHE / "ansible"),
        "GIT_CEILING_DIRECTORIES": str(ROOT),
        "MYPYPATH": str(ROOT),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }


def run(check: Check) -> tuple[Check, int, str, float]:
    """Run one check; return its exit status, output and seconds."""
    start = time.monotonic()
    done = subprocess.run(
        check.argv,
        cwd=check.where,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return check, done.returncode, done.stdout, time.monotonic() - start


def main(names: list[str]) -> int:
    """Run the checks chosen, or all; report each as it ends."""
    checkout(ROOT)
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for check, status, output, seconds in pool.map(run, [c for c in CHECKS if not names or c.name in names]):
            print(f"{'FAILED' if status else 'ok':6} {check.name} ({seconds:.1f} s)", flush=True)
            if status:
                failed += 1
                print(output, flush=True)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
