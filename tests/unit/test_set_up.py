# SPDX-License-Identifier: GPL-3.0-or-later
"""The environments are set up by Python and its pip alone, with versions that are locked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
REQUIREMENTS = REPOSITORY / "requirements"
NAMES = sorted({path.stem for path in REQUIREMENTS.iterdir()})
PINNED = re.compile(r"[\w.-]+==[\w.]+")
OPEN = re.compile(r"^([\w-]+)", re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_locked_requirements_name_one_version_of_each_package_and_no_place(name: str) -> None:
    lines = [line.partition("#")[0].strip() for line in (REQUIREMENTS / f"{name}.txt").read_text().splitlines()]
    locked = [line for line in lines if line]
    assert locked and not [line for line in locked if not PINNED.fullmatch(line)]

    wanted = OPEN.findall((REQUIREMENTS / f"{name}.in").read_text())
    assert {package.lower() for package in wanted} <= {line.partition("==")[0] for line in locked}, "make lock"


def test_the_tests_have_what_the_collection_and_the_lab_need() -> None:
    needed = OPEN.findall((REPOSITORY / "requirements.txt").read_text())
    needed += re.findall(r'^    "([\w-]+)[<>=]', (REPOSITORY / "tests/lab/pyproject.toml").read_text(), re.MULTILINE)
    locked = {line.partition("==")[0] for line in (REQUIREMENTS / "test.txt").read_text().splitlines()}
    assert len(needed) > 10 and set(needed) <= locked, "make lock"


def test_a_set_up_that_fails_shows_the_reason_of_pip_and_says_who_decides(tmp_path: Path) -> None:
    bare = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    command = [sys.executable, REPOSITORY / "dev/set_up.py", "venv", "requests"]

    done = subprocess.run(command, cwd=tmp_path, env=bare, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stdout.startswith("Setting up venv; this takes ")
    assert "No matching distribution found for pip==" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("pip could not set up venv; its reason is above.")
    assert "Traceback" not in done.stderr
