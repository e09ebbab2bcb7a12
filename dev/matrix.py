# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the walkthrough and the whole test of a vehicle on every supported pair of ansible-core and jmp."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

from set_up import SetUpError, set_up

REPOSITORY = Path(__file__).parents[1]
DRIVERS = ("composite", "opendal", "power", "pyserial", "shell")
TESTS = ("tests/integration/walkthrough", "tests/integration/single_vehicle")


@dataclasses.dataclass(frozen=True)
class Pair:
    """What one row of the table is about.

    :param python: version of the interpreter, which must be present.
    """

    core: str
    jmp: str
    python: str = "3.11"

    @property
    def name(self) -> str:
        """Name of its environment, without the prefix ``core-``."""
        return f"{self.core}-jmp{self.jmp}-py{self.python}"

    @property
    def directory(self) -> Path:
        """Its environment."""
        return REPOSITORY / ".venvs" / f"core-{self.name}"


PAIRS = (
    Pair("2.16", "0.9"),
    Pair("2.17", "0.9"),
    Pair("2.18", "0.9"),
    Pair("2.19", "0.9"),
    Pair("2.16", "0.8"),
    Pair("2.19", "0.8"),
    Pair("2.20", "0.9", "3.13"),
)


def main() -> int:
    """Print a row for each pair, and return 0 if none failed."""
    rows = [(pair, run(pair)) for pair in PAIRS]
    print(f"\n{'ansible-core':14}{'jumpstarter-cli':17}{'Python':8}result")
    for pair, result in rows:
        print(f"{pair.core:14}{pair.jmp:17}{pair.python:8}{result}")
    return int(any("failed" in result or "error" in result for _pair, result in rows))


def run(pair: Pair) -> str:
    """Return how the tests ended, or why they did not run."""
    python = find_python(pair.python)
    if python is None:
        return f"skipped: no Python {pair.python} here"
    try:
        prepare(pair, python)
    except SetUpError as error:
        return f"error: {error}"
    done = subprocess.run(
        [REPOSITORY / ".venvs/core-2.19/bin/python", "-m", "pytest", "-q", "-n", "2", "--core", pair.name, *TESTS],
        cwd=REPOSITORY,
        env={**os.environ, "HATCI_REFUSE_DEPRECATIONS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout[-5000:], done.stderr[-2000:], sep="\n")
    last = done.stdout.strip().splitlines()[-1:] or ["error: pytest printed nothing"]
    return re.sub(r"^=+ | =+$", "", last[0])


def find_python(version: str) -> str | None:
    """Return an interpreter of that version which really runs; the shims of pyenv may not."""
    kept = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for candidate in (f"python{version}", *map(str, kept)):
        with contextlib.suppress(OSError):
            if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
                return candidate
    return None


def prepare(pair: Pair, python: str) -> None:
    """Make the environment of a pair, if it is not there yet."""
    ready = pair.directory / ".ready"
    if ready.exists():
        return
    packages = [f"jumpstarter-driver-{driver}=={pair.jmp}.*" for driver in DRIVERS]
    core = [f"ansible-core=={pair.core}.*", f"jumpstarter-cli=={pair.jmp}.*"]
    set_up(pair.directory, [*core, *packages, "-e", str(REPOSITORY / "tests/lab")], python=python)
    ready.touch()


if __name__ == "__main__":
    sys.exit(main())
