# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside jmp shell, as the program that it is there."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import command_runner


def program(directory: Path, *commands: str) -> list[str]:
    """Return the program that runs commands, with nothing of this venv."""
    (directory / "runner.py").write_text(inspect.getsource(command_runner), encoding="utf-8")
    (directory / "commands.json").write_text(json.dumps(commands), encoding="utf-8")
    return [sys.executable, "-I", "-S", str(directory / "runner.py"), str(directory)]


def run(directory: Path, *commands: str) -> list[dict[str, Any]]:
    """Run commands, with nothing of this venv, in a directory of their own, and return their results."""
    directory = Path(tempfile.mkdtemp(dir=directory))
    subprocess.run(program(directory, *commands), check=True, input=b"typed by nobody\n")
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


def test_no_command_has_the_token_for_the_controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JMP_TOKEN", "secret")
    monkeypatch.setenv("JUMPSTARTER_HOST", "/tmp/socket")
    assert run(tmp_path, 'echo "$JMP_TOKEN:$JUMPSTARTER_HOST"')[0]["stdout"] == ":/tmp/socket\n"


def test_output_that_is_no_text_or_too_long_does_no_harm(tmp_path: Path) -> None:
    results = run(tmp_path, r"printf 'a\377b'", "head -c 3000000 /dev/zero | tr '\\0' x")

    assert results[0]["stdout"] == "a\ufffdb"
    assert len(results[1]["stdout"]) == command_runner.MAX_OUTPUT


def test_commands_are_not_run_twice_however_often_jmp_starts_them(tmp_path: Path) -> None:
    argv = program(tmp_path, f"echo once >> {tmp_path}/effects")
    assert subprocess.run(argv, check=False).returncode == 0
    again = subprocess.run(argv, check=False, capture_output=True, text=True)

    assert again.returncode != 0 and "are not run twice" in again.stderr
    assert (tmp_path / "effects").read_text() == "once\n"


def test_a_chatty_command_costs_no_more_memory_than_what_is_kept(tmp_path: Path) -> None:
    argv = program(tmp_path, "head -c 300M /dev/zero; head -c 300M /dev/zero >&2")
    limited = ["prlimit", "--data=67108864", *argv]
    subprocess.run(limited, check=True)
    (result,) = json.loads((tmp_path / "results.json").read_text())
    assert (result["rc"], len(result["stdout"]), len(result["stderr"])) == (0, *[command_runner.MAX_OUTPUT] * 2)
