# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One at a time: of all that look at an open test event on this machine, one may decide about it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import runtime_directory

DIGEST = 16


@contextlib.contextmanager
def claim(base_url: str, test_event_id: str) -> t.Iterator[bool]:
    """Yield whether this is the only one that decides about a test event now.

    :raises DirectoryUnsafe: the directory for locks belongs to someone else.
    :raises OSError: the lock cannot be kept there.
    """
    digest = hashlib.sha256(f"{base_url.strip().rstrip('/')} {test_event_id}".encode()).hexdigest()[:DIGEST]
    path = runtime_directory() / f"claim-{digest}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        is_mine = _lock(descriptor) and _is_at(descriptor, path)
        try:
            yield is_mine
        finally:
            if is_mine:
                path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: os.PathLike[str]) -> bool:
    """Whether the locked file is still the one of that name; the one before removes it when it has done."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
