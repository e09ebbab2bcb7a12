# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind hatci_handover: a test is left to another job, and SUMS is told so."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import HANDED_OVER, handover_mark
from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.records import (
    refuse_predicted,
    require,
    require_json,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import send_report
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.verdict import confirmed_only

LONGEST_SECONDS = 30 * 86400.0
IDS = ("test_event_id", "source_event_id", "target_event_id", "deployment_id")

Options = t.Mapping[str, t.Any]


def hand_over(client: SumsClient, options: Options, check_mode: bool, now: t.Callable[[], float] = time.time) -> Record:
    """Mark a test event as left to another job, and add its deployment to those that are watched.

    :param now: seconds since the epoch.
    :returns: ``changed``, ``handover`` (what the second half needs) and ``handed_over`` (the mark).
    :raises InputError: an option cannot be used.
    :raises RequestError: SUMS did not take the mark.
    """
    require(options, "vin", "test_event_id", "deployment_id")
    require_json(options, "metadata")
    check_seconds(options)
    known = {name: options[name] or "" for name in (*IDS[1:], "lease_name")}
    known |= {"before": confirmed_only(options["before"]) if options["before"] else {}}
    mark = handover_mark(options["job_id"], now(), options["seconds"], known)
    handover = {
        "vin": options["vin"],
        "host": options["host"],
        **{name: options[name] or "" for name in (*IDS, "lease_name", "lease_owner", "target_build_level")},
        "target_ecus": json.dumps(options["target_ecus"] or []),
    }
    result = {"changed": True, "handover": handover, HANDED_OVER: mark}
    if check_mode:
        return result
    refuse_predicted(options["test_event_id"], "test_event_id")
    metadata = {**(options["metadata"] or {}), HANDED_OVER: mark}
    send_report(client, options["test_event_id"], {"metadata": metadata}, {"vin": options["vin"]})
    if options["deployments_file"]:
        _append(options["deployments_file"], handover)
    return result


def check_seconds(options: Options) -> None:
    """Refuse a time for which nobody may take a test for abandoned, if it cannot be meant.

    :raises InputError: it is not more than 0 seconds and at most 30 days.
    """
    if not 0 < options["seconds"] <= LONGEST_SECONDS:
        raise errors.InputError(f"seconds is {options['seconds']:g}; give more than 0 and at most 30 days.")


def _append(path: str, handover: Record) -> None:
    """Add a line to the file that the event source reads; many jobs may do so at once.

    :raises InputError: it cannot be written.
    """
    line = json.dumps(handover).encode() + b"\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            if os.write(descriptor, line) != len(line):
                os.ftruncate(descriptor, size)  # or the next line would be glued to this piece
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise errors.InputError(
            f"deployments_file {path} cannot be written ({error.strerror}), so nobody would notice the end of the "
            "deployment; give a file that can."
        ) from None
