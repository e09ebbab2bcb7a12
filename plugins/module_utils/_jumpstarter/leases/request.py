# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task asks for when it wants a device, and how that is written down."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import JumpstarterError, LeaseRefused
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles, Record
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import check_name, label_value
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import LaunchedWatcher
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import pause

JOB_TAG = "hatci-job"
HOST_TAG = "hatci-host"

Say = t.Callable[[str], None]


class Request(t.NamedTuple):
    """What is asked for.

    Both ``exporter`` and ``selector`` are there if the name is one that only a label can have.
    ``duration``, ``timeout`` and ``max_hold`` are seconds; ``timeout`` bounds the wait for the device.
    """

    caller: Caller
    exporter: str | None
    selector: str | None
    duration: float
    timeout: float
    max_hold: float | None
    expected_exporter: str | None
    say: Say
    blocks_run: bool = False
    """While it waits, the other hosts of this run stand still."""

    @property
    def what(self) -> str:
        """The device in words."""
        if self.exporter and self.selector:
            return f"exporter {self.exporter} (label {self.selector})"
        return f"exporter {self.exporter}" if self.exporter else f"selector {self.selector}"

    def pause(self, seconds: float) -> None:
        """Wait, as long as the play lives."""
        pause(seconds, self.caller.owner)


def refuse_vain_wait(request: Request, lease_name: object, host: object) -> None:
    """Refuse to wait for a device that only this very run can free, but will not while it waits.

    :param lease_name: the lease that holds the device, and ``host`` for which host.
    :raises LeaseRefused: it is one of this ansible-playbook process.
    """
    owner = request.caller.owner
    if not (request.blocks_run and owner and isinstance(lease_name, str) and lease_name):
        return
    try:
        record = LeaseFiles(check_name(lease_name, "lease_name")).read()
    except JumpstarterError:
        return
    if record and record.get("watch_pid") == owner.pid:
        raise LeaseRefused(
            f"{request.what} is held by host {host} of this very run, which stands still while this host waits, so "
            "waiting cannot help; use the playbook ota_fleet, or strategy: free with more forks, or serial: 1."
        )


def tags_of(caller: Caller) -> dict[str, str]:
    """Return the tags that tell whose lease it is."""
    return {JOB_TAG: label_value(caller.job), HOST_TAG: label_value(caller.host)}


def wanted_arguments(exporter: str | None, selector: str | None) -> list[str]:
    """Return how ``jmp create lease`` is told the device."""
    return ["-l", selector] if selector else ["-n", exporter or ""]


def exporter_in(selector: str) -> str:
    """Return the exporter that a selector names by its label ``exporter``; empty if it names none."""
    for requirement in selector.split(","):
        key, _sign, value = requirement.partition("=")
        if key.strip() == "exporter":
            return value.removeprefix("=").strip()
    return ""


def record_of(name: str, mode: str, request: Request, files: LeaseFiles, keeper: LaunchedWatcher | None) -> Record:
    """Return what is kept of a lease on this machine."""
    return {
        "name": name,
        "mode": mode,
        "what": request.what,
        "asked": request.exporter or exporter_in(request.selector or "") or request.selector or "",
        "job": request.caller.job,
        "host": request.caller.host,
        "watch_pid": request.caller.owner.pid if request.caller.owner else None,
        "watch_start": request.caller.owner.start if request.caller.owner else None,
        "since": time.time(),
        "duration": request.duration,
        "keeper": keeper.identity if keeper else None,
        "keeper_log": str(files.log) if keeper else None,
    }
