# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, informing and ending the closer of a test event, from the task's side."""

from __future__ import annotations

import hashlib
import pathlib
import sys
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import closer_process
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import CONNECTION_ARGUMENTS
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import CHANGEABLE
from ansible_collections.hatci.automation.plugins.module_utils._sums.writes import without_unset
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import (
    read_json,
    remove_old_logs,
    runtime_directory,
    write_json,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner
from ansible_collections.hatci.automation.plugins.module_utils._watchers.started import (
    StartedWatcher,
    end_watcher,
    is_watching,
)

DEFAULT_KEEP_IN = "/var/tmp/hatci-unsent-reports"  # noqa: S108  # outlives a restart; the directory is private

Options = t.Mapping[str, t.Any]


def start_closer(options: Options, result: Options, owner: Owner) -> None:
    """Watch the play that created a test event.

    :param options: of the task that created it.
    :param result: of that task.
    :raises NotWatching: the closer did not start.
    :raises DirectoryUnsafe: its files cannot be kept safely.
    """
    test_event_id = result["test_event_id"]
    files = _Files(options["hatci_base_url"], test_event_id)
    remove_old_logs(files.log.parent)
    job = result["test_event"].get("ansible_job_id", "unknown")
    order = {
        "owner": [owner.pid, owner.start],
        "log": str(files.log),
        "connection": {name: options[name] for name in CONNECTION_ARGUMENTS},
        "test_event_id": test_event_id,
        "record": str(files.record),
        "report": str(files.report),
        "aborted": {
            "status": "FAIL",
            "summary": f"ABORTED: the play of job {job} ended before it reported an outcome.",
            "metadata": {**(options["metadata"] or {}), "outcome": "ABORTED"},
        },
        "keep_report_in": DEFAULT_KEEP_IN,
        "search_path": sys.path,
    }
    closer = StartedWatcher(closer_process, order)
    write_json(files.record, closer.identity)
    closer.leave_alone()


def announce_report(options: Options) -> None:
    """Let the closer, if there is one, send this report should the play die while it sends it."""
    files = _Files(options["hatci_base_url"], options["test_event_id"])
    if is_watching(read_json(files.record)):
        write_json(files.report, without_unset(options, *CHANGEABLE))


def dismiss_closer(options: Options) -> None:
    """End the closer of a test event whose outcome SUMS knows now."""
    files = _Files(options["hatci_base_url"], options["test_event_id"])
    end_watcher(read_json(files.record), dismiss=True)
    for file in (files.record, files.report, files.log):
        file.unlink(missing_ok=True)


class _Files:
    """``record`` is the closer's identity, ``report`` what the play is about to report."""

    def __init__(self, base_url: str, test_event_id: str) -> None:
        key = hashlib.sha256(f"{base_url.strip().rstrip('/')} {test_event_id}".encode()).hexdigest()[:24]
        directory = runtime_directory()
        self.record: pathlib.Path = directory / f"test-event-{key}.json"
        self.report: pathlib.Path = directory / f"test-event-{key}.report"
        self.log: pathlib.Path = directory / f"test-event-{key}.log"
