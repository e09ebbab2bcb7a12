# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside jmp shell, as the program that it is there."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import command_runner


def run(directory: Path, *commands: str) -> list[dict[str, Any]]:
    """Run commands, with nothing of this venv, and return their results."""
    (directory / "runner.py").write_text(inspect.getsource(command_runner), encoding="utf-8")
    (directory / "commands.json").write_text(json.dumps(commands), encoding="utf-8")
    program = [sys.executable, "-I", "-S", str(directory / "runner.py"), str(directory)]
    subprocess.run(program, check=True, input=b"typed by nobody\n")
    results: list[dict[str, Any]] = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    return results


def test_each_command_has_its_own_output_and_exit_code(tmp_path: Path) -> None:
    assert run(tmp_path, "echo one; echo warned >&2", "echo 'two  words' | tr a-z A-Z") == [
        {"command": "echo one; echo warned >&2", "rc": 0, "stdout": "one\n", "stderr": "warned\n"},
        {"command": "echo 'two  words' | tr a-z A-Z", "rc": 0, "stdout": "TWO  WORDS\n", "stderr": ""},
    ]


def test_no_command_runs_after_one_that_failed(tmp_path: Path) -> None:
    results = run(tmp_path, "true", "exit 7", f"touch {tmp_path}/ran")

    assert [result["rc"] for result in results] == [0, 7]
    assert not (tmp_path / "ran").exists()


def test_an_unknown_command_and_a_signal_are_failures(tmp_path: Path) -> None:
    assert run(tmp_path, "no-such-command")[0]["rc"] == 127
    assert run(tmp_path, "kill -9 $$")[0]["rc"] == -9


def test_nobody_answers_a_command_that_asks(tmp_path: Path) -> None:
    assert run(tmp_path, "read answer || echo nothing")[0]["stdout"] == "nothing\n"


def test_output_that_is_no_text_or_too_long_does_no_harm(tmp_path: Path) -> None:
    results = run(tmp_path, r"printf 'a\377b'", "head -c 3000000 /dev/zero | tr '\\0' x")

    assert results[0]["stdout"] == "a\ufffdb"
    assert len(results[1]["stdout"]) == command_runner.MAX_OUTPUT
