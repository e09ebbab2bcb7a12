# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a device: through the lease that the host holds, or a lock for the time of a task, and no other."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.exporter_configs import (
    find_exporter_config,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.client_config import (
    choose_mode,
    is_controller_configured,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.controller import (
    Controller,
    controller_of,
    how_it_ended,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import HELD
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.acquire_local import acquire_local
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.device_lock import share_lock
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import (
    LeaseFiles,
    Record,
    controller_of_record,
    leads_to,
    usable_record,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.release import release_local
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import Request
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.verify import (
    verify_at_controller,
    verify_local,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import LOCAL, Caller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import label_of

Options = t.Mapping[str, t.Any]

CONNECT_SECONDS = 30
CONNECTING = {"JMP_RETRY_TIMEOUT": str(CONNECT_SECONDS), "JMP_DIAL_TIMEOUT": str(CONNECT_SECONDS)}
LOCK_SECONDS = 5.0
VERIFY_SECONDS = 10.0


class Route(t.NamedTuple):
    """How ``jmp shell`` gets to a device.

    ``target`` are its arguments; ``lock`` is a descriptor that keeps everyone else from a local device as long as a
    copy of it is open; ``controller`` is None for a local device.
    """

    lease_name: str
    target: list[str]
    lock: int | None
    controller: Controller | None

    def why_lost(self, caller: Caller) -> str:
        """Return why the lease does not hold any more, after something failed; empty if it does."""
        try:
            record = usable_record(self.lease_name)
            if self.controller is None:
                verify_local(self.lease_name, record)
            else:
                verify_at_controller(
                    self.controller, self.lease_name, record, timeout=VERIFY_SECONDS, sleep=caller.pause
                )
        except errors.JumpstarterError as error:
            return error.message
        return ""


def find_route(options: Options, timeout: float, caller: Caller, stack: contextlib.ExitStack) -> Route:
    """Find the way to the device that a task's options name, and keep it for the time of the task.

    :raises InputError: the host holds the lease of another device, or none although a controller hands them out.
    :raises LeaseLost: the lease is not held any more.
    """
    exporter, lease_name = options["exporter"] or None, options["lease_name"] or None
    record = usable_record(lease_name) if lease_name else None
    if record:
        return _through_record(record, exporter, caller, stack)
    mode, client_config, client = options["mode"], options["client_config"] or None, options["client"] or None
    if lease_name:
        if choose_mode(mode, client_config, client) == LOCAL:
            raise errors.LeaseLost(
                f"This machine has no record of lease {lease_name}, so the device was left alone; acquire it again."
            )
        controller = controller_of(options, caller.owner)
        if exporter:
            _check_exporter(controller, lease_name, exporter)
        return _through_controller(lease_name, controller)
    if exporter is None:
        raise errors.InputError("Neither exporter nor lease_name is given; say which device is meant.")
    if is_controller_configured(mode, client_config, client):
        raise errors.InputError(
            f"This host holds no lease of {exporter}, although a controller is configured; acquire it first with the "
            "role jumpstarter_lease_guard, or set mode (jumpstarter_lease_guard_mode) to local."
        )
    config_path = find_exporter_config(exporter)
    own = _lock_for_now(options, timeout, exporter, caller, stack)
    return _through_lock(own, config_path, stack)


def _through_record(record: Record, exporter: str | None, caller: Caller, stack: contextlib.ExitStack) -> Route:
    controller = None if record["mode"] == LOCAL else controller_of_record(record, caller.owner)
    if exporter and not (leads_to(record, exporter) or (controller and _is_label_of(controller, exporter, record))):
        raise errors.InputError(
            f"This host holds lease {record['name']} of {record['what']}, which brought {record['exporter']} and does "
            f"not lead to {exporter}; nothing was done. Name the device that is leased, or release it first."
        )
    if controller:
        return _through_controller(record["name"], controller)
    return _through_lock(record, find_exporter_config(record["exporter"]), stack)


def _through_lock(record: Record, config_path: pathlib.Path, stack: contextlib.ExitStack) -> Route:
    lock = stack.enter_context(share_lock(pathlib.Path(str(record["lease"].get("lock"))), record["name"]))
    return Route(record["name"], ["--exporter-config", str(config_path)], lock, None)


def _through_controller(lease_name: str, controller: Controller) -> Route:
    target = [*controller.config, "--lease", lease_name, "--acquisition-timeout", f"{CONNECT_SECONDS}s"]
    return Route(lease_name, target, None, controller)


def _is_label_of(controller: Controller, exporter: str, record: Record) -> bool:
    """Whether a name that no exporter can have is the label of the exporter that the lease brought."""
    label = label_of(exporter, "exporter")
    return bool(label) and record["exporter"] in controller.exporters(label)


def _check_exporter(controller: Controller, lease_name: str, exporter: str) -> None:
    """Refuse a lease that was made elsewhere and is for another exporter."""
    found = controller.find(lease_name)
    if found is None or found.state != HELD:
        raise errors.LeaseLost(f"Lease {lease_name} is not held, so the device was left alone: {how_it_ended(found)}.")
    label = label_of(exporter, "exporter")
    if found.exporter not in (controller.exporters(label) if label else [exporter]):
        raise errors.InputError(
            f"Lease {lease_name} is for exporter {found.exporter} and does not lead to {exporter}; nothing was done."
        )


def _lock_for_now(
    options: Options, timeout: float, exporter: str, caller: Caller, stack: contextlib.ExitStack
) -> Record:
    """Lock a device that no lease of this play covers, for the time of one task."""
    request = Request(
        caller=caller,
        exporter=exporter,
        selector=None,
        duration=timeout + 60.0,
        timeout=LOCK_SECONDS,
        max_hold=None,
        expected_exporter=None,
        say=lambda line: None,
    )
    record = acquire_local(options["lock_dir"], request)
    stack.callback(release_local, record["name"], LeaseFiles(record["name"]), record)
    return record
