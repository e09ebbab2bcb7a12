# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way into the operations, for modules and for the action plugins beside them."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import OwnerGone

Operation = t.Callable[..., dict[str, t.Any]]


def run_operation(
    operation: Operation, options: t.Mapping[str, t.Any], check_mode: bool, **extras: t.Callable[..., t.Any]
) -> dict[str, t.Any]:
    """Run an operation and return its result, or its failure as a result with ``failed`` and ``msg``."""
    try:
        return operation(options, check_mode, **extras)
    except Failure as error:
        return error.as_result()
    except OwnerGone as error:
        return {"failed": True, "msg": f"{error}; what was under way was stopped."}
