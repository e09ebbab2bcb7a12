# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases that this machine holds: is one still safe to use, and which one leads to a device."""

from __future__ import annotations

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.names import check_name
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.runtime import LeaseFiles, Record
from ansible_collections.hatci.automation.plugins.module_utils._watchers.started import is_watching


def safe_record(lease_name: str) -> Record | None:
    """Return the record of a lease, or None if this machine did not acquire it.

    :raises LeaseLost: its keeper could not renew it, or is gone, so that another job may have the device.
    """
    files = LeaseFiles(check_name(lease_name, "lease_name"))
    record = files.read()
    if record is None:
        return None
    trouble = files.read_trouble()
    if trouble:
        raise errors.LeaseLost(
            f"Lease {lease_name} is not safe any more, so the device was left alone. {trouble} "
            f"The keeper's log is {files.log}."
        )
    if record.get("keeper") and not is_watching(record["keeper"]):
        raise errors.LeaseLost(
            f"The keeper of lease {lease_name} has ended, so the device was left alone; another job may have it. "
            f"The keeper's log is {files.log}."
        )
    return record


def leads_to(record: Record, exporter: str) -> bool:
    """Whether a lease is for the exporter of that name."""
    return exporter in (record.get("exporter"), record.get("asked"))
