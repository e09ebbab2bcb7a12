# SPDX-License-Identifier: GPL-3.0-or-later
"""Running ansible-playbook as a user would, and reading what each task gave."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import textwrap
import typing as t
from pathlib import Path

import psutil
from second_user import as_user, give_to

REPOSITORY = Path(__file__).parents[1]
HUNG_SECONDS = 300
"""Nothing takes that long; a playbook that does hangs."""


@dataclasses.dataclass(frozen=True)
class TaskResult:
    """What one task gave for one host, as callbacks (and so AAP) see it."""

    name: str
    host: str
    action: str
    outcome: str
    result: dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class PlayResult:
    """A finished ansible-playbook."""

    returncode: int
    stdout: str
    stderr: str
    tasks: list[TaskResult]
    home: Path

    @property
    def output(self) -> str:
        """All that the user saw."""
        return self.stdout + self.stderr

    def task(self, name: str) -> dict[str, t.Any]:
        """Return the result of the task with this name, with or without its role; it must have run exactly once."""
        found = [task.result for task in self.tasks if name in (task.name, task.name.rpartition(" : ")[2])]
        assert len(found) == 1, f"task {name!r} gave {len(found)} results:\n{self.output[-6000:]}"
        return found[0]


@dataclasses.dataclass(frozen=True)
class StartedPlay:
    """An ansible-playbook that runs."""

    process: subprocess.Popen[bytes]
    home: Path

    @property
    def output(self) -> str:
        """All that the user has seen so far."""
        return (self.home / "output").read_text(encoding="utf-8", errors="replace")

    @property
    def tasks(self) -> list[TaskResult]:
        """The tasks that have ended."""
        return read_results(self.home / "results.jsonl")

    def kill(self) -> None:
        """Kill ansible-playbook with its whole process group, or what is left of that."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """Kill it with all it started in its environment: workers of ansible-core 2.19 have sessions of their own.

        A child may be born while the others are killed, so this looks again until none is left.
        """
        self.kill()
        while living := [process for process in psutil.process_iter() if self.has_started(process)]:
            for process in living:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(living, timeout=1)

    def has_started(self, process: psutil.Process) -> bool:
        """Whether a process has this home and can still do something."""
        with contextlib.suppress(psutil.Error):
            return process.environ().get("HOME") == str(self.home) and process.status() != psutil.STATUS_ZOMBIE
        return False


class AnsiblePlaybook:
    """Runs playbooks with nothing of the user's home or environment.

    :param directory: gets all files of all runs.
    :param binaries: where ansible-playbook and jmp are.
    """

    def __init__(self, directory: Path, binaries: Path) -> None:
        self.directory = directory
        self.binaries = binaries
        self._runs = 0
        self._started: list[StartedPlay] = []

    def environment(self, home: Path) -> dict[str, str]:
        """Return the whole environment of a run."""
        for name in ("tmp", "remote"):
            (home / name).mkdir(parents=True, exist_ok=True)
        (home / "ansible.cfg").touch()
        return {
            "PATH": f"{self.binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "NO_PROXY": "127.0.0.1,localhost",
            "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
            "ANSIBLE_HOME": str(home / "ansible"),
            "ANSIBLE_REMOTE_TMP": str(home / "remote"),
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / ".cache/collections"),
            "ANSIBLE_CALLBACK_PLUGINS": str(REPOSITORY / "tests/callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "results_as_lines",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_NOCOLOR": "1",
            "RESULTS_AS_LINES": str(home / "results.jsonl"),
        }

    def command(self, playbook: str | Path, home: Path, *arguments: str) -> list[str]:
        """Return the argument list; a playbook given as text is written to a file first."""
        if isinstance(playbook, str):
            path = home / "playbook.yml"
            path.write_text(textwrap.dedent(playbook), encoding="utf-8")
            playbook = path
        return [str(self.binaries / "ansible-playbook"), str(playbook), *arguments]

    def new_home(self) -> Path:
        """Return a fresh directory that serves as HOME, and as place for all that a run leaves."""
        self._runs += 1
        home = self.directory / f"run-{self._runs}"
        home.mkdir(parents=True)
        return home

    def start(
        self,
        playbook: str | Path,
        *arguments: str,
        variables: dict[str, t.Any] | None = None,
        env: dict[str, str] | None = None,
        home: Path | None = None,
        uid: int | None = None,
    ) -> StartedPlay:
        """Start a playbook, in a process group of its own.

        :param home: what :meth:`new_home` gave, for whoever puts something there first.
        :param uid: the user that it runs as, if that is another one.

        The other parameters are those of a run to its end.
        """
        home = home or self.new_home()
        environment = {**self.environment(home), **(env or {})}
        command = self.command(playbook, home, *arguments, *_given(variables, home))
        if uid:
            give_to(uid, home)
            command = [*as_user(uid), *command]
        with (home / "output").open("wb") as output:
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        play = StartedPlay(process, home)
        self._started.append(play)
        return play

    def end(self) -> None:
        """End what was started and may still run, so that it does not hold the device of the next test."""
        for play in self._started:
            play.end()

    def __call__(
        self,
        playbook: str | Path,
        *arguments: str,
        variables: dict[str, t.Any] | None = None,
        env: dict[str, str] | None = None,
    ) -> PlayResult:
        """Run a playbook to its end.

        :param playbook: its text, or the path of one.
        :param arguments: further arguments of ansible-playbook.
        :param variables: extra variables; they travel in a file.
        :param env: added to the environment.
        """
        home = self.new_home()
        done = subprocess.run(
            self.command(playbook, home, *arguments, *_given(variables, home)),
            env={**self.environment(home), **(env or {})},
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=HUNG_SECONDS,
            check=False,
        )
        if "HATCI_REFUSE_DEPRECATIONS" in os.environ:
            assert "[DEPRECATION WARNING]" not in done.stdout + done.stderr, done.stdout + done.stderr
        return PlayResult(done.returncode, done.stdout, done.stderr, read_results(home / "results.jsonl"), home)


def _given(variables: dict[str, t.Any] | None, home: Path) -> list[str]:
    if variables is None:
        return []
    path = home / "variables.json"
    path.write_text(json.dumps(variables), encoding="utf-8")
    return ["-e", f"@{path}"]


def read_results(path: Path) -> list[TaskResult]:
    """Return what the callback wrote."""
    if not path.exists():
        return []
    return [TaskResult(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
