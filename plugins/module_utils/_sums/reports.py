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

from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record, find_id

FIELDS: dict[str, type] = {
    "status": str,
    "summary": str,
    "artifact_urls": list,
    "event_id": str,
    "metadata": dict,
}
"""What can be reported of a test event, and its type."""


def keep_report(directory: str, test_event_id: str, body: Record) -> pathlib.Path:
    """Write a report to a file that only this user can read, and return its path.

    :raises OSError: it cannot be written.
    """
    path = _path_of(directory, test_event_id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"test_event_id": test_event_id, **body}, file, indent=2)
    os.replace(name, path)
    return path


def read_report(path: str) -> tuple[str, Record]:
    """Return the id of the test event and the report that a file keeps; what else is in the file is left out.

    :raises InputError: there is no such file, or it keeps no report.
    """
    try:
        kept = parse_json(pathlib.Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _no_report(path, "there is no such file; it is removed once SUMS was told") from None
    except (OSError, ValueError) as error:
        raise _no_report(path, (isinstance(error, OSError) and error.strerror) or "it is no JSON") from None
    test_event_id = find_id(kept, "test_event_id")
    if test_event_id is None:
        raise _no_report(path, "it has no test_event_id")
    if kept.get("status") not in (None, "PASS", "FAIL"):
        raise _no_report(path, "its status is neither PASS nor FAIL")
    body = {name: kept[name] for name in FIELDS if kept.get(name) is not None}
    odd = next((name for name, value in body.items() if not isinstance(value, FIELDS[name])), None)
    if odd:
        raise _no_report(path, f"its {odd} has the wrong type")
    return test_event_id, body


def forget_report(directory: str, test_event_id: str) -> None:
    """Remove a kept report that SUMS knows now."""
    _path_of(directory, test_event_id).unlink(missing_ok=True)


def _path_of(directory: str, test_event_id: str) -> pathlib.Path:
    return pathlib.Path(directory) / f"{re.sub(r'[^A-Za-z0-9._-]', '_', test_event_id)[:100]}.json"


def _no_report(path: str, reason: str) -> InputError:
    return InputError(f"{path} keeps no report ({reason}); give the file that the failure named. Nothing was sent.")
