# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports that SUMS could not be told: kept as files, so that no outcome is lost."""

from __future__ import annotations

import json
import os
import pathlib
import re
import tempfile

from ansible_collections.hatci.automation.plugins.module_utils._sums.answers import Record


def keep_report(directory: str, test_event_id: str, body: Record) -> pathlib.Path:
    """Write a report to a file that only this user can read, and return its path.

    :raises OSError: it cannot be written.
    """
    path = pathlib.Path(directory) / f"{re.sub(r'[^A-Za-z0-9._-]', '_', test_event_id)[:100]}.json"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"test_event_id": test_event_id, **body}, file, indent=2)
    os.replace(name, path)
    return path


def forget_report(directory: str, test_event_id: str) -> None:
    """Remove a kept report that SUMS knows now."""
    path = pathlib.Path(directory) / f"{re.sub(r'[^A-Za-z0-9._-]', '_', test_event_id)[:100]}.json"
    path.unlink(missing_ok=True)
