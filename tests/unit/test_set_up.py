# SPDX-License-Identifier: GPL-3.0-or-later
"""The environments are set up by Python and its pip alone, with versions that are locked."""

from __future__ import annotations

import configparser
import importlib
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pip
import pytest

REPOSITORY = Path(__file__).parents[2]
REQUIREMENTS = REPOSITORY / "requirements"
NAMES = sorted({path.stem for path in REQUIREMENTS.iterdir()})
PINNED = re.compile(r"[\w.-]+==[\w.]+")
OPEN = re.compile(r"^([\w-]+)", re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_locked_requirements_name_one_version_of_each_package_and_no_place(name: str) -> None:
    lines = [line.partition("#")[0].strip() for line in (REQUIREMENTS / f"{name}.txt").read_text().splitlines()]
    locked = [line for line in lines if line]
    assert locked and not [line for line in locked if not PINNED.fullmatch(line)]

    wanted = OPEN.findall((REQUIREMENTS / f"{name}.in").read_text())
    assert {package.lower() for package in wanted} <= {line.partition("==")[0] for line in locked}, "make lock"


def test_the_tests_have_what_the_collection_and_the_lab_need() -> None:
    needed = OPEN.findall((REPOSITORY / "requirements.txt").read_text())
    needed += re.findall(r'^    "([\w-]+)[<>=]', (REPOSITORY / "tests/lab/pyproject.toml").read_text(), re.MULTILINE)
    locked = {line.partition("==")[0] for line in (REQUIREMENTS / "test.txt").read_text().splitlines()}
    assert len(needed) > 10 and set(needed) <= locked, "make lock"


def test_a_set_up_that_fails_shows_the_reason_of_pip_and_says_who_decides(tmp_path: Path) -> None:
    bare = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    command = [sys.executable, REPOSITORY / "dev/set_up.py", "venv", "requests"]

    done = subprocess.run(command, cwd=tmp_path, env=bare, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stdout.startswith("Setting up venv; this takes ")
    assert done.stdout.count("pip failed and is run again: ERROR: No matching distribution found for pip==") == 1
    assert "No matching distribution found for pip==" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("pip could not set up venv; its reason is above.")
    assert "Traceback" not in done.stderr


def write_wheel(directory: Path, name: str, version: str, files: Mapping[str, bytes]) -> None:
    """Write a wheel that pip can install."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    about = {f"{info}/METADATA": metadata.encode(), f"{info}/WHEEL": wheel.encode()}
    record = "".join(f"{path},,\n" for path in [*files, *about, f"{info}/RECORD"])
    with zipfile.ZipFile(directory / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, content in {**files, **about, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(path, content)


ELSEWHERE = {"target": "elsewhere", "prefix": "elsewhere", "root": "elsewhere", "user": "true"}


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Wheels of the pip that is wanted and of a package."""
    packages = tmp_path / "packages"
    packages.mkdir()
    own = Path(pip.__file__).parent
    files = {f"pip/{path.relative_to(own)}": path.read_bytes() for path in own.rglob("*.*") if path.is_file()}
    pinned = PINNED.search((REQUIREMENTS / "pip.txt").read_text())
    assert pinned
    write_wheel(packages, "pip", pinned[0].partition("==")[2], files)
    write_wheel(packages, "probe", "1.0", {"probe.py": b"print('found')\n"})
    return packages


def set_up(home: Path, pip_conf: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    conf = home / ".config/pip/pip.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(pip_conf)
    bare = {"HOME": str(home), "PATH": os.environ["PATH"], **variables}
    command = [sys.executable, REPOSITORY / "dev/set_up.py", "venv", *arguments]
    return subprocess.run(command, cwd=home, env=bare, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("by_variables", [False, True], ids=["pip.conf", "PIP_*"])
def test_packages_come_from_where_pip_conf_says_and_go_into_the_environment(
    tmp_path: Path, packages: Path, by_variables: bool
) -> None:
    conf = f"[global]\nno-index = true\nfind-links = {packages}\nquiet = 1\n[install]\n"
    variables = {f"PIP_{name.upper()}": value for name, value in ELSEWHERE.items()} if by_variables else {}
    conf += "" if by_variables else "".join(f"{name} = {value}\n" for name, value in ELSEWHERE.items())

    done = set_up(tmp_path, conf, "probe", **variables)

    assert done.returncode == 0, done.stderr
    found = subprocess.run([tmp_path / "venv/bin/python", "-c", "import probe"], capture_output=True, check=True)
    assert found.stdout == b"found\n"
    assert not (tmp_path / "elsewhere").exists()


def test_a_pip_that_installs_nothing_sets_nothing_up(tmp_path: Path, packages: Path) -> None:
    conf = f"[global]\nno-index = true\nfind-links = {packages}\n"
    (tmp_path / "wanted.txt").write_text("probe==1.0  # what it is for\n")

    done = set_up(tmp_path, conf, "-r", "wanted.txt", PIP_DRY_RUN="1")

    assert done.returncode == 1
    assert "Set up" not in done.stdout
    assert re.fullmatch(
        r"pip ended well, but venv lacks pip==[\w.]+, probe==1.0; look in pip.conf and the PIP_\* variables for what "
        r"keeps pip from installing, such as PIP_DRY_RUN.\n",
        done.stderr,
    )


def test_a_pip_conf_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    done = set_up(tmp_path, "no section\n", "probe")
    assert done.returncode == 1
    assert "pip.conf" in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("pip could not set up venv; its reason is above.")


def test_sanity_takes_packages_from_where_pip_says_and_puts_them_where_ansible_test_wants_them(tmp_path: Path) -> None:
    conf = tmp_path / "pip.conf"
    conf.write_text(
        "[global]\nindex-url = https://global.example/\nquiet = 1\n[install]\nindex-url = https://install.example/\n"
        + "".join(f"{name} = {value}\n" for name, value in ELSEWHERE.items())
    )
    write = f"import sys; sys.path.insert(0, {str(REPOSITORY / 'dev')!r}); from sanity import pip_conf\n"
    write += "pip_conf().write(sys.stdout)"
    bare = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(conf), "PIP_PREFIX": "elsewhere", "PIP_RETRIES": "7"}

    written = subprocess.run([sys.executable, "-c", write], env=bare, capture_output=True, text=True, check=True).stdout

    settings = configparser.RawConfigParser()
    settings.read_string(written)
    assert settings["global"]["index-url"] == "https://install.example/"
    assert settings["global"]["retries"] == "7"
    assert "elsewhere" not in written and "user" not in settings["global"]


@pytest.mark.parametrize(
    ("asked", "lacks"),
    [
        (["pytest", "PyYAML", "pytest_xdist[psutil]>=1", "--no-deps"], []),
        (["ansible-core==2.*", f"pytest=={pytest.__version__}"], []),
        (["ansible-core==1.*", "pytest==0.1", "absent"], ["ansible-core==1.*", "pytest==0.1", "absent"]),
        (["-e", "tests/lab"], []),
    ],
)
def test_what_an_environment_lacks(monkeypatch: pytest.MonkeyPatch, asked: list[str], lacks: list[str]) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "dev"))
    monkeypatch.chdir(REPOSITORY)
    assert importlib.import_module("installed").missing(sys.executable, [asked]) == lacks
