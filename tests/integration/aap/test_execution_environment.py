# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-builder accepts the execution environment and finds what the collection needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from aap_support import AAP_BIN, FILES, REPOSITORY, environment_of_tools


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def tarballs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with both collections as users get them."""
    assert AAP_BIN.exists(), "make .venvs/aap/.ready"
    root, built = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("built")
    run(sys.executable, REPOSITORY / "dev/checkout.py", root, cwd=REPOSITORY)
    for collection in ("hatci/automation", "jumpstarter/jumpstarter"):
        galaxy = ["ansible-galaxy", "collection", "build", "--output-path", built]
        run(*galaxy, cwd=root / "ansible_collections" / collection, env=environment_of_tools())
    return built


@pytest.fixture(scope="module")
def context(tarballs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the build context that ansible-builder makes of the two tarballs."""
    directory = tmp_path_factory.mktemp("ee")
    shutil.copy(FILES / "execution-environment.yml", directory)
    for tarball in tarballs.iterdir():
        shutil.copy(tarball, directory)
    create = ["ansible-builder", "create", "--context", "context", "--output-filename", "Containerfile"]
    run(*create, cwd=directory, env=environment_of_tools())
    return directory / "context"


def test_the_image_has_the_right_python_and_lets_the_job_write_exporters(context: Path) -> None:
    steps = (context / "Containerfile").read_text(encoding="utf-8")
    assert "/usr/bin/python3.11" in steps
    assert "chmod -R g+rwX /etc/jumpstarter" in steps


def test_both_collections_install_and_their_requirements_are_found(context: Path, tmp_path: Path) -> None:
    install = ["ansible-galaxy", "collection", "install", "--offline", "--requirements-file", "requirements.yml"]
    run(*install, "--collections-path", tmp_path, cwd=context / "_build", env=environment_of_tools())
    for name in ("hatci/automation", "jumpstarter/jumpstarter"):
        assert (tmp_path / "ansible_collections" / name / "MANIFEST.json").is_file()
    found = yaml.safe_load(run("ansible-builder", "introspect", tmp_path, cwd=tmp_path, env=environment_of_tools()))
    needed = [line.partition("#")[0].strip() for line in found["python"]]
    assert needed == (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").split()
