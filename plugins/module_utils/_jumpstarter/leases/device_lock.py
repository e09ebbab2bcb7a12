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
import struct
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError, LeaseLost
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.times import time_in_words
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import check_name, check_path
from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json

Holder = dict[str, t.Any]

FLOCK = "hhqqi4x"
"""struct flock of Linux: type, whence, start, length, pid."""

MAX_HOLDER = 4096
MAX_NAME = 100
"""Of whoever holds a lock, so many characters are shown."""


def lock_path(directory: str, exporter: str) -> pathlib.Path:
    """Return the lock file of an exporter, in a directory that everyone on this machine shares.

    :raises InputError: the directory cannot be used.
    """
    path = _absolute(directory)
    try:
        if not path.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(PermissionError):
                path.chmod(0o1777)
        _check_directory(path)
    except OSError as error:
        raise _unusable_directory(directory, error.strerror or str(error)) from None
    return path / f"{check_name(exporter, 'exporter')}.lock"


def check_lock_directory(directory: str) -> None:
    """Make sure that a directory can be used for locks, or be made; nothing is.

    :raises InputError: it cannot.
    """
    path = _absolute(directory)
    try:
        if path.exists():
            os.scandir(path).close()
            _check_directory(path)
        nearest = next(parent for parent in (path, *path.parents) if parent.exists())
    except OSError as error:
        raise _unusable_directory(directory, error.strerror or str(error)) from None
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise _unusable_directory(directory, f"{nearest} cannot be written to")


def _absolute(directory: str) -> pathlib.Path:
    path = check_path(directory, "lock_dir")
    if not path.is_absolute():
        raise InputError(
            f"lock_dir is {directory[:60]!r}; give a path from /, since jobs exclude each other only if it is the same."
        )
    return path


def _unusable_directory(directory: str, why: str) -> InputError:
    return InputError(f"The lock directory {directory} cannot be used: {why}; set lock_dir to one that can.")


def _check_directory(path: pathlib.Path) -> None:
    """Refuse a directory in which another user could take a lock file away while it is held."""
    for status in (os.lstat(path), os.stat(path)):
        if status.st_uid not in (0, os.geteuid()):
            raise InputError(
                f"The lock directory {path} belongs to another user (uid {status.st_uid}), who could take the locks in "
                f"it away; have root make it (install -d -m 1777 {path}), or set lock_dir to another one."
            )
    if status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX:
        raise InputError(
            f"Others may write the lock directory {path}, and so take the locks in it away; give it the sticky bit "
            f"(chmod 1777 {path}), or set lock_dir to another one."
        )


def try_lock(
    path: pathlib.Path, holder: Holder, clear: t.Callable[[int], bool] = lambda _descriptor: True
) -> tuple[int, Holder] | None:
    """Take the lock and write who has it.

    :param clear: is given the locked descriptor and tells whether nobody drives the device any more.
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
            raise _unusable(path, "it is not a file")
        if not _take(descriptor, path) or not clear(descriptor):
            os.close(descriptor)
            return None
        before = read_holder(path)
        _write(descriptor, path, holder)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, before


def lock_again(lock: int, path: pathlib.Path) -> int | None:
    """Take a lock that is held, but whose file is not at its path any more, at that path too.

    :returns: the further descriptor that holds it; None if another has it meanwhile, or it cannot be had.
    """
    try:
        holder = parse_json(os.pread(lock, MAX_HOLDER, 0))
        taken = try_lock(lock_path(str(path.parent), path.stem), holder if isinstance(holder, dict) else {})
    except (OSError, ValueError, InputError):
        return None
    return taken[0] if taken else None


def is_at(descriptor: int, path: pathlib.Path) -> bool:
    """Whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def holds(path: pathlib.Path, lease_name: str) -> bool:
    """Whether the lock is taken, and by that lease."""
    return is_locked(path) and read_holder(path).get("lease") == lease_name


@contextlib.contextmanager
def share_lock(path: pathlib.Path, lease_name: str) -> t.Iterator[int]:
    """Yield a descriptor that keeps everyone else from the device as long as a copy of it is open.

    The lock itself is the keeper's. Whoever drives the device holds this too, so that nobody else gets the device while
    it is driven, even if the keeper is killed.

    :raises LeaseLost: the lock is not held by that lease.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        descriptor = -1
    try:
        if descriptor >= 0:
            with contextlib.suppress(OSError):  # a file system that has no such locks
                fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _range(fcntl.F_RDLCK))
        if descriptor < 0 or not is_at(descriptor, path) or not holds(path, lease_name):
            raise LeaseLost(
                f"The lock {path} of lease {lease_name} is not held any more, so the device was left alone; "
                "another job may have it."
            )
        yield descriptor
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def is_driven(descriptor: int) -> bool:
    """Whether somebody holds what share_lock gives."""
    try:
        answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _range(fcntl.F_WRLCK))
    except OSError:
        return False
    return bool(struct.unpack(FLOCK, answer)[0] != fcntl.F_UNLCK)


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
    except OSError:
        return False
    return is_at(descriptor, path)


def _range(kind: int) -> bytes:
    return struct.pack(FLOCK, kind, os.SEEK_SET, 0, 0, 0)


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
