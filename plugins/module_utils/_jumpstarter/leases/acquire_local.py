# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting hold of a device of this machine: a lock that the keeper holds."""

from __future__ import annotations

import os
import pathlib
import time

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.device_lock import (
    Holder,
    describe_holder,
    is_driven,
    lock_path,
    read_holder,
    try_lock,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.keeper import hand_over, start_keeper
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.lease_processes import (
    end_lease_processes,
    leases_that_hold,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import (
    LeaseFiles,
    Record,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import (
    Request,
    record_of,
    refuse_vain_wait,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import LOCAL
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import new_lease_name
from ansible_collections.hatci.automation.plugins.module_utils._times import SAY_SECONDS, Deadline

LOCK_PAUSE = 0.25


def acquire_local(lock_directory: str, request: Request) -> Record:
    """Lock a device against everyone else on this machine and return the lease's record.

    :raises LeaseTimeout: the device did not become free in time.
    """
    exporter = local_exporter(request.exporter, request.selector)
    if request.expected_exporter and exporter != request.expected_exporter:
        raise errors.LeaseRefused(
            f"The lease is for exporter {exporter}, but {request.expected_exporter} was expected; nothing was done."
        )
    name = new_lease_name(request.caller.job, request.caller.host)
    files = LeaseFiles(name)
    path = lock_path(lock_directory, exporter)
    holder = {
        "job": request.caller.job,
        "host": request.caller.host,
        "pid": request.caller.owner.pid if request.caller.owner else None,
        "lease": name,
    }
    lock = _wait_for_lock(path, request, holder)
    keeper = None
    try:
        keeper = start_keeper(name, files, request, config=None, lock=lock, lock_file=path)
        record = {
            **record_of(name, LOCAL, request, files, keeper),
            "exporter": exporter,
            "config": None,
            "lease": {"name": name, "exporter": exporter, "lock": str(path), **holder},
        }
        files.write(record)
        hand_over(keeper, name, 0.0)
    except BaseException:
        if keeper:
            keeper.dismiss()
        files.remove()
        raise
    finally:
        os.close(lock)
    return record


def local_exporter(exporter: str | None, selector: str | None) -> str:
    """Return the exporter that a local lease is for.

    :raises InputError: a selector other than ``exporter=NAME`` needs a controller.
    """
    key, _sign, value = (selector or "").partition("=")
    named = exporter or (value.lstrip("=").strip() if key.strip() == "exporter" and "," not in value else "")
    if not named:
        raise errors.InputError(
            f"Without a controller there is no one to match the selector {selector!r}; "
            "give the exporter's name, or a selector exporter=NAME."
        )
    return named


def _end_what_drives(lock: int) -> bool:
    """End what this user left driving without a keeper, as it does if its keeper was killed.

    Whose processes these are is asked of the kernel, since anybody on this machine can write the lock file.

    :returns: whether nobody drives the device any more.
    """
    if is_driven(lock):
        for lease_name in leases_that_hold(lock):
            end_lease_processes(lease_name)
    return not is_driven(lock)


def _wait_for_lock(path: pathlib.Path, request: Request, holder: Holder) -> int:
    """Return the descriptor that holds the lock."""
    deadline = Deadline(request.timeout)
    said = float("-inf")
    while True:
        holder["since"] = time.time()
        locked = try_lock(path, holder, _end_what_drives)
        if locked:
            return locked[0]
        before = read_holder(path)
        refuse_vain_wait(request, before.get("lease"), before.get("host"))
        who = describe_holder(before)
        if deadline.expired:
            raise errors.LeaseTimeout(
                f"{request.what} did not become free within {request.timeout:g} s: {who} has it (lock {path})."
            )
        if time.monotonic() - said >= SAY_SECONDS:
            said = time.monotonic()
            request.say(f"waiting for {request.what}: {who} has it")
        request.pause(deadline.bounded(LOCK_PAUSE))
