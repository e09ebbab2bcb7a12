# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind jumpstarter_power."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.session import (
    last_line,
    run_on_device,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import pause


def set_power(options: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Switch a device on, off, or off and on.

    :returns: ``changed`` and ``power``, the state it was put into.
    :raises CommandFailed: the device did not do it.
    """
    if not 0 <= options["wait"] <= 3600:
        raise errors.InputError(f"wait is {options['wait']:g}; give seconds, from 0 to 3600.")
    power = "off" if options["state"] == "off" else "on"
    if not check_mode:
        done = run_on_device(options, [f"j power {options['state']}"])[0]
        if done["rc"]:
            said = last_line(done)
            raise errors.CommandFailed(f"{done['command']} failed with exit code {done['rc']}: {said}.")
        if options["wait"]:
            pause(options["wait"], Caller.from_options(options).owner)
    return {"changed": True, "power": power}
