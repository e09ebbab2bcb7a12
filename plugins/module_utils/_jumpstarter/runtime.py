# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept on this machine about a lease while it is held: never a secret."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import tempfile
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import JumpstarterError

KEEP_LOGS_SECONDS = 7 * 86400


def runtime_directory() -> pathlib.Path:
    """Return the directory for records and logs, which only this user can enter.

    :raises JumpstarterError: it belongs to someone else.
    """
    path = pathlib.Path(tempfile.gettempdir()) / f"hatci-automation-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = path.lstat()
    if status.st_uid != os.getuid() or not path.is_dir() or path.is_symlink():
        raise JumpstarterError(f"{path} belongs to someone else, so leases can't be kept safely; remove it.")
    return path


def write_json(path: pathlib.Path, value: t.Any) -> None:
    """Write a file that only this user can read, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(name, path)


def read_json(path: pathlib.Path) -> dict[str, t.Any] | None:
    """Return the object in a file; None if there is none that can be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


class LeaseFiles:
    """The files of one lease.

    ``record`` says what the lease is (written by the task that acquired it), ``trouble`` why it is
    not safe any more (written by its keeper), ``log`` what the keeper did.
    """

    def __init__(self, lease_name: str) -> None:
        directory = runtime_directory()
        self.record = directory / f"{lease_name}.json"
        self.trouble = directory / f"{lease_name}.trouble"
        self.log = directory / f"{lease_name}.log"

    def read(self) -> dict[str, t.Any] | None:
        """Return the record, or None if this machine holds no such lease."""
        return read_json(self.record)

    def read_trouble(self) -> str:
        """Return why the lease is not safe any more; empty if it is."""
        try:
            return self.trouble.read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def remove(self) -> None:
        """Forget the lease; its log stays for a week."""
        self.record.unlink(missing_ok=True)
        self.trouble.unlink(missing_ok=True)

    def remove_old_logs(self) -> None:
        """Remove the logs of leases that ended more than a week ago."""
        for log in self.log.parent.glob("*.log"):
            with contextlib.suppress(OSError):
                if log.stat().st_mtime < time.time() - KEEP_LOGS_SECONDS:
                    log.unlink()
