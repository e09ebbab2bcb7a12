# SPDX-License-Identifier: GPL-3.0-or-later
"""One way to write a file: whole or not at all, whatever goes wrong."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._files import write_atomically


def test_a_file_is_replaced_and_only_its_user_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_text("old")
    path.chmod(0o644)
    write_atomically(path, "ü")
    assert path.read_text(encoding="utf-8") == "ü"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["\ud800", "new"], ids=["cannot be written", "cannot be put in place"])
def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kept"
    if content == "new":
        path.mkdir()
    else:
        path.write_text("old")
    with pytest.raises((OSError, UnicodeError)):
        write_atomically(path, content)
    assert [found.name for found in tmp_path.iterdir()] == ["kept"]
    assert path.is_dir() or path.read_text() == "old"
