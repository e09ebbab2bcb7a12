# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests share: a simulated SUMS as a real process, and ansible-playbook of every supported ansible-core."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import textwrap
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis.database import DirectoryBasedExampleDatabase
from play_support import PATHS, inventory_of, processes_of, wait_until

from hatci_lab.sums.process import SumsProcess

REPOSITORY = Path(__file__).parents[1]
CORES = {path.name.removeprefix("core-"): path / "bin" for path in sorted((REPOSITORY / ".venvs").glob("core-*"))}
"""Where the programs of each ansible-core are that this checkout has been set up with."""
TESTED_CORES = ("2.16", "2.19")
"""The oldest and the newest that are supported; `make matrix` tries those between."""
HUNG_SECONDS = 300
"""Nothing takes that long; a playbook that does hangs."""

hypothesis.settings.register_profile(
    "default",
    max_examples=200,
    deadline=None,
    database=DirectoryBasedExampleDatabase(REPOSITORY / ".cache/hypothesis"),
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.register_profile("ci", hypothesis.settings.get_profile("default"), derandomize=True, database=None)
hypothesis.settings.register_profile("thorough", hypothesis.settings.get_profile("default"), max_examples=5000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "default"))


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
        """Return the result of the task with this name; it must have run exactly once."""
        found = [task.result for task in self.tasks if task.name == name]
        assert len(found) == 1, f"task {name!r} gave {len(found)} results:\n{self.output[-6000:]}"
        return found[0]


class AnsiblePlaybook:
    """Runs playbooks with nothing of the user's home or environment.

    :param directory: gets all files of all runs.
    :param binaries: where ansible-playbook and jmp are.
    """

    def __init__(self, directory: Path, binaries: Path) -> None:
        self.directory = directory
        self.binaries = binaries
        self._runs = 0

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
        if variables is not None:
            given = home / "variables.json"
            given.write_text(json.dumps(variables), encoding="utf-8")
            arguments = (*arguments, "-e", f"@{given}")
        done = subprocess.run(
            self.command(playbook, home, *arguments),
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


PlayVehicle = Callable[..., PlayResult]


def read_results(path: Path) -> list[TaskResult]:
    """Return what the callback wrote."""
    if not path.exists():
        return []
    return [TaskResult(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a developer choose the ansible-core that plays run with."""
    parser.addoption(
        "--core", action="append", choices=list(CORES), help="ansible-core for tests that start plays; default: each"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever starts plays once with each ansible-core."""
    if "core" in metafunc.fixturenames:
        tested = TESTED_CORES[-1:] if metafunc.definition.get_closest_marker("newest_core") else TESTED_CORES
        chosen = metafunc.config.getoption("--core") or [core for core in tested if core in CORES] or ["this"]
        metafunc.parametrize("core", chosen, indirect=True, scope="session")


@pytest.fixture(scope="session")
def core(request: pytest.FixtureRequest) -> Path:
    """Return where the programs of the ansible-core under test are."""
    return CORES.get(request.param, Path(sys.executable).parent)


@pytest.fixture
def ansible_playbook(tmp_path: Path, core: Path) -> AnsiblePlaybook:
    """Run playbooks, once with each ansible-core."""
    return AnsiblePlaybook(tmp_path / "ansible", core)


@pytest.fixture(scope="session")
def _sums_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SumsProcess]:
    with SumsProcess(db=tmp_path_factory.mktemp("sums") / "sums.db", update_seconds=0.1) as sums:
        yield sums


@pytest.fixture
def sums(_sums_process: SumsProcess) -> SumsProcess:
    """Return an empty simulated SUMS whose updates take a tenth of a second."""
    _sums_process.reset()
    return _sums_process


@pytest.fixture
def start_sums(tmp_path: Path) -> Iterator[Callable[..., SumsProcess]]:
    """Start a simulated SUMS of one's own, with the options of SumsProcess."""
    started: list[SumsProcess] = []

    def start(**options: t.Any) -> SumsProcess:
        process = SumsProcess(db=tmp_path / f"sums-{len(started)}.db", **options)
        started.append(process)
        return process.start()

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def play_vehicle(ansible_playbook: AnsiblePlaybook, sums: SumsProcess) -> Iterator[PlayVehicle]:
    """Play against the simulated SUMS, for vehicle_001, which is local.

    Whatever a play leaves running must end by itself.
    """

    def play(
        playbook: str | Path,
        *arguments: str,
        inventory: str = inventory_of(),
        variables: dict[str, t.Any] | None = None,
        env: dict[str, str] | None = None,
    ) -> PlayResult:
        lab = {"hatci_base_url": sums.url, "hatci_token": sums.token, "hatci_lab_sums_url": sums.url, **PATHS}
        given = ansible_playbook.directory.parent / "inventory.yml"
        given.write_text(inventory, encoding="utf-8")
        return ansible_playbook(playbook, "-i", str(given), *arguments, variables={**lab, **(variables or {})}, env=env)

    yield play
    wait_until(lambda: not processes_of(ansible_playbook.directory))
