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
import stat
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.times import time_in_words
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import check_name, check_path
from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json

Holder = dict[str, t.Any]

MAX_HOLDER = 4096
MAX_NAME = 100
"""Of whoever holds a lock, so many characters are shown."""


def lock_path(directory: str, exporter: str) -> pathlib.Path:
    """Return the lock file of an exporter, in a directory that everyone on this machine shares.

    :raises InputError: the directory cannot be used.
    """
    path = check_path(directory, "lock_dir")
    if not path.is_absolute():
        raise InputError(
            f"lock_dir is {directory[:60]!r}; give a path from /, since jobs exclude each other only if it is the same."
        )
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
        raise _unusable(path, error.strerror) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _unusable(path, "it is no file")
        if not _take(descriptor, path):
            os.close(descriptor)
            return None
        before = read_holder(path)
        _write(descriptor, path, holder)
    except InputError:
        os.close(descriptor)
        raise
    return descriptor, before


def read_holder(path: pathlib.Path) -> Holder:
    """Return who wrote the lock file last; empty if that cannot be read."""
    try:
        with path.open("rb") as file:
            holder = parse_json(file.read(MAX_HOLDER))
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
    who = ", ".join(f"{key} {holder.get(key, '?')!s:.{MAX_NAME}}" for key in ("job", "host", "pid"))
    return f"{who}, since {time_in_words(holder.get('since'))}"


def _unusable(path: pathlib.Path, reason: str | None) -> InputError:
    return InputError(f"The lock file {path} cannot be used: {reason}; ask its owner to remove it.")


def _take(descriptor: int, path: pathlib.Path) -> bool:
    """Lock an open file and return whether it is locked and still the one at the path."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def _write(descriptor: int, path: pathlib.Path, holder: Holder) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
    except OSError as error:
        raise InputError(f"The lock file {path} cannot be written: {error.strerror}; make room for it.") from None


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
