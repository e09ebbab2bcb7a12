# SPDX-License-Identifier: GPL-3.0-or-later
"""A play that a test ends leaves nothing behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil
import pytest
from playbook_runner import StartedPlay


def test_children_that_are_born_while_a_play_is_ended_are_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = []

    def start() -> subprocess.Popen[bytes]:
        family.append(subprocess.Popen(["sleep", "600"], env={"HOME": str(tmp_path)}, start_new_session=True))
        return family[-1]

    def look_just_before_a_birth() -> list[psutil.Process]:
        living = [psutil.Process(child.pid) for child in family if child.poll() is None]
        if len(family) < 4:
            start()
        return living

    monkeypatch.setattr(psutil, "process_iter", look_just_before_a_birth)
    try:
        start()
        StartedPlay(start(), tmp_path).end()
        assert len(family) == 4 and not [child.args for child in family if child.poll() is None]
    finally:
        for child in family:
            child.kill()
            child.wait()
