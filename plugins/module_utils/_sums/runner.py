# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way into the operations, for modules and for the action plugins beside them."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import SumsError
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import Connection
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record

Operation = t.Callable[..., Record]


def run_operation(
    operation: Operation, options: t.Mapping[str, t.Any], check_mode: bool, **extras: t.Callable[..., t.Any]
) -> Record:
    """Run an operation and return its result, or its failure as a result with ``failed`` and ``msg``."""
    try:
        with SumsClient(Connection.from_options(options)) as client:
            result = operation(client, options, check_mode, **extras)
            return {**result, "warnings": client.warnings} if client.warnings else result
    except SumsError as error:
        return error.as_result()
