# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operation behind jumpstarter_info."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.exporter_configs import (
    find_exporter_config,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import Jmp
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.client_config import (
    choose_mode,
    config_arguments,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import CONTROLLER, Caller

OLDEST_WITH_LEASES = (0, 8)


def look_at_jmp(options: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Look which ``jmp`` is there, and whether what a test will need of it can be used.

    :returns: ``changed`` (never), ``path``, ``version`` and ``mode``.
    :raises JumpstarterError: there is no ``jmp``, it is too old, the client config cannot be used, or without a
        controller the exporter has no config here.
    """
    jmp = Jmp(Caller.from_options(options).owner)
    client_config, client = options["client_config"] or None, options["client"] or None
    mode = choose_mode(options["mode"], client_config, client)
    if mode == CONTROLLER:
        config_arguments(client_config, client)
    elif options["exporter"]:
        find_exporter_config(options["exporter"])
    printed = jmp.call("version")
    found = re.search(r"v?([0-9]{1,6})\.([0-9]{1,6})\.[\w.+-]{0,40}", printed, re.ASCII)
    if not found:
        raise errors.JmpFailed(f"{jmp.path} does not tell its version; is it the jmp of jumpstarter-cli?")
    version = found.group(0).lstrip("v")
    if mode == CONTROLLER and (int(found.group(1)), int(found.group(2))) < OLDEST_WITH_LEASES:
        raise errors.JumpstarterError(
            f"{jmp.path} is version {version}; leases from a controller need jumpstarter-cli 0.8 or newer."
        )
    return {"changed": False, "path": jmp.path, "version": version, "mode": mode}
