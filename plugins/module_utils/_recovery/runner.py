# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way into operations that need SUMS and more."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._sums import runner
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import DirectoryUnsafe


def run_operation(
    operation: runner.Operation, options: t.Mapping[str, t.Any], check_mode: bool, **extras: t.Callable[..., t.Any]
) -> Record:
    """Run an operation and return its result, or its failure as a result with ``failed`` and ``msg``."""
    try:
        return runner.run_operation(operation, options, check_mode, **extras)
    except Failure as error:
        return error.as_result()
    except (DirectoryUnsafe, OSError) as error:
        return Failure(f"No lock could be taken on the test event: {error}").as_result()
