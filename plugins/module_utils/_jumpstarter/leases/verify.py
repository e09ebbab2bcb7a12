# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proving that a lease held, from the moment it was acquired until now."""

from __future__ import annotations

import pathlib
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.controller import (
    UNANSWERED,
    Controller,
    how_it_ended,
    until_answered,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import HELD, PENDING, Lease
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.device_lock import (
    describe_holder,
    holds,
    is_locked,
    read_holder,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import (
    Record,
    controller_of_record,
    usable_record,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import HOST_TAG, JOB_TAG
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import LOCAL, Caller

LOOK_SECONDS = 30.0


def verify_local(lease_name: str, record: Record | None) -> float:
    """Return since when a local lease has been held, in seconds since the epoch.

    :raises LeaseLost: it was not held all along; says what happened.
    """
    if record is None:
        raise errors.LeaseLost(
            f"This machine has no record of lease {lease_name}, so it can't be told whether the device was held."
        )
    lock = record["lease"].get("lock")
    if not isinstance(lock, str) or not holds(pathlib.Path(lock), lease_name):
        path = pathlib.Path(str(lock))
        by = f"{describe_holder(read_holder(path))} has it" if is_locked(path) else "nobody holds it now"
        raise errors.LeaseLost(f"The lock {lock} of lease {lease_name} was not held to the end: {by}.")
    return _since(record)


def verify_at_controller(
    controller: Controller, lease_name: str, record: Record | None, *, timeout: float, sleep: t.Callable[[float], None]
) -> float:
    """Return since when a controller's lease has been held, in seconds since the epoch.

    :raises LeaseLost: it was not held all along; says what the controller says of it and who has the device now.
    """
    try:
        found = until_answered(lambda: controller.find(lease_name), timeout, sleep)
    except UNANSWERED as error:
        raise errors.LeaseLost(
            f"It is not known whether lease {lease_name} was still held: {error.message.rstrip('.')}."
        ) from None
    if found is None or found.state != HELD:
        now = _who_has_it(controller, found, record)
        raise errors.LeaseLost(f"Lease {lease_name} was not held to the end: {how_it_ended(found)}.{now}")
    before = Lease.read(record["lease"]) if record else None
    if record and before and not _is_as_acquired(found, record):
        raise errors.LeaseLost(
            f"Lease {lease_name} is not the one that was acquired: it was for exporter {record['exporter']} since "
            f"{before.began}, now it is for {found.exporter or 'none'} since {found.began}."
        )
    return found.began.timestamp() if found.began else _since(record)


def why_not_held(lease_name: str, caller: Caller) -> str:
    """Return what speaks against a lease having held until now; empty if nothing does.

    The controller is only asked where no keeper lives that has done so all along.
    """
    try:
        record = usable_record(lease_name)
        if record is None or record["mode"] == LOCAL:
            verify_local(lease_name, record)
        elif not record["keeper"]:
            controller = controller_of_record(record, caller.owner)
            verify_at_controller(controller, lease_name, record, timeout=LOOK_SECONDS, sleep=caller.pause)
    except errors.JumpstarterError as error:
        return error.message
    return ""


def is_held_at_controller(
    controller: Controller, lease_name: str, record: Record | None, *, is_deleted: bool = False
) -> bool | None:
    """Return whether a lease is still the one that was acquired, or asked for; None if the controller does not answer.

    :param is_deleted: it was deleted just now, which may have ended it.
    """
    try:
        found = controller.find(lease_name)
    except UNANSWERED:
        return None
    if found is None or not _is_as_acquired(found, record):
        return False
    return found.state in (HELD, PENDING) or (is_deleted and found.reason == "Released")


def _is_as_acquired(found: Lease, record: Record | None) -> bool:
    """Whether a lease is for the exporter, and since the moment, that were noted when it was acquired."""
    before = Lease.read(record["lease"]) if record else None
    if record is None or before is None:
        return True
    return (found.exporter, found.began) == (record["exporter"], before.began)


def _since(record: Record | None) -> float:
    since = (record or {}).get("since")
    return float(since) if isinstance(since, (int, float)) else time.time()


def _who_has_it(controller: Controller, found: Lease | None, record: Record | None) -> str:
    exporter = (found.exporter if found else "") or str((record or {}).get("exporter") or "")
    if not exporter:
        return ""
    try:
        holder = controller.holder_of(exporter)
    except errors.JumpstarterError:
        return ""
    if holder is None:
        return f" Nobody holds {exporter} now."
    job = holder.tags.get(JOB_TAG)
    by = f" for job {job}, host {holder.tags.get(HOST_TAG, '?')}" if job else ""
    return f" Client {holder.client}{by} holds {exporter} now."
