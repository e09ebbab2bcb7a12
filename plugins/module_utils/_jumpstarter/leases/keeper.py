# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a keeper for a lease, and leaving the lease to it."""

from __future__ import annotations

import os

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import keeper_process
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import Request
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import remove_old_logs
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import LaunchedWatcher, NotWatching


def start_keeper(
    name: str, files: LeaseFiles, request: Request, *, config: list[str] | None, lock: int | None = None
) -> LaunchedWatcher:
    """Start the keeper of a lease that is not held yet.

    :param config: the arguments that name the controller, None for a local lease.
    :param lock: descriptor that holds a local lease.
    :raises JumpstarterError: it did not start.
    """
    remove_old_logs(files.log.parent)
    owner = request.caller.owner
    order = {
        "name": name,
        "owner": [owner.pid, owner.start] if owner else None,
        "config": config,
        "duration": request.duration,
        "max_hold": request.max_hold,
        "log": str(files.log),
        "record": str(files.record),
        "trouble": str(files.trouble),
        "environment": dict(os.environ),
    }
    try:
        return LaunchedWatcher(keeper_process, order, descriptor=lock)
    except NotWatching as error:
        raise errors.JumpstarterError(
            f"The keeper of lease {name} did not start ({error}), so the lease would not be safe and was not taken."
        ) from None


def hand_over(keeper: LaunchedWatcher, name: str, elapsed: float) -> None:
    """Tell the keeper for how many seconds at the most the lease has been held; it is the keeper's business now."""
    try:
        keeper.send({"elapsed": elapsed})
        keeper.leave_alone()
    except NotWatching as error:
        raise errors.LeaseLost(f"The keeper of lease {name} is gone ({error}), so the lease was given back.") from None
