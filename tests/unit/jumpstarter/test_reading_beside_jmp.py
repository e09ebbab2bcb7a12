# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader beside jmp shell, with a shell script in place of jmp."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from jumpstarter.common import ExporterStatus
from jumpstarter.exporter import Session
from jumpstarter_driver_composite.driver import Composite
from jumpstarter_driver_network.driver import TcpNetwork
from play_support import wait_until
from sums_support import validated

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import exporter_configs
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader import beside, handover
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.diagnostics import read_vehicle
from hatci_lab.car.process import CarProcess

RUNS = 'while [ "$1" != -- ]; do shift; done; shift'
"""How a jmp gets at the program that it is given."""


@pytest.fixture
def car(tmp_path: Path) -> Iterator[CarProcess]:
    with CarProcess(tmp_path / "car", boot_seconds=0.05) as car:
        yield car


@pytest.fixture
def exporter(car: CarProcess) -> Iterator[str]:
    """Return where an exporter with a tunnel to the car is reached, which jmp alone knows."""
    tunnel = TcpNetwork(host="127.0.0.1", port=car.ports["Gateway"])
    with Session(root_device=Composite(children={"gateway": tunnel})) as session, session.serve_unix() as path:
        session.update_status(ExporterStatus.LEASE_READY)
        yield f"export JUMPSTARTER_HOST={path} JMP_DRIVERS_ALLOW=UNSAFE"


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., dict[str, t.Any]]:
    """Read the Gateway, with the shell script that is given as jmp."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(exporter_configs, "DIRECTORIES", (str(tmp_path),))
    (tmp_path / "here.yaml").write_text("", encoding="utf-8")

    def read_now(jmp: str, **options: t.Any) -> dict[str, t.Any]:
        (tmp_path / "jmp").write_text(f"#!/bin/sh\n{jmp}\n", encoding="utf-8")
        (tmp_path / "jmp").chmod(0o755)
        gateway = {"name": "Gateway", "driver": "gateway", "logical_address": 0xE0}
        arguments = {"exporter": "here", "mode": "local", "lock_dir": str(tmp_path / "locks"), "ecus": [gateway]}
        return read_vehicle(validated("jumpstarter_diagnostics", {**arguments, **options}), False)

    return read_now


def test_ecus_are_read_by_what_the_shell_hands_over(
    exporter: str, read: t.Callable[..., dict[str, t.Any]], tmp_path: Path
) -> None:
    """And jmp has the lock of the device, whatever becomes of the reader."""
    found = read(f'{exporter}; {RUNS}; readlink /proc/$$/fd/* > {tmp_path}/open; "$@"')

    assert (found["ecus"][0]["error"], found["ecus"][0]["sw_version"]) == (None, "1.0.0")
    assert str(tmp_path / "locks") in (tmp_path / "open").read_text()


def test_a_jmp_that_starts_its_program_again_clears_no_codes_twice(
    car: CarProcess, exporter: str, read: t.Callable[..., dict[str, t.Any]], tmp_path: Path
) -> None:
    found = read(f'{exporter}; {RUNS}; "$@"; "$@" 2> {tmp_path}/words', clear_codes=True)

    assert found["ecus"][0]["error"] is None
    assert [entry["request"][:2] for entry in car.requests()].count("14") == 1
    assert (tmp_path / "words").read_text().startswith("the connection broke, and jmp began to read again")


@pytest.mark.parametrize(
    ("jmp", "words"),
    [
        ("echo 'Error: there is no such exporter' >&2; exit 1", "Error: there is no such exporter"),
        ("exit 3", "exit code 3"),
        ("kill -KILL $$", "exit code 137"),
        (f'{RUNS}; unset JUMPSTARTER_HOST; "$@"', "JUMPSTARTER_HOST not set"),
        (f'{RUNS}; "$@" & kill -HUP $!; exit 255', "exit code 255"),
    ],
    ids=("refused", "silent", "killed", "nothing to hand over", "lease ended"),
)
def test_a_jmp_that_ends_is_told_by_its_words(read: t.Callable[..., dict[str, t.Any]], jmp: str, words: str) -> None:
    with pytest.raises(errors.DeviceUnreachable) as caught:
        read(jmp)

    assert caught.value.message.startswith("The ECUs could not be read: jmp shell ended: ")
    assert caught.value.message.removesuffix(".").endswith(words)


def test_a_jmp_that_takes_too_long_may_close_its_drivers(
    read: t.Callable[..., dict[str, t.Any]], tmp_path: Path
) -> None:
    closes = f"trap 'echo told >> {tmp_path}/told; sleep 0.5; echo closed >> {tmp_path}/told; exit' TERM"
    with pytest.raises(errors.DeviceUnreachable, match="it did not end within 4 s"):
        read(f"{closes}; echo $$ > {tmp_path}/pid; while :; do sleep 0.1; done", timeout=4)

    assert (tmp_path / "told").read_text().split() == ["told", "closed"]
    wait_until(lambda: not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists())


def test_the_environment_is_handed_over_once_and_without_the_token(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 30)
    directory.mkdir()
    environment = {"JMP_TOKEN": "secret", "JUMPSTARTER_HOST": "/run/x", "ODD": os.fsdecode(b"\xff\n")}
    program = [sys.executable, "-I", "-S", str(handover.__file__), str(directory)]
    with (
        contextlib.closing(beside.listen(str(directory))) as listener,
        subprocess.Popen(program, env=environment) as inside,
    ):
        connection, handed = beside.take_over(listener)
        again = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
        assert (again.returncode, again.stderr.partition(",")[0]) == (1, "the connection broke")
        assert inside.poll() is None
        connection.close()
        assert inside.wait(10) == 0

    environment.pop("JMP_TOKEN")
    assert {name: handed.get(name) for name in environment} == environment
    assert "JMP_TOKEN" not in handed
