# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing evidence: at once, or later what a store did not take."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import pathlib
import re
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.bundle import JUNIT, REPORT
from ansible_collections.hatci.automation.plugins.module_utils._evidence.errors import EvidenceError, StoreAway
from ansible_collections.hatci.automation.plugins.module_utils._evidence.index import INDEX
from ansible_collections.hatci.automation.plugins.module_utils._evidence.journal import JOURNAL
from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import (
    ATTESTATION,
    MANIFEST,
    MARK,
    files_of,
    is_utf8,
)
from ansible_collections.hatci.automation.plugins.module_utils._evidence.store import Store, parse_store, write_files
from ansible_collections.hatci.automation.plugins.module_utils._files import write_atomically
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline, utc_time

UNFINISHED_SECONDS = 86400.0
"""No test writes nothing into its journal for that long."""
MAX_NAMES = 5

REFUSED = re.compile(r"HTTP status 4(00|13|22)")
"""An answer about one file rather than about the store."""
Values = dict[str, t.Any]


def publish(path: pathlib.Path, url: str, seconds: float) -> Values:
    """Publish the evidence of a test, or of all tests in a directory that are not in the store yet.

    :param seconds: that this may take in all.
    :returns: ``changed``, ``path``, ``artifact_urls``, ``kept`` with the directories that the store did not take, and
        then ``warnings``. Of a directory with an index ``index_urls``.
    :raises EvidenceError: there is nothing to publish, or the store cannot be used.
    :raises OSError: a file cannot be read.
    """
    store = parse_store(url)
    tests = [path] if (path / MANIFEST).is_file() else sorted(child.parent for child in path.glob(f"*/{MANIFEST}"))
    unfinished = _unfinished(path) if tests != [path] else ""
    if not tests:
        advice = f"; give the directory that {MANIFEST} is in." if not unfinished else f". {unfinished}"
        raise EvidenceError(f"{path} holds no evidence that was bundled{advice}")
    deadline = Deadline(seconds)
    urls, kept, changed, reason, is_away = [], [], False, "", False
    for directory in tests:
        is_taken = False
        try:
            if not is_away:
                changed |= _publish_test(directory, store, deadline.left)
                is_taken = True
        except StoreAway as error:
            # One that the store refuses must not keep those after it.
            reason, is_away = error.message, not REFUSED.search(error.message)
        except OSError as error:
            if not directory.is_dir():
                continue  # it has another name now, or is gone
            reason = f"{error.filename or directory} cannot be read: {error.strerror}"
        if is_taken or _is_published(directory, store):
            urls += urls_of(directory, store)
        else:
            kept.append(str(directory))
    result: Values = {"changed": changed, "path": str(path), "artifact_urls": urls, "kept": kept}
    if tests != [path] and not is_away:
        try:
            result |= _publish_index(path, store, deadline.left)
        except StoreAway as error:
            reason = error.message
        except OSError as error:
            reason = f"{error.filename} cannot be read: {error.strerror}"
    warnings = [*([_advice(reason, path, url)] if reason else []), *([unfinished] if unfinished else [])]
    return {**result, "warnings": warnings} if warnings else result


def _unfinished(path: pathlib.Path) -> str:
    """Return what to do about tests of which a journal is all that is left, empty if there are none.

    A job of AAP dies with its closer. A test that was handed on has its record in another directory.
    """
    latest = time.time() - UNFINISHED_SECONDS
    names = []
    for journal in sorted(path.glob(f"*/{JOURNAL}")):
        with contextlib.suppress(OSError):
            if not (journal.parent / MANIFEST).is_file() and journal.stat().st_mtime < latest:
                names.append(journal.parent.name)
    if not names:
        return ""
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return (
        f"Of these tests there is a journal and no record, since their job died or handed them on: "
        f"{', '.join(names[:MAX_NAMES])}{more}. To make the record of one: ansible localhost "
        f"-m hatci.automation.hatci_evidence -a 'state=bundled path={path / names[0]}'."
    )


def _publish_index(path: pathlib.Path, store: Store, seconds: float) -> Values:
    """Publish the page of all tests of a directory, and their JUnit file, beside them.

    Others publish theirs there too, so they are named by what they hold.
    """
    found = [path / name for name in (INDEX, JUNIT) if (path / name).is_file()]
    if not found:
        return {}
    contents = [file.read_bytes() for file in found]
    which = hashlib.sha256(b"".join(contents)).hexdigest()[:12]
    names = [f"{file.stem}-{which}{file.suffix}" for file in found]
    if seconds <= 0:
        raise StoreAway(f"there was no time left for {store.url}")
    write_files(store, list(zip(names, contents, strict=True)), seconds)
    return {"index_urls": [store.url_of(name) for name in names]}


def urls_of(directory: pathlib.Path, store: Store) -> list[str]:
    """Return the URLs of the files of a test in a store, the page to read first."""
    names = sorted(_names(directory), key=lambda name: (name != REPORT, name))
    return [store.url_of(f"{directory.name}/{name}") for name in names]


def _publish_test(directory: pathlib.Path, store: Store, seconds: float) -> bool:
    """Publish one test unless that is done; return whether something was written."""
    if _is_published(directory, store):
        return False
    names = [*(name for name in _names(directory) if name != MANIFEST), MANIFEST]
    files = [(f"{directory.name}/{name}", (directory / name).read_bytes()) for name in names]
    if seconds <= 0:
        raise StoreAway(f"there was no time left for {store.url}")
    write_files(store, files, seconds)
    manifest = files[-1][1].decode()
    marks = {url: mark for url, mark in _marks(directory).items() if mark["manifest"] == manifest}
    marks[store.url] = {"manifest": manifest, "time": utc_time()}
    with contextlib.suppress(OSError):
        write_atomically(directory / MARK, json.dumps(marks))
    return True


def _is_published(directory: pathlib.Path, store: Store) -> bool:
    """Whether a store has a test as it is now."""
    try:
        manifest = (directory / MANIFEST).read_text("utf-8")
    except (OSError, ValueError):
        return False
    return _marks(directory).get(store.url, {}).get("manifest") == manifest


def _marks(directory: pathlib.Path) -> dict[str, dict[str, str]]:
    """Return of each store that has a test, by its URL, which state of it that is."""
    try:
        marks = json.loads((directory / MARK).read_bytes())
        return {url: mark for url, mark in marks.items() if isinstance(mark, dict) and "manifest" in mark}
    except (OSError, ValueError, AttributeError):
        return {}


def _names(directory: pathlib.Path) -> list[str]:
    """Return the files of a test.

    :raises OSError: one has a name that no store takes.
    """
    names = files_of(directory)
    for name in names:
        if not is_utf8(name):
            shown = name.encode("utf-8", "replace").decode()
            raise OSError(errno.EILSEQ, "its name is not UTF-8", f"{directory}/{shown}")
    return [*names, MANIFEST, *([ATTESTATION] if (directory / ATTESTATION).is_file() else [])]


def _advice(reason: str, path: pathlib.Path, url: str) -> str:
    return (
        f"The evidence was not published: {reason}. It is kept in {path}; publish it later by "
        f"ansible localhost -m hatci.automation.hatci_evidence -a 'state=published path={path} store={url}'."
    )
