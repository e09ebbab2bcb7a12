# SPDX-License-Identifier: GPL-3.0-or-later
"""What starts quicker does the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

QUICK_START = Path(__file__).parents[2] / "quick_start/sitecustomize.py"
LOAD = """
import json, sys, yaml
text = open(sys.argv[1], "rb")
print(json.dumps(yaml.load(text if sys.argv[2] == "file" else text.read(), Loader=yaml.CSafeLoader)))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout that keeps what it reads in a directory of its own."""
    directory = tmp_path / "tests/quick_start"
    directory.mkdir(parents=True)
    shutil.copy(QUICK_START, directory)
    return tmp_path


def run(checkout: Path, *command: str) -> str:
    """Run a program that starts quicker."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "tests/quick_start")}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def load(checkout: Path, path: Path, how: str) -> object:
    """Return what PyYAML says of a file."""
    return json.loads(run(checkout, sys.executable, "-c", LOAD, str(path), how))


def test_a_large_file_is_read_once_as_long_as_it_stays_the_same(checkout: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.yml"
    for last in ("yes", "1.10"):
        path.write_text("".join(f"key_{number}: [1, {number}.5, null]\n" for number in range(5000)) + f"last: {last}\n")
        expected = yaml.safe_load(path.read_text())
        assert load(checkout, path, "file") == load(checkout, path, "text") == expected
    kept = sorted((checkout / ".cache/quick_start").iterdir())
    assert len(kept) == 2
    for file in kept:
        file.write_bytes(b"broken")
    assert load(checkout, path, "file") == expected


def test_a_small_file_is_not_kept(checkout: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.yml"
    path.write_text("key: value\n")
    assert load(checkout, path, "file") == {"key": "value"}
    assert not (checkout / ".cache").exists()


def test_a_module_that_is_imported_later_has_all_it_has(checkout: Path) -> None:
    script = (
        "import sys, paramiko\n"
        "print('paramiko.transport' in sys.modules, paramiko.Transport.__module__, 'paramiko.transport' in sys.modules)"
    )
    assert run(checkout, sys.executable, "-c", script).split() == ["False", "paramiko.transport", "True"]


def test_jmp_has_the_commands_for_administrators_still(checkout: Path) -> None:
    helped = run(checkout, str(Path(sys.executable).with_name("jmp")), "admin", "get", "--help")
    assert "exporter" in helped and "Traceback" not in helped
