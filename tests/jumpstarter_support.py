# SPDX-License-Identifier: GPL-3.0-or-later
"""A `jmp` inside this process, and keepers that are no processes."""

from __future__ import annotations

import contextlib
import errno
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import (
    exporter_configs,
    route,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp import cli
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import CompletedCommand
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import (
    acquire,
    acquire_local,
    keeper_process,
    release,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations import power
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import LONGEST_ARGUMENT

NAME = "@NAME@"
"""Stands in what is printed for the lease that was asked for last."""

MODULES = (
    "jumpstarter_diagnostics",
    "jumpstarter_exporter",
    "jumpstarter_info",
    "jumpstarter_lease",
    "jumpstarter_orphans",
    "jumpstarter_power",
    "jumpstarter_shell",
)
CLIENT_CONFIG = "kind: ClientConfig\nendpoint: lab:8082\n"
EXPORTER_CONFIG = "kind: ExporterConfig\nexport:\n  power: {type: jumpstarter_driver_power.driver.MockPower}\n"


class FakeJmp:
    """Takes the place of the process: heeds what the kernel would refuse, and prints what it is told.

    ``calls`` are the arguments of each call; ``results`` is what a command runner on the device left.
    """

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.finished = CompletedCommand(0, "{}", "")
        self.results: str | None = None
        self.lease = "hatci-lease"

    def prints(self, stdout: str, stderr: str = "", exit_code: int = 0, results: str | None = None) -> None:
        """Print this from now on, and forget the calls."""
        self.calls.clear()
        self.finished, self.results = CompletedCommand(exit_code, stdout, stderr), results

    def called(self, *words: str) -> list[list[str]]:
        """Return the calls that begin with these words."""
        return [call for call in self.calls if call[: len(words)] == list(words)]

    def __call__(
        self, argv: t.Sequence[str], *, environment: t.Mapping[str, str], **_options: t.Any
    ) -> CompletedCommand:
        for word in [*argv, *environment, *environment.values()]:
            raw = os.fsencode(word)
            if b"\0" in raw:
                raise ValueError("embedded null byte")
            if len(raw) > LONGEST_ARGUMENT:
                raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
        arguments = list(argv[3:])
        self.calls.append(arguments)
        if "--lease-id" in arguments:
            self.lease = arguments[arguments.index("--lease-id") + 1]
        if arguments[0] == "shell" and self.results is not None:
            Path(arguments[-1], "results.json").write_text(self.results, encoding="utf-8", errors="surrogatepass")
        stdout = self.finished.stdout.replace(NAME, self.lease)
        return CompletedCommand(self.finished.exit_code, stdout, self.finished.stderr)


class FakeKeeper:
    """Holds a lock as a keeper does, without a process."""

    identity: t.ClassVar = {"pid": 2**22 + 1, "start": 1}
    """No process has this pid."""

    started: t.ClassVar[list[FakeKeeper]] = []

    def __init__(self, lock: int | None) -> None:
        self._lock = None if lock is None else os.dup(lock)
        self.started.append(self)

    @property
    def is_over(self) -> bool:
        """Whether it holds no lock."""
        return self._lock is None

    def send(self, _message: object) -> None:
        """Take a message."""

    def leave_alone(self) -> None:
        """Go on."""

    def dismiss(self, _identity: object = None, **_options: bool) -> None:
        """End."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @classmethod
    def end_all(cls, *_identity: object, **_options: bool) -> bool:
        """End every keeper; all of them react."""
        while cls.started:
            cls.started.pop().dismiss()
        return True


@contextlib.contextmanager
def fake_lab(home: Path) -> t.Iterator[FakeJmp]:
    """Yield a `jmp` of a home with a client config, the exporter vehicle_001, and nothing else."""
    jmp = FakeJmp()
    exporter = home / "exporters/vehicle_001.yaml"
    exporter.parent.mkdir()
    exporter.write_text(EXPORTER_CONFIG, encoding="utf-8")
    (home / "client.yaml").write_text(CLIENT_CONFIG, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for variable in list(os.environ):
            if variable.startswith(("JMP_", "CONTROLLER_", "JOB_ID")):
                patch.delenv(variable)
        patch.setenv("HOME", str(home))
        patch.setattr("tempfile.tempdir", str(home))
        patch.setattr(exporter_configs, "DIRECTORIES", (str(exporter.parent),))
        patch.setattr(cli, "find_jmp", lambda: "/bin/jmp")
        patch.setattr(cli, "run_bounded", jmp)
        patch.setattr(acquire, "start_keeper", lambda *_all, **_options: FakeKeeper(None))
        patch.setattr(acquire_local, "start_keeper", lambda *_all, lock, **_options: FakeKeeper(lock))
        patch.setattr(release, "end_watcher", FakeKeeper.end_all)
        for module in (acquire_local, keeper_process, release):
            patch.setattr(module, "end_lease_processes", lambda _name: 0)
        patch.setattr(power, "pause", lambda _seconds, _owner: None)
        patch.setattr(route, "VERIFY_SECONDS", 0.0)
        yield jmp
    FakeKeeper.end_all()
