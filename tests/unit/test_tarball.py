# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball that users install holds what they need and nothing else."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

FOR_USERS = {"docs", "extensions", "meta", "playbooks", "plugins", "roles"}
FOR_DEVELOPERS = ("changelogs/fragments/", "extensions/molecule/")
BESIDE_THEM = {"CHANGELOG.md", "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "changelogs", "requirements.txt"}


def files_under(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir()}


@pytest.fixture(scope="module")
def packed(tarball: Path) -> set[str]:
    with tarfile.open(tarball) as archive:
        return {member.name for member in archive if not member.isdir()}


def test_nothing_is_packed_that_only_developers_need(packed: set[str]) -> None:
    assert {name.split("/")[0] for name in packed} <= FOR_USERS | BESIDE_THEM
    assert not {name for name in packed if "/tests/" in name or name.startswith(FOR_DEVELOPERS)}


def test_everything_users_need_is_packed(copy: Path, packed: set[str]) -> None:
    expected = {
        name for name in files_under(copy) if name.split("/")[0] in FOR_USERS and not name.startswith(FOR_DEVELOPERS)
    }
    assert expected <= packed
    assert packed >= BESIDE_THEM - {"changelogs"}
