# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving a device back."""

from __future__ import annotations

import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import full_stop
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.controller import (
    UNANSWERED,
    Controller,
    until_answered,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.device_lock import (
    holds,
    is_locked,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.keeper import find_keeper
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.lease_processes import (
    end_lease_processes,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles, Record
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import LOCAL
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import end_watcher, is_watching


def release_local(lease_name: str, files: LeaseFiles, record: Record | None) -> tuple[bool, list[str]]:
    """Free a locked device and return whether it was held, and what is worth a warning."""
    keeper = _keeper_of(lease_name, record)
    lock = (record or {}).get("lease", {}).get("lock")
    was_held = is_kept(lease_name, files, record) and not _is_taken(lock, lease_name)
    end_lease_processes(lease_name)
    warnings = _warnings(lease_name, reacted=end_watcher(keeper, dismiss=False))
    files.remove()
    if isinstance(lock, str) and holds(pathlib.Path(lock), lease_name):
        raise errors.ReleaseFailed(
            f"Lease {lease_name} could not be given back: something else still holds its lock {lock}; end that, or "
            "remove the file."
        )
    return was_held, warnings


def release_to_controller(
    controller: Controller,
    lease_name: str,
    files: LeaseFiles,
    record: Record | None,
    *,
    timeout: float,
    sleep: t.Callable[[float], None],
) -> tuple[bool, list[str]]:
    """Give a lease back to the controller and return whether it was still there, and what is worth a warning.

    That it was there does not prove that it was held: one that ran out can be deleted as well.

    The keeper is ended only after the lease is gone; where that fails, it goes on trying.

    :raises LeaseForeign: it is another client's.
    :raises ReleaseFailed: the controller did not take it back in time.
    """
    keeper = _keeper_of(lease_name, record)
    end_lease_processes(lease_name)
    controller.jmp.lease = lease_name
    may_be_deleted = False

    def delete() -> bool:
        nonlocal may_be_deleted
        try:
            return controller.delete(lease_name) or may_be_deleted
        except errors.JmpTimeout:
            may_be_deleted = True
            raise

    try:
        was_there = until_answered(delete, timeout, sleep)
    except UNANSWERED as error:
        end_watcher(keeper, dismiss=False, wait=False)
        raise errors.ReleaseFailed(_what_happens_next(lease_name, files, keeper, error)) from None
    warnings = _warnings(lease_name, reacted=end_watcher(keeper, dismiss=True))
    files.remove()
    return was_there, warnings


def is_kept(lease_name: str, files: LeaseFiles, record: Record | None) -> bool:
    """Whether the keeper of a lease lives and has met no trouble, so that the lease has been renewed until now."""
    return is_watching(_keeper_of(lease_name, record)) and not files.read_trouble()


def is_local(record: dict[str, t.Any] | None) -> bool:
    """Whether a lease of this machine is a local one."""
    return bool(record) and (record or {}).get("mode") == LOCAL


def _keeper_of(lease_name: str, record: Record | None) -> t.Any:
    return (record or {}).get("keeper") or find_keeper(lease_name)


def _is_taken(lock: t.Any, lease_name: str) -> bool:
    """Whether another job has the lock of a local lease."""
    path = pathlib.Path(lock) if isinstance(lock, str) else None
    return path is not None and is_locked(path) and not holds(path, lease_name)


def _warnings(lease_name: str, *, reacted: bool) -> list[str]:
    if reacted:
        return []
    return [
        f"The keeper of lease {lease_name} did not react, as one that was stopped (SIGSTOP) or frozen does not, so it "
        "was killed."
    ]


def _what_happens_next(lease_name: str, files: LeaseFiles, keeper: t.Any, error: errors.JumpstarterError) -> str:
    hope = (
        f"Its keeper goes on trying (log {files.log})."
        if is_watching(keeper)
        else "It has no keeper and ends by itself when its duration is over."
    )
    return f"Lease {lease_name} could not be given back: {full_stop(error.message)} {hope}"
