# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports that could not be sent: kept as files, so that no outcome is lost.

Each user has a directory that nobody else can write to. A file is named by the address of SUMS and the whole id, since
two SUMS may give the same id.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import re
import stat
from collections.abc import Callable

from ansible_collections.hatci.automation.plugins.module_utils._files import write_atomically
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

LONGEST_NAME = 60
DIGEST = 16


def default_directory() -> str:
    """Return where reports of this user are kept unless a task says otherwise."""
    return f"/var/tmp/hatci-unsent-reports-{os.geteuid()}"  # noqa: S108  # outlives a restart; its owner is checked


def keep_report(
    directory: str,
    base_url: str,
    test_event_id: str,
    body: Record,
    created: Record | None = None,
    *,
    say: Callable[[str], None] = lambda words: None,
) -> pathlib.Path:
    """Write a report to a file that only this user can read, and return its path.

    It goes to the user's default directory if the one given is another user's, full, read-only or none.

    :param created: what tells the test event from another one that SUMS may give the same id later.
    :param say: is told in one sentence why the directory given could not be used.
    :raises OSError: it cannot be written to either of them.
    """
    known = {"created": created} if created else {}
    kept = json.dumps({"test_event_id": test_event_id, "sums": _address(base_url), **known, **body}, indent=2)
    name = _name_of(base_url, test_event_id)
    try:
        return _write(directory, name, kept)
    except OSError as error:
        if directory == default_directory():
            raise
        try:
            path = _write(default_directory(), name, kept)
        except OSError:
            raise error from None
        say(f"The report could not be kept in {directory}: {error.strerror}.")
        return path


def read_report(path: str, base_url: str) -> tuple[str, Record]:
    """Return the id of the test event and the report that a file keeps; what else is in the file is left out.

    :raises InputError: there is no such file, it is another user's or for another SUMS, or it keeps no report.
    """
    try:
        with open(path, encoding="utf-8") as file:
            owner = os.fstat(file.fileno())
            kept = parse_json(file.read())
    except FileNotFoundError:
        raise _no_report(path, "there is no such file; it is removed once it has been sent") from None
    except (OSError, ValueError) as error:
        raise _no_report(path, (isinstance(error, OSError) and error.strerror) or "it is not valid JSON") from None
    if owner.st_uid != os.geteuid() or owner.st_mode & stat.S_IWOTH:
        raise _no_report(path, "another user can have written it, since it is not this user's alone")
    test_event_id = find_id(kept, "test_event_id")
    if test_event_id is None:
        raise _no_report(path, "it has no test_event_id")
    if kept.get("sums") not in (None, _address(base_url)):
        raise _no_report(path, f"it is for the SUMS at {kept['sums']!s:.200}, not for the one of hatci_base_url")
    if kept.get("status") not in (None, "PASS", "FAIL"):
        raise _no_report(path, "its status is neither PASS nor FAIL")
    body = {name: kept[name] for name in FIELDS if kept.get(name) is not None}
    odd = next((name for name, value in body.items() if not isinstance(value, FIELDS[name])), None)
    if odd:
        raise _no_report(path, f"its {odd} has the wrong type")
    return test_event_id, body


def read_created(path: str) -> Record:
    """Return what a kept report, which :func:`read_report` has taken, says of its test event as it was created."""
    with open(path, encoding="utf-8") as file:
        created = parse_json(file.read()).get("created")
    return created if isinstance(created, dict) else {}


def forget_report(directory: str, base_url: str, test_event_id: str) -> None:
    """Remove a kept report that SUMS has now; one that cannot be removed does no harm."""
    for place in dict.fromkeys([directory, default_directory()]):
        with contextlib.suppress(OSError, ValueError):
            path = pathlib.Path(place) / _name_of(base_url, test_event_id)
            if path.lstat().st_uid == os.geteuid():
                path.unlink()


def _write(directory: str, name: str, content: str) -> pathlib.Path:
    if "\0" in directory:
        raise OSError(errno.EINVAL, "no path holds the character U+0000", directory)
    path = pathlib.Path(directory)
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    # A link of another user could lead anywhere, and in another user's directory the file could be exchanged.
    if {path.lstat().st_uid, path.stat().st_uid} != {os.geteuid()}:
        raise PermissionError(None, "it belongs to another user", directory)
    writable_by_others = stat.S_IMODE(path.stat().st_mode) & (stat.S_IWGRP | stat.S_IWOTH)
    if writable_by_others:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~writable_by_others)
    write_atomically(path / name, content)
    return path / name


def _name_of(base_url: str, test_event_id: str) -> str:
    digest = hashlib.sha256(f"{_address(base_url)}\n{test_event_id}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', test_event_id)[:LONGEST_NAME]}-{digest[:DIGEST]}.json"


def _address(base_url: str) -> str:
    return base_url.strip().rstrip("/")


def _no_report(path: str, reason: str) -> InputError:
    return InputError(f"{path} keeps no report ({reason}); give the file that the failure named. Nothing was sent.")
