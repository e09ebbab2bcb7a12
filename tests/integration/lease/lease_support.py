# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays that can be killed, devices that they can lose, and looking for what is left over."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import typing as t
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil
from jumpstarter.config.client import ClientConfigV1Alpha1
from playbook_runner import StartedPlay

from hatci_lab.controller.process import ControllerProcess

FREE_SECONDS = 10.0
"""What users were promised: that soon after the end of its play, a device is free."""

USUAL_JMP_SECONDS = 1.6
"""What one start of jmp may take on a machine that is free for these tests."""

PATIENCE_SECONDS = 120.0
"""Nothing that a test waits for takes that long; it will not come any more."""

POWER = {"type": "jumpstarter_driver_power.driver.MockPower"}
NAMES = ("sim1", "sim2", "sim3")
ACQUIRE = """
    - hosts: localhost
      connection: local
      gather_facts: false
      tasks:
        - ansible.builtin.include_role:
            name: hatci.automation.jumpstarter_lease_guard
"""
RELEASE = """
        - ansible.builtin.include_role:
            name: hatci.automation.jumpstarter_lease_guard
            tasks_from: always
"""
POWER_ON = """
        - name: Switch on
          hatci.automation.jumpstarter_power:
            exporter: "{{ jumpstarter_exporter_name }}"
            state: "on"
            wait: "{{ pause | default(0) }}"
"""
"""Its pause ends with the play; Ansible's own would go on in a worker that no one ends."""

WAIT_FOR = """
        - name: Wait for the test
          ansible.builtin.wait_for:
            path: "{{ go_on }}"
            sleep: 1
            timeout: 1200
"""

REAPER = Path(__file__).parents[3] / "playbooks/release_orphaned_leases.yml"
RUN_MARK = "HATCI_TEST_RUN"
JMP = str(Path(sys.executable).parent / "jmp")


def wait_for(condition: Callable[[], t.Any], seconds: float = PATIENCE_SECONDS) -> t.Any:
    """Return the first true answer.

    :raises TimeoutError: there was none in time.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s in vain")
        time.sleep(0.02)
    return answer


def jmp_seconds() -> float:
    """Return how long one start of ``jmp`` takes now."""
    began = time.monotonic()
    subprocess.run([JMP, "version"], stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def assert_soon(condition: Callable[[], t.Any], since: float, explain: Callable[[], t.Any]) -> float:
    """Assert that something holds within the promised time, and return how long it took.

    Where other work keeps this machine from starting ``jmp`` in its usual time, the promise is longer in proportion.

    :param since: monotonic time.
    :param explain: what to show if it does not hold.
    """
    try:
        wait_for(condition, since + FREE_SECONDS - time.monotonic())
    except TimeoutError:
        allowed = FREE_SECONDS * max(1.0, jmp_seconds() / USUAL_JMP_SECONDS)
        try:
            wait_for(condition, since + allowed - time.monotonic())
        except TimeoutError:
            raise AssertionError(f"not within {allowed:.0f} s: {explain()}") from None
    return time.monotonic() - since


@dataclasses.dataclass(frozen=True)
class Play(StartedPlay):
    """A running, or ended, ansible-playbook that holds devices."""

    mark: str

    def send(self, number: int) -> None:
        """Send a signal to ansible-playbook alone."""
        self.process.send_signal(number)

    def kill_group(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the process group, as a terminal or a supervisor does."""
        os.killpg(self.process.pid, number)

    def until(self, condition: Callable[[], t.Any], seconds: float = PATIENCE_SECONDS) -> t.Any:
        """Wait while it runs, and return the first true answer."""

        def answer_or_end() -> t.Any:
            return condition() or (self.process.poll() is not None and "ended")

        try:
            answer = wait_for(answer_or_end, seconds)
        except TimeoutError as error:
            raise AssertionError(f"{error}:\n{self.output[-4000:]}\n{self.logs()}") from None
        assert answer != "ended" or condition(), f"it ended first:\n{self.output[-4000:]}\n{self.logs()}"
        return answer

    def wait(self, seconds: float = PATIENCE_SECONDS * 2) -> int:
        """Wait for its end and return the exit code."""
        return self.process.wait(seconds)

    def results(self, task: str) -> list[dict[str, t.Any]]:
        """Return what each run of a task gave."""
        return [entry.result for entry in self.tasks if entry.name.endswith(task)]

    def result(self, task: str) -> dict[str, t.Any]:
        """Return what a task gave that ran once."""
        (only,) = self.results(task) or [None]
        assert only is not None, f"no result of {task!r}:\n{self.output[-4000:]}"
        return only

    def keepers(self) -> list[int]:
        """Return the keepers of this play's leases."""
        return [pid for pid in _pids() if _is_keeper(pid) and _log_of(pid).startswith(str(self.home))]

    def processes(self) -> dict[int, str]:
        """Return every process that this play started and that still runs, with its command line."""
        mark = f"{RUN_MARK}={self.mark}".encode()
        found = [pid for pid in _pids() if mark in _read(f"/proc/{pid}/environ").split(b"\0")]
        return {pid: _command(pid) for pid in {*found, *self.keepers()} if _is_alive(pid)}

    def assert_gives_back(self, *devices: Device, since: float | None = None) -> float:
        """Assert that in time all devices are free and nothing of this play runs any more; return the seconds."""
        since = time.monotonic() if since is None else since

        def is_over() -> bool:
            return all(device.is_free() for device in devices) and not self.processes()

        def explain() -> str:
            held = [device.name for device in devices if not device.is_free()]
            return f"held: {held}; running: {self.processes()}\n{self.logs()}\n{self.output[-3000:]}"

        return assert_soon(is_over, since, explain)

    def logs(self) -> str:
        """Return the logs of its keepers."""
        return "\n".join(path.read_text() for path in (self.home / "tmp").glob("hatci-automation-*/*.log"))

    def has_started(self, process: psutil.Process) -> bool:
        """Whether a process is of this play, its keepers included."""
        return super().has_started(process) or process.pid in self.keepers()


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _command(pid: int) -> str:
    return _read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace").strip()[:300]


def _is_alive(pid: int) -> bool:
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[:1] not in ([], [b"Z"], [b"X"])


def _is_keeper(pid: int) -> bool:
    return b"keeper_process" in _read(f"/proc/{pid}/cmdline")


def _log_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/fd/1")
    except OSError:
        return ""


def pss_of(pid: int) -> int:
    """Return the proportional set size of a process in bytes."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))


class Device(t.Protocol):
    """A device, and what a play needs to get it."""

    name: str
    mode: str

    @property
    def variables(self) -> dict[str, t.Any]:
        """Role variables."""

    def is_free(self) -> bool:
        """Whether anyone else could have it now."""

    def take(self) -> Callable[[], None]:
        """Take it as someone else; call the result to let go."""


@dataclasses.dataclass
class ControllerDevice:
    """An exporter that a controller hands out."""

    name: str
    controller: ControllerProcess
    mode: str = "controller"

    @property
    def variables(self) -> dict[str, t.Any]:
        return {
            "jumpstarter_lease_guard_mode": self.mode,
            "jumpstarter_exporter_name": self.name,
            "jumpstarter_client_config": str(self.controller.client_config("alice")),
        }

    def is_free(self) -> bool:
        """No lease has it and none waits for it."""
        wanted = [item for item in self.controller.leases() if item["client"] == "alice" and not item["ended"]]
        return self.controller.holder(self.name) is None and not any(
            item["state"] in ("Pending", "Ready") and item["exporter"] in ("", self.name) for item in wanted
        )

    def take(self, client: str = "bob", seconds: float = 3600.0) -> Callable[[], None]:
        name = f"{client}-{uuid.uuid4().hex[:8]}"
        api = api_of(self.controller, client)
        api.create_lease(exporter_name=self.name, duration=datetime.timedelta(seconds=seconds), lease_id=name)
        self.controller.wait_until(lambda: self.controller.lease(name)["state"] == "Ready")
        return lambda: api.delete_lease(name)


@dataclasses.dataclass
class LocalDevice:
    """An exporter config of this machine, with a lock."""

    name: str
    lock_dir: Path
    mode: str = "local"
    taken: list[t.Any] = dataclasses.field(default_factory=list)

    @property
    def variables(self) -> dict[str, t.Any]:
        return {
            "jumpstarter_lease_guard_mode": self.mode,
            "jumpstarter_exporter_name": self.name,
            "jumpstarter_lease_guard_lock_dir": str(self.lock_dir),
        }

    @property
    def lock(self) -> Path:
        return self.lock_dir / f"{self.name}.lock"

    def is_free(self) -> bool:
        """Whether the lock can be had."""
        if not self.lock.exists():
            return True
        with self.lock.open("r+b") as file, contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def take(self) -> Callable[[], None]:
        self.lock_dir.mkdir(mode=0o1777, exist_ok=True)
        file = self.lock.open("w")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.taken.append(file)
        json.dump({"job": "7", "host": "other_host", "pid": os.getpid(), "since": 1_700_000_000}, file)
        file.flush()
        return file.close


def api_of(controller: ControllerProcess, client: str) -> ClientConfigV1Alpha1:
    """Return the fast way to be a client."""
    return ClientConfigV1Alpha1.from_file(controller.client_config(client))


StartPlay = Callable[..., Play]


def exporter_config(name: str) -> dict[str, t.Any]:
    """Return the config of a local exporter."""
    return {
        "apiVersion": "jumpstarter.dev/v1alpha1",
        "kind": "ExporterConfig",
        "metadata": {"name": name, "namespace": ""},
        "endpoint": "",
        "token": "",
        "export": {"power": POWER},
    }


def fake_jmp(directory: Path, script: str) -> Path:
    """Put a ``jmp`` into a directory; in its text REAL stands for the real one."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "jmp"
    path.write_text("#!/bin/sh\n" + script.replace("REAL", JMP), encoding="utf-8")
    path.chmod(0o755)
    return directory
