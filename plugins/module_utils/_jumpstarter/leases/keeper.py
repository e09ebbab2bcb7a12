# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a keeper for a lease, and leaving the lease to it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import keeper_process
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import Request
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline
from ansible_collections.hatci.automation.plugins.module_utils._watchers import control_socket
from ansible_collections.hatci.automation.plugins.module_utils._watchers.environment import watcher_environment
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import remove_old_logs
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import (
    LaunchedWatcher,
    NotWatching,
    is_watching,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone

Identity = dict[str, int]

SETTLE_SECONDS = 600.0
SETTLE_PAUSE = 0.5


def start_keeper(
    name: str,
    files: LeaseFiles,
    request: Request,
    *,
    config: list[str] | None,
    lock: int | None = None,
    lock_file: pathlib.Path | None = None,
) -> LaunchedWatcher:
    """Start the keeper of a lease that is not held yet.

    :param config: the arguments that name the controller, None for a local lease.
    :param lock: descriptor that holds a local lease, and ``lock_file`` its path.
    :raises JumpstarterError: it did not start.
    """
    remove_old_logs(files.log.parent)
    owner = request.caller.owner
    environment = watcher_environment()
    if config is None:
        environment.pop("JMP_TOKEN", None)
    order = {
        "name": name,
        "owner": [owner.pid, owner.start] if owner else None,
        "config": config,
        "duration": request.duration,
        "max_hold": request.max_hold,
        "log": str(files.log),
        "record": str(files.record),
        "trouble": str(files.trouble),
        "lock": None if lock is None else [lock, str(lock_file)],
        "environment": environment,
    }
    try:
        return LaunchedWatcher(keeper_process, order, descriptor=lock)
    except NotWatching as error:
        raise errors.JumpstarterError(
            f"The keeper of lease {name} did not start ({error}), so the lease would not be safe and was not taken."
        ) from None


def hand_over(keeper: LaunchedWatcher, name: str, elapsed: float, lasts: float = 0.0) -> None:
    """Tell the keeper for how many seconds at the most the lease has been held; it is the keeper's business now.

    :param lasts: seconds from its begin, as the controller says; 0 if it does not say.
    """
    try:
        keeper.send({"elapsed": elapsed, "lasts": lasts})
        keeper.leave_alone()
    except NotWatching as error:
        raise errors.LeaseLost(f"The keeper of lease {name} is gone ({error}), so the lease was given back.") from None


def tell_of_request(keeper: LaunchedWatcher | None, *, is_unknown: bool) -> None:
    """Tell the keeper that the lease was asked for, and whether the controller may make it later than it was told."""
    if keeper:
        with contextlib.suppress(NotWatching):
            keeper.send({"late": is_unknown, "more": True})


def find_keeper(lease_name: str) -> Identity | None:
    """Return the keeper of a lease whose record is gone, found by the log that it writes; None if there is none."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError, OwnerGone):
            log = os.readlink(f"/proc/{entry}/fd/1").removesuffix(" (deleted)")
            command = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes()
            if log.endswith(f"/{lease_name}.log") and keeper_process.__name__.encode() in command:
                keeper = Owner.of(int(entry))
                return {"pid": keeper.pid, "start": keeper.start}
    return None


def tell_keeper(
    lease_name: str,
    owner: Owner | None,
    message: t.Mapping[str, t.Any],
    what: str = "what is to be undone",
) -> None:
    """Tell the keeper of a lease what is to become of its device; return when it has noted that.

    :param what: it is told, for the message.
    :raises LeaseLost: it cannot be told.
    """
    try:
        if owner is None:
            raise control_socket.NoListener("the play is not on this machine")
        control_socket.send(keeper_process.keeper_socket_name(lease_name, owner), message)
    except (OSError, OwnerGone) as error:
        raise errors.LeaseLost(
            f"The keeper of lease {lease_name} could not be informed {what} ({error}), so the device was left alone."
        ) from None


def settle_undos(lease_name: str, files: LeaseFiles, owner: Owner | None, sleep: t.Callable[[float], None]) -> None:
    """Have the keeper undo whatever is pending at the device, and wait for that, before it is given back."""
    if not files.undo.exists():
        return
    with contextlib.suppress(errors.LeaseLost):
        tell_keeper(lease_name, owner, {"settle": True})
    deadline = Deadline(SETTLE_SECONDS)
    while files.undo.exists() and not deadline.expired and is_watching(find_keeper(lease_name)):
        sleep(SETTLE_PAUSE)
