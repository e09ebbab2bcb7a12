# SPDX-License-Identifier: GPL-3.0-or-later
"""Running programs as another user, where the tests run as root."""

from __future__ import annotations

import functools
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

FIRST_UID, SECOND_UID = 33333, 44444


def as_user(uid: int) -> list[str]:
    """Return what a command line begins with so that it runs as another user.

    That user may read and enter everything, since the Python of the tests often lies below root's home; it owns and
    writes no more than other users do.
    """
    read_all = "+dac_read_search"
    identity = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    return ["setpriv", *identity, f"--inh-caps={read_all}", f"--ambient-caps={read_all}"]


def give_to(uid: int, directory: Path) -> None:
    """Make a directory and all that is in it a user's own, and let that user come there."""
    for parent in directory.parents:
        if not parent.stat().st_mode & stat.S_IXOTH:
            parent.chmod(0o711)
    for path in (directory, *directory.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)


@functools.cache
def has_second_user() -> bool:
    """Whether jmp can be run as another user here."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return False
    seen = [*as_user(SECOND_UID), "test", "-x", Path(sys.executable).with_name("jmp")]
    return subprocess.run(seen, capture_output=True, check=False).returncode == 0


needs_second_user = pytest.mark.skipif(
    not has_second_user(), reason="needs root, setpriv, and a checkout that others can enter"
)
