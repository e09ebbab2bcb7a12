# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the exporter configs of this machine are."""

from __future__ import annotations

import os
import pathlib

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.client_config import config_home
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import check_name

DIRECTORIES = ("/etc/jumpstarter/exporters", "/etc/jumpstarter/exporters.d")


def find_exporter_config(exporter: str) -> pathlib.Path:
    """Return the exporter config of that name.

    :raises InputError: there is none; ``jmp`` itself would answer with a misleading usage message.
    """
    check_name(exporter, "exporter")
    directories = (f"{config_home()}/exporters", *DIRECTORIES)
    for directory in directories:
        path = pathlib.Path(os.path.expanduser(directory)) / f"{exporter}.yaml"
        if os.path.isfile(path):  # unlike the method of Path, also where the directory may not be entered
            return path
    raise InputError(
        f"There is no exporter config {exporter}.yaml in {', '.join(directories)}; "
        "make it with the role jumpstarter_exporter_config, or give the lease that leads to the device."
    )
