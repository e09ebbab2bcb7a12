# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests share: a simulated SUMS as a real process, and ansible-playbook of every supported ansible-core."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import typing as t
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis.database import DirectoryBasedExampleDatabase
from play_support import PATHS, inventory_of, processes_of, wait_until
from playbook_runner import AnsiblePlaybook, PlayResult
from run_report import RunReport, pytest_sessionfinish, pytest_terminal_summary, run_report
from secrets_support import CANARY, TokenSearch, keep_secrets
from tls_support import authority, bare_environment, ca_path

from hatci_lab.sums.process import SumsProcess

__all__ = [
    "authority",
    "bare_environment",
    "ca_path",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "run_report",
]

REPOSITORY = Path(__file__).parents[1]
# Where pytest-ansible has Ansible's own loader look for this collection.
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(REPOSITORY / ".cache/collections")
# Where all that tests start finds what lets it start quicker.
os.environ["PYTHONPATH"] = str(REPOSITORY / "tests/quick_start")
CORES = {path.name.removeprefix("core-"): path / "bin" for path in sorted((REPOSITORY / ".venvs").glob("core-*"))}
"""Where the programs of each ansible-core are that this checkout has been set up with."""
TESTED_CORES = ("2.16", "2.19")
"""The oldest and the newest that are supported; `make matrix` tries those between."""
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


# Programs are tested that heed these; started in the background, this process may have been told to ignore them.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

PlayVehicle = Callable[..., PlayResult]


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Keep the way to this collection from the programs that tests start, now that pytest-ansible has read it."""
    os.environ.pop("ANSIBLE_COLLECTIONS_PATH", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a developer choose the ansible-core that plays run with."""
    parser.addoption(
        "--core", action="append", choices=list(CORES), help="ansible-core for tests that start plays; default: each"
    )
    parser.addoption(
        "--one-core",
        action="store_true",
        help="run each play with one ansible-core only, half with either, and a third of each matrix of plays and of "
        "the longest tests, another one for each commit",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the options ask for."""
    if not config.getoption("--one-core"):
        return
    git = ["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout
    left_out = [
        item
        for item in items
        if item.get_closest_marker("matrix") and zlib.crc32(f"{commit} {item.nodeid}".encode()) % 3
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever starts plays once with each ansible-core."""
    if "core" in metafunc.fixturenames:
        tested = TESTED_CORES[-1:] if metafunc.definition.get_closest_marker("newest_core") else TESTED_CORES
        if metafunc.config.getoption("--one-core"):
            tested = (tested[zlib.crc32(metafunc.definition.nodeid.encode()) % len(tested)],)
        chosen = metafunc.config.getoption("--core") or [core for core in tested if core in CORES] or ["this"]
        metafunc.parametrize("core", chosen, indirect=True, scope="session")


@pytest.fixture(scope="session")
def core(request: pytest.FixtureRequest) -> Path:
    """Return where the programs of the ansible-core under test are."""
    return CORES.get(request.param, Path(sys.executable).parent)


@pytest.fixture
def ansible_playbook(request: pytest.FixtureRequest, tmp_path: Path, core: Path) -> Iterator[AnsiblePlaybook]:
    """Run playbooks, once with each ansible-core.

    However a test of theirs ends, its outcome must follow from its record, unless the play states one of its own.
    """
    playbooks = AnsiblePlaybook(tmp_path / "ansible", core)
    yield playbooks
    playbooks.end()
    from evidence_support import outcomes_that_do_not_follow  # which needs the collection to be found

    assert request.node.get_closest_marker("states_outcome") or not outcomes_that_do_not_follow(tmp_path)


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the checkout, from which the tarball can be built."""
    root = tmp_path_factory.mktemp("checkout")
    subprocess.run([sys.executable, REPOSITORY / "dev/checkout.py", root], check=True)
    return root / "ansible_collections/hatci/automation"


@pytest.fixture(scope="session")
def tarball(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what users install."""
    destination = tmp_path_factory.mktemp("dist")
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    subprocess.run([galaxy, "collection", "build", "--output-path", destination], cwd=copy, check=True)
    (built,) = destination.glob("hatci-automation-*.tar.gz")
    return built


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
def guarded(start_sums: Callable[..., SumsProcess]) -> SumsProcess:
    """Return a SUMS that takes nothing but the canary."""
    return start_sums(token=CANARY, update_seconds=0.1)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Return a directory outside of what is searched: where users keep the token."""
    return keep_secrets(tmp_path / "secrets")


@pytest.fixture
def search(run_report: RunReport) -> TokenSearch:
    """Return a search for the canary."""
    return TokenSearch(run_report)


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
