# SPDX-License-Identifier: GPL-3.0-or-later
"""A test that passes only when it is run again is named, and three of them fail the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
FLAKY = """
import pathlib, pytest

@pytest.mark.parametrize("number", range({failures}))
def test_flaky(number):
    seen = pathlib.Path(f"seen-{{number}}")
    if not seen.exists():
        seen.touch()
        raise AssertionError

def test_steady():
    pass
"""


@pytest.mark.parametrize(
    ("failures", "status", "judgement", "workers"), [(2, 0, "", "0"), (3, 1, "3 reruns; more than 2 hide a race", "1")]
)
def test_reruns_are_named_and_too_many_fail_the_run(
    failures: int, status: int, judgement: str, workers: str, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(FLAKY.format(failures=failures))
    plugins = ("no:cacheprovider", "pytest_rerunfailures", "run_report", "xdist")
    command = [sys.executable, "-m", "pytest", "--reruns", "2", *(f"-p{plugin}" for plugin in plugins)]

    done = subprocess.run(
        [*command, "--numprocesses", workers, "test_it.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert done.returncode == status, done.stdout
    named = done.stdout.partition(" reruns ")[2]
    assert [f"test_it.py::test_flaky[{number}]: 1" in named for number in range(failures)] == [True] * failures
    assert judgement in named and "test_steady" not in named
