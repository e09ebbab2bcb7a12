# SPDX-License-Identifier: GPL-3.0-or-later
"""Running ansible-playbook against a simulated SUMS, and what that costs."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

from processes import Sample, Sampler, cpu_seconds

from hatci_lab.sums.process import SumsProcess

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
BINARIES = Path(sys.executable).parent
PLAYBOOKS = HERE / "playbooks"
HUNG_SECONDS = 900.0
MOMENTS = "moments.jsonl"

Variables = dict[str, t.Any]


class RunFailed(Exception):
    """A playbook did not do what was to be measured."""


@dataclasses.dataclass(frozen=True)
class Run:
    """What one ansible-playbook, with all that it started, cost; and SUMS meanwhile. Times in seconds.

    :param polls: how often SUMS was asked how a deployment stands.
    :param deployments: as SUMS holds them in the end.
    """

    vehicles: int
    wall: float
    cpu: float
    sums_cpu: float
    polls: int
    deployments: list[dict[str, t.Any]]
    memory: Sample
    home: Path

    @property
    def cpu_per_vehicle(self) -> float:
        """CPU seconds for each vehicle."""
        return self.cpu / self.vehicles

    @property
    def sums_share(self) -> float:
        """Which part of one core the simulator took."""
        return self.sums_cpu / self.wall


class Bench:
    """Runs playbooks below one directory, with nothing of the user's home or environment."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count(1)

    def __call__(
        self,
        playbook: Path | str | list[Variables],
        vehicles: int = 1,
        *,
        update: float = 1.0,
        poll: float = 1.0,
        variables: Variables | None = None,
        environment: dict[str, str] | None = None,
        prepare: t.Callable[[SumsProcess, Path], None] = lambda sums, home: None,
    ) -> Run:
        """Run a playbook for so many vehicles, all at once.

        :param playbook: its path, its name in a collection, or its plays.
        :param update: seconds that an update takes in SUMS.
        :param poll: seconds between two looks at it.
        :param variables: added to those of every vehicle, and ``environment`` to that of the run.
        :param prepare: gets SUMS and the run's home before it begins.
        :raises RunFailed: the playbook failed.
        """
        home = self.new_directory()
        for name in ("tmp", "remote"):
            (home / name).mkdir()
        if isinstance(playbook, list):
            (home / "playbook.yml").write_text(json.dumps(playbook), encoding="utf-8")
            playbook = home / "playbook.yml"
        with SumsProcess(db=home / "sums.db", update_seconds=update) as sums:
            prepare(sums, home)
            pace = {"hatci_poll_interval_seconds": poll, "bench_update_seconds": update}
            shared = {**VEHICLE, **_lab(home, sums), **pace, **(variables or {})}
            hosts = {host_of(number): {"hatci_vin": vin(number)} for number in range(1, vehicles + 1)}
            inventory = home / "inventory.json"
            inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": shared}}), encoding="utf-8")
            command = [str(BINARIES / "ansible-playbook"), "-i", str(inventory), "--forks", str(vehicles)]
            before = cpu_seconds(sums.pid)
            cost, memory = _measure([*command, str(playbook)], home, environment or {}, vehicles)
            spent = cpu_seconds(sums.pid) - before
            if cost["returncode"]:
                raise RunFailed(f"{playbook} ended with {cost['returncode']}; see {home / 'output'}")
            asked = [(entry["method"], entry["call"]) for entry in sums.requests()]
            polls = sum(method == "GET" and call.startswith("/deployments/") for method, call in asked)
            return Run(vehicles, cost["wall"], cost["cpu"], spent, polls, sums.state()["deployments"], memory, home)

    def new_directory(self) -> Path:
        """Return a fresh directory."""
        directory = self._directory / f"run-{next(self._numbers)}"
        directory.mkdir(parents=True)
        return directory


def host_of(number: int) -> str:
    """Return the inventory name of a vehicle."""
    return f"vehicle_{number:03}"


def vin(number: int) -> str:
    """Return the VIN of a vehicle."""
    return f"1HGBH41JXMN{number:06}"


ECU = {"ecu_name": "Gateway", "part_number": "GW-2024-001"}
VEHICLE: Variables = {
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    "hatci_tester_name": "bench",
    "hatci_program_name": "OTA_Bench",
    "hatci_model_year": "2024",
    "hatci_region": "US",
    "hatci_source_build_level": "2024.01.01",
    "hatci_target_build_level": "2024.02.01",
    "hatci_source_ecus": [{**ECU, "sw_version": "1.0.0"}],
    "hatci_target_ecus": [{**ECU, "sw_version": "2.0.0"}],
    "hatci_poll_timeout_seconds": HUNG_SECONDS,
}
"""Variables of every vehicle. That `uri` need not look for a Python is to its advantage."""


def _lab(home: Path, sums: SumsProcess) -> Variables:
    """Return the variables that lead to this SUMS, and keep what the collection writes below the run's directory."""
    return {
        "hatci_base_url": sums.url,
        "hatci_token": sums.token,
        "hatci_lab_sums_url": sums.url,
        "hatci_report_results_record_dir": str(home / "unsent-reports"),
        "jumpstarter_exporters_dir": str(home / ".config/jumpstarter/exporters.d"),
        "jumpstarter_exporter_config_link_dir": str(home / ".config/jumpstarter/exporters"),
        "jumpstarter_lease_guard_lock_dir": str(home / "locks"),
    }


def _measure(
    command: list[str], home: Path, environment: dict[str, str], vehicles: int
) -> tuple[dict[str, t.Any], Sample]:
    """Run a command to its end and return what it cost."""
    with (home / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "tree.py"), *command],
            env={**_environment(home), **environment},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
        )
        try:
            with Sampler(process.pid, max(1.0, vehicles / 25)) as sampler:
                printed = process.communicate(timeout=HUNG_SECONDS)[0]
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    return json.loads(printed), sampler.most


def _environment(home: Path) -> dict[str, str]:
    return {
        "PATH": f"{BINARIES}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "LC_ALL": "C.UTF-8",
        "NO_PROXY": "127.0.0.1,localhost",
        "ANSIBLE_HOME": str(home / "ansible"),
        "ANSIBLE_REMOTE_TMP": str(home / "remote"),
        "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(REPOSITORY / ".cache/collections")),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "MOMENTS": str(home / MOMENTS),
    }
