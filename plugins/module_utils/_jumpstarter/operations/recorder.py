# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind jumpstarter_recorder."""

from __future__ import annotations

import contextlib
import os
import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.console import summarize
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.recorder import (
    end_recorder,
    start_recorder,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.route import find_route
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import check_name

ROUTE_SECONDS = 60.0


def record_console(options: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Start or stop recording the serial console of a leased device.

    :returns: ``changed`` and ``path``; stopping also ``lines`` and ``gaps``.
    :raises JumpstarterError: the host holds no lease, or the recorder cannot be started.
    """
    lease_name = options["lease_name"]
    if not lease_name:
        raise errors.InputError("The host holds no lease, and only a leased device is recorded; acquire it first.")
    if check_mode:
        return {"changed": True, "path": ""}
    if options["state"] == "stopped":
        return _stop(lease_name)
    driver = options["driver"]
    for part in driver.split("."):
        check_name(part, "driver")
    path = pathlib.Path(os.path.abspath(options["path"]))
    caller = Caller.from_options(options)
    end_recorder(lease_name)
    with contextlib.ExitStack() as stack:
        route = find_route({**options, "exporter": None}, ROUTE_SECONDS, caller, stack)
        owner = caller.owner if options["ends_with_play"] else None
        start_recorder(route, driver, path, shared=options["shared"], owner=owner)
    return {"changed": True, "path": str(path)}


def _stop(lease_name: str) -> dict[str, t.Any]:
    known = end_recorder(lease_name)
    if known is None:
        return {"changed": False, "path": "", "lines": 0, "gaps": []}
    path = pathlib.Path(str(known["path"]))
    told = summarize(path) or {"lines": 0, "gaps": []}
    gaps = [f"{gap['time']} {gap['reason']}" for gap in told["gaps"]]
    return {"changed": True, "path": str(path), "lines": told["lines"], "gaps": gaps}
