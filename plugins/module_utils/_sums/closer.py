# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling the closer of a play about its test events, from the task's side."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import sys
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import closer_process
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import CONNECTION_ARGUMENTS
from ansible_collections.hatci.automation.plugins.module_utils._sums.records import without_unset
from ansible_collections.hatci.automation.plugins.module_utils._sums.reports import FIELDS
from ansible_collections.hatci.automation.plugins.module_utils._watchers.control_socket import open_control_socket, tell
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import (
    remove_old_logs,
    runtime_directory,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import LaunchedWatcher
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone

DEFAULT_KEEP_IN = "/var/tmp/hatci-unsent-reports"  # noqa: S108  # outlives a restart; the directory is private

Options = t.Mapping[str, t.Any]


def watch_test_event(options: Options, result: Options, owner: Owner) -> None:
    """Have a test event closed should the play die; the first one of a play starts its closer.

    :param options: of the task that created it.
    :param result: of that task.
    :raises NotWatching: the closer did not start.
    :raises DirectoryUnsafe: its files cannot be kept safely.
    :raises OSError: the closer cannot be told.
    """
    job = result["test_event"].get("ansible_job_id", "unknown")
    message = {
        "watch": {
            **_which(options, result["test_event_id"]),
            "connection": {name: options[name] for name in CONNECTION_ARGUMENTS},
            "report": {
                "status": "FAIL",
                "summary": f"ABORTED: the play of job {job} ended before it reported an outcome.",
                "metadata": {**(options["metadata"] or {}), "outcome": "ABORTED"},
            },
            "keep_report_in": DEFAULT_KEEP_IN,
        }
    }
    mailbox = _mailbox_of(owner)
    with _alone(mailbox):
        try:
            tell(mailbox, message)
        except (ConnectionRefusedError, FileNotFoundError):
            _start_closer(mailbox, owner)
            tell(mailbox, message)


def announce_report(options: Options, owner: Owner) -> None:
    """Let the closer send this report should the play die while it sends it.

    :raises OwnerGone: the play is dead, so its closer reports and nobody else must.
    """
    with contextlib.suppress(OSError):
        report = {
            **_which(options, options["test_event_id"]),
            "report": without_unset(options, *FIELDS),
            "keep_report_in": options["keep_report_in"] or DEFAULT_KEEP_IN,
        }
        tell(_mailbox_of(owner), {"report": report})
    if not owner.is_alive():
        raise OwnerGone("the ansible-playbook process has ended")


def settle_test_event(options: Options, owner: Owner) -> None:
    """Tell the closer that SUMS knows the outcome of a test event now."""
    with contextlib.suppress(OSError):
        tell(_mailbox_of(owner), {"settled": _which(options, options["test_event_id"])})


def _which(options: Options, test_event_id: str) -> dict[str, str]:
    return {"base_url": options["hatci_base_url"].strip().rstrip("/"), "test_event_id": test_event_id}


def _mailbox_of(owner: Owner) -> pathlib.Path:
    return runtime_directory() / f"closer-{owner.pid}-{owner.start}.socket"


def _start_closer(mailbox: pathlib.Path, owner: Owner) -> None:
    remove_old_logs(mailbox.parent)
    with open_control_socket(mailbox) as listening:
        order = {
            "owner": [owner.pid, owner.start],
            "log": str(mailbox.with_suffix(".log")),
            "mailbox": str(mailbox),
            "listening": listening.fileno(),
            "search_path": sys.path,
            "environment": dict(os.environ),
        }
        LaunchedWatcher(closer_process, order, descriptor=listening.fileno()).leave_alone()


@contextlib.contextmanager
def _alone(mailbox: pathlib.Path) -> t.Iterator[None]:
    """Keep other workers of the play from starting a second closer."""
    descriptor = os.open(mailbox.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
