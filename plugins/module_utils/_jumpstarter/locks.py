# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Excluding others from a device on this machine, where no controller does it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.names import check_name

Holder = dict[str, t.Any]

MAX_HOLDER = 4096


def lock_path(directory: str, exporter: str) -> pathlib.Path:
    """Return the lock file of an exporter, in a directory that everyone on this machine shares.

    :raises InputError: the directory cannot be used.
    """
    path = pathlib.Path(directory)
    try:
        if not path.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(PermissionError):
                path.chmod(0o1777)
    except OSError as error:
        raise InputError(
            f"The lock directory {directory} cannot be used: {error.strerror}; set lock_dir to one that can."
        ) from None
    return path / f"{check_name(exporter, 'exporter')}.lock"


def try_lock(path: pathlib.Path, holder: Holder) -> tuple[int, Holder] | None:
    """Take the lock and write who has it.

    :returns: the file descriptor that holds the lock until every copy of it is closed, and who had it before;
        None if it is taken.
    :raises InputError: the lock file cannot be used.
    """
    try:
        descriptor = _open(path)
    except OSError as error:
        raise InputError(
            f"The lock file {path} cannot be used: {error.strerror}; ask its owner to remove it."
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_still_there = os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        is_still_there = False
    if not is_still_there:
        os.close(descriptor)
        return None
    before = read_holder(path)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)
    return descriptor, before


def read_holder(path: pathlib.Path) -> Holder:
    """Return who wrote the lock file last; empty if that cannot be read."""
    try:
        with path.open("rb") as file:
            holder = json.loads(file.read(MAX_HOLDER))
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def is_locked(path: pathlib.Path) -> bool:
    """Whether anyone holds the lock now."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def describe_holder(holder: Holder) -> str:
    """Return a holder in words."""
    if not holder:
        return "someone who left no name"
    since = holder.get("since")
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(since)) if isinstance(since, (int, float)) else "?"
    return f"job {holder.get('job', '?')}, host {holder.get('host', '?')}, pid {holder.get('pid', '?')}, since {when}"


def _open(path: pathlib.Path) -> int:
    """Open the lock file for everyone: whoever comes second must be able to write its name too."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    except FileExistsError:
        # Without O_CREAT: in a sticky directory the kernel refuses it for another user's file.
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    with contextlib.suppress(PermissionError):
        os.fchmod(descriptor, 0o666)
    return descriptor
