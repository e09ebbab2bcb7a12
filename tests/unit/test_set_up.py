# SPDX-License-Identifier: GPL-3.0-or-later
"""The environments are set up by Python and its pip alone, with versions that are locked."""

from __future__ import annotations

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


@pytest.mark.parametrize("elsewhere", [{}, {"PIP_USER": "1", "PIP_TARGET": "elsewhere"}], ids=["pip.conf", "PIP_*"])
def test_packages_come_from_where_pip_conf_says_and_go_into_the_environment(
    tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    own = Path(pip.__file__).parent
    files = {f"pip/{path.relative_to(own)}": path.read_bytes() for path in own.rglob("*.*") if path.is_file()}
    pinned = PINNED.search((REQUIREMENTS / "pip.txt").read_text())
    assert pinned
    write_wheel(packages, "pip", pinned[0].partition("==")[2], files)
    write_wheel(packages, "probe", "1.0", {"probe.py": b"print('found')\n"})
    conf = tmp_path / ".config/pip/pip.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(f"[global]\nno-index = true\nfind-links = {packages}\n[install]\nuser = true\n")
    bare = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], **elsewhere}
    command = [sys.executable, REPOSITORY / "dev/set_up.py", "venv", "probe"]

    done = subprocess.run(command, cwd=tmp_path, env=bare, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    found = subprocess.run([tmp_path / "venv/bin/python", "-c", "import probe"], capture_output=True, check=True)
    assert found.stdout == b"found\n"
    assert not (tmp_path / "elsewhere").exists()
