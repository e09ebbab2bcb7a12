# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept on this machine for watchers and those who ask about them: never a secret."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import tempfile
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._files import write_atomically
from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json

KEEP_LOGS_SECONDS = 7 * 86400


class DirectoryUnsafe(Exception):
    """The directory for records belongs to someone else."""


def runtime_directory() -> pathlib.Path:
    """Return the directory for records and logs, which only this user can enter.

    :raises DirectoryUnsafe: it belongs to someone else.
    """
    path = pathlib.Path(tempfile.gettempdir()) / f"hatci-automation-{os.getuid()}"
    try:
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        status = path.lstat()
    except OSError as error:
        raise DirectoryUnsafe(f"{path} cannot be used: {error.strerror}; set TMPDIR to a directory that can.") from None
    if status.st_uid != os.getuid() or path.is_symlink() or not path.is_dir():
        raise DirectoryUnsafe(f"{path} belongs to someone else, so nothing can be kept there safely; remove it.")
    return path


def write_json(path: pathlib.Path, value: t.Any) -> None:
    """Write a file that only this user can read, whole or not at all."""
    write_atomically(path, json.dumps(value, indent=2))


def read_json(path: pathlib.Path) -> dict[str, t.Any] | None:
    """Return the object in a file; None if there is none that can be read."""
    try:
        value = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def remove_old_logs(directory: pathlib.Path) -> None:
    """Remove the logs of watchers that ended more than a week ago."""
    for log in directory.glob("*.log"):
        with contextlib.suppress(OSError):
            if log.stat().st_mtime < time.time() - KEEP_LOGS_SECONDS:
                log.unlink()
