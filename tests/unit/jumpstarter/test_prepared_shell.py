# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands whose jmp shell is started before they are wanted, with a shell script in place of jmp."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import types
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from play_support import wait_until

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import prepared_shell
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.route import Route
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.command_results import read_results
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.lease_processes import (
    end_lease_processes,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations import disturbance
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

LEASE = f"lease-of-the-cut-{os.getpid()}"
"""Its processes are ended by that name, also those of another worker of the tests."""
ROUTE = Route(LEASE, ["--exporter-config", "/etc/x.yaml"], None, None)
RUNS = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'
"""A jmp that runs the program that it is given."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory in which commands and their files are."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


@pytest.fixture
def play() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process in place of ansible-playbook."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()
    end_lease_processes(LEASE)


def prepare(here: Path, play: subprocess.Popen[bytes], commands: list[str], jmp: str = RUNS) -> None:
    (here / "jmp").write_text(f"#!/bin/sh\n{jmp}\n", encoding="utf-8")
    (here / "jmp").chmod(0o755)
    prepared_shell.prepare(ROUTE, commands, Owner.of(play.pid))


def let_go(commands: list[str], timeout: float = 20.0) -> list[dict[str, t.Any]] | None:
    """Return the results of the commands; None if nothing was prepared for them."""
    with prepared_shell.prepared_commands(LEASE, commands) as prepared:
        if prepared is None:
            return None
        prepared.finish(timeout)
        return read_results(prepared.directory / "results.json")


def left(here: Path) -> list[str]:
    return [path.name for path in here.rglob("*") if path.name in ("gate", "commands.json", f"{LEASE}.prepared")]


def works_for_the_lease(program: str = "") -> list[str]:
    mark = f"HATCI_LEASE={LEASE}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_marked = mark in (process / "environ").read_bytes().split(b"\0")
            if is_marked and program.encode() in (process / "cmdline").read_bytes():
                found.append(process.name)
    return found


def test_the_commands_wait_until_they_are_wanted_and_then_run_once(here: Path, play: subprocess.Popen[bytes]) -> None:
    commands = [f"echo off >> {here}/relay", "echo done"]
    prepare(here, play, commands)
    wait_until(lambda: left(here))
    assert not (here / "relay").exists()
    results = let_go(commands)
    assert results and [result["stdout"] for result in results] == ["", "done\n"]
    assert (here / "relay").read_text(encoding="utf-8") == "off\n"
    assert let_go(commands) is None
    assert left(here) == []
    wait_until(lambda: not works_for_the_lease())


@pytest.mark.parametrize("jmp", ["exit 1", "kill -9 $$"])
def test_a_jmp_that_has_ended_meanwhile_leaves_the_commands_to_another_start(
    here: Path, play: subprocess.Popen[bytes], jmp: str
) -> None:
    prepare(here, play, ["true"], jmp)
    assert let_go(["true"]) is None
    assert left(here) == []


def test_other_commands_are_not_let_go(here: Path, play: subprocess.Popen[bytes]) -> None:
    prepare(here, play, [f"touch {here}/switched"])
    assert let_go(["true"]) is None
    assert not (here / "switched").exists()
    assert left(here) == []
    wait_until(lambda: not works_for_the_lease())


@pytest.mark.parametrize("ends", ["play", "lease", "task"])
def test_commands_that_were_never_wanted_do_not_run_and_leave_nothing(
    here: Path, play: subprocess.Popen[bytes], ends: str
) -> None:
    prepare(here, play, [f"touch {here}/switched"])
    wait_until(lambda: left(here))
    if ends == "play":
        play.kill()
    elif ends == "lease":
        end_lease_processes(LEASE)
    else:
        prepared_shell.dismiss(LEASE)
    wait_until(lambda: "gate" not in left(here))
    assert let_go([f"touch {here}/switched"]) is None
    assert not (here / "switched").exists()
    wait_until(lambda: not works_for_the_lease())


def test_a_second_one_takes_the_place_of_the_first(here: Path, play: subprocess.Popen[bytes]) -> None:
    prepare(here, play, ["echo first"])
    prepare(here, play, ["echo second"])
    results = let_go(["echo second"])
    assert results and results[0]["stdout"] == "second\n"
    assert left(here) == []
    wait_until(lambda: not works_for_the_lease())


def test_commands_that_do_not_end_are_ended(here: Path, play: subprocess.Popen[bytes]) -> None:
    prepare(here, play, ["sleep 600"])
    with pytest.raises(errors.JmpTimeout):
        let_go(["sleep 600"], timeout=3.0)
    assert left(here) == []
    wait_until(lambda: not works_for_the_lease())


def test_commands_of_a_task_that_is_broken_off_are_ended_before_it_is_undone(
    here: Path, play: subprocess.Popen[bytes]
) -> None:
    commands = [f"touch {here}/began; sleep 600; touch {here}/switched"]
    prepare(here, play, commands)
    with pytest.raises(KeyboardInterrupt), prepared_shell.prepared_commands(LEASE, commands):
        wait_until((here / "began").exists)
        raise KeyboardInterrupt
    wait_until(lambda: not works_for_the_lease())
    assert left(here) == [] and not (here / "switched").exists()


def test_a_jmp_that_begins_again_does_not_wait_at_the_gate_for_a_second_time(
    here: Path, play: subprocess.Popen[bytes]
) -> None:
    again = RUNS.replace('exec "$@"', '"$@"; exec "$@"')
    prepare(here, play, [f"echo off >> {here}/relay"], again)
    with prepared_shell.prepared_commands(LEASE, [f"echo off >> {here}/relay"]) as prepared:
        assert prepared
        assert "which are not run twice" in prepared.finish(20.0).stderr
    assert (here / "relay").read_text(encoding="utf-8") == "off\n"


def test_the_note_of_what_was_prepared_does_not_hold_the_commands(here: Path, play: subprocess.Popen[bytes]) -> None:
    prepare(here, play, ["relayctl --password hunter2 off"])
    files = LeaseFiles(LEASE)
    assert "hunter2" not in files.prepared.read_text(encoding="utf-8")
    files.remove()
    assert not files.prepared.exists()


def test_a_file_system_that_has_no_pipes_is_no_failure(
    here: Path, play: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> t.NoReturn:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "mkfifo", refuse)
    monkeypatch.setattr(disturbance, "find_route", lambda *_arguments: ROUTE)
    caller = types.SimpleNamespace(owner=Owner.of(play.pid))
    monkeypatch.setattr(disturbance.Caller, "from_options", lambda _options: caller)
    (here / "jmp").write_text("#!/bin/sh\n", encoding="utf-8")
    options = {"state": "prepared", "commands": ["j power off"], "undo": None, "lasts": 0.0, "until": None}
    result = disturbance.disturb({**options, "lease_name": LEASE, "timeout": 5.0}, False)
    assert "Operation not permitted" in result["warnings"][0]
    assert left(here) == []


@pytest.mark.parametrize("imports", ["from loaded_before import j", "from not_there import j", "x = 1"])
def test_a_plain_j_has_its_modules_loaded_before_it_is_wanted(
    here: Path, play: subprocess.Popen[bytes], imports: str
) -> None:
    (here / "loaded_before.py").write_text(f"open('{here}/loaded', 'w').close()\nj = 1\n", encoding="utf-8")
    script = f"#!{sys.executable}\nimport sys\n{imports}\nprint(sys.argv[1:], sys.stdin.read())\nsys.exit(3)\n"
    (here / "j").write_text(script, encoding="utf-8")
    (here / "j").chmod(0o755)
    prepare(here, play, ["j power off"], f"export PYTHONPATH={here}; {RUNS}")
    if "loaded_before" in imports:
        wait_until((here / "loaded").exists)
    results = let_go(["j power off"])
    assert results
    fails = "not_there" in imports
    assert (results[0]["command"], results[0]["rc"]) == ("j power off", 1 if fails else 3)
    assert results[0]["stdout"] == ("" if fails else "['power', 'off'] \n")
    assert ("No module named 'not_there'" in results[0]["stderr"]) is fails


def test_a_preloaded_j_that_has_ended_is_started_again(here: Path, play: subprocess.Popen[bytes]) -> None:
    (here / "j").write_text(f"#!{sys.executable}\nfrom gone import j\nprint('off')\n", encoding="utf-8")
    (here / "j").chmod(0o755)
    (here / "gone.py").write_text(
        f"import os, pathlib\nseen = pathlib.Path('{here}/seen')\nif not seen.exists():\n"
        "    seen.touch()\n    os._exit(9)\nj = 1\n",
        encoding="utf-8",
    )
    prepare(here, play, ["j power off"], f"export PYTHONPATH={here}; {RUNS}")
    wait_until(lambda: (here / "seen").exists() and not works_for_the_lease("preloaded_command"))
    results = let_go(["j power off"])
    assert results and (results[0]["rc"], results[0]["stdout"]) == (0, "off\n")
