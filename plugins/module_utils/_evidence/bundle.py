# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Beginning the evidence of a test, and making of its journal what people, CIs and third parties read."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence import journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence.attestation import (
    RECORD,
    load_private_key,
    make_attestation,
)
from ansible_collections.hatci.automation.plugins.module_utils._evidence.commands import COMMANDS
from ansible_collections.hatci.automation.plugins.module_utils._evidence.console import (
    CONSOLE,
    CONSOLE_END,
    summarize,
    wait_for_writer,
)
from ansible_collections.hatci.automation.plugins.module_utils._evidence.errors import EvidenceError
from ansible_collections.hatci.automation.plugins.module_utils._evidence.junit import Case, make_junit
from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import (
    ATTESTATION,
    MANIFEST,
    make_manifest,
)
from ansible_collections.hatci.automation.plugins.module_utils._evidence.outcome import OUTCOMES, PASS, outcome_of
from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import Record, make_record
from ansible_collections.hatci.automation.plugins.module_utils._evidence.report import make_report
from ansible_collections.hatci.automation.plugins.module_utils._evidence.values import hide_in_file, hide_in_lines
from ansible_collections.hatci.automation.plugins.module_utils._files import write_atomically
from ansible_collections.hatci.automation.plugins.module_utils._times import utc_time

REPORT = "report.html"
JUNIT = "junit.xml"
SUITE = "hatci.automation"

PRINTED = (COMMANDS, CONSOLE, CONSOLE_END)
"""Files that grow during a test, as the journal does, by the hands of some who do not know its secrets."""

MAX_SAME_TIME = 100
READABLE = 0o644


def start(parent: pathlib.Path, about: Record, key: str | None, secrets: t.Collection[str] = ()) -> pathlib.Path:
    """Make a directory for the evidence of a test, and begin its journal.

    The JUnit file of an earlier run is taken away if it can be, lest a run that dies leaves another one's green.

    :param about: what is known of the test.
    :param key: path of the private key that will sign it.
    :param secrets: texts that must not appear in it.
    :raises OSError: it cannot be written.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        (parent / JUNIT).unlink()
    moment = utc_time()[:19].replace(":", "") + "Z"
    directory = _new_directory(parent, file_name(f"{moment}-{about.get('host') or about.get('vin') or 'test'}"))
    journal.create(directory)
    journal.append(directory, "test", {**about, "name": directory.name, "key": key}, secrets)
    return directory


def bundle(
    directory: pathlib.Path,
    result: Record | None,
    key: str | None,
    secrets: t.Collection[str] = (),
    *,
    is_signed: bool = True,
) -> tuple[pathlib.Path, Record]:
    """Make the record, the report, the JUnit file, the manifest and, with a key, the attestation of a test.

    :param result: how the test ended and what is known now, for the journal; None to bundle again what it tells.
    :param key: path of the private key; None for the one with which it began, without which the test may have to end.
    :param secrets: texts that must not appear in it, whoever has written them.
    :param is_signed: False for no attestation, though there is a key.
    :returns: the directory, which has the id of the test event in its name now, and the record.
    :raises EvidenceError: there is no journal, or a key that is given cannot be used.
    :raises OSError: something cannot be written.
    """
    wait_for_writer(directory / CONSOLE)
    hide_in_lines(directory / journal.JOURNAL, secrets)
    for name in PRINTED:
        hide_in_file(directory / name, secrets)
    if result is not None:
        if recorded := summarize(directory / CONSOLE):
            journal.append(directory, "console", recorded, secrets)
        journal.append(directory, "result", result, secrets)
    kept = read_journal(directory)
    about = next((line for line in kept.lines if line["event"] == "test"), {})
    if key:
        load_private_key(key)
    elif is_signed:
        reason = _why_unsigned(kept.lines)
        key = None if reason else about.get("key")
        if reason or any(line["event"] == "key" for line in kept.lines):
            journal.append(directory, "key", {"unsigned": reason}, secrets)
            kept = read_journal(directory)
    record = _record_of(directory, kept)
    (directory / MANIFEST).unlink(missing_ok=True)
    _write(directory, RECORD, _json_of(record))
    _write(directory, REPORT, make_report(record, is_signed=bool(key)))
    _write(directory, JUNIT, make_junit(record["test"]["suite"] or SUITE, [Case.of_record(record)]))
    _write(directory, MANIFEST, make_manifest(directory))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(directory / ATTESTATION)
    if key:
        _write(directory, ATTESTATION, make_attestation(directory, record, key))
    if about.get("name") == directory.name and record["ids"]["test_event_id"]:
        directory = _rename(directory, file_name(f"{directory.name}-{record['ids']['test_event_id']}"))
    return directory, record


def finish_as_aborted(
    directory: pathlib.Path,
    outcome: str | None = None,
    summary: str | None = None,
    secrets: t.Collection[str] = (),
    is_reported: bool = False,
    failed_step: str = "",
) -> pathlib.Path | None:
    """Bundle what a test left whose play has died; what has been bundled with this outcome is left as it is.

    What was bundled before SUMS had taken its outcome is bundled again once it has.

    :param outcome: what SUMS is told; None for what follows from the journal, which is ABORTED unless a step had
        failed or the outcome had been reported already.
    :param secrets: texts that must not appear in it.
    :param is_reported: whether SUMS has taken that outcome.
    :param failed_step: name of the step that ended the test, if one is known to have.
    :returns: the directory of the bundle, None if there is nothing to do. Without its key, which may have gone with its
        job, it is not signed, and the record says so.
    :raises OSError: something cannot be written.
    """
    if not (directory / journal.JOURNAL).is_file():
        return None
    lines = journal.read(directory).lines
    told = [line for line in lines if line["event"] == "result"]
    if told and is_reported and told[-1].get("ended_by") == "play" and outcome in (PASS, told[-1].get("outcome")):
        return _finish_as_reported(directory, str(outcome), summary or "", secrets)
    is_news = is_reported and bool(told) and told[-1].get("ended_by") == "closer" and not told[-1].get("reported")
    if told and outcome in (None, told[-1].get("outcome")) and not is_news:
        return None if (directory / MANIFEST).is_file() else bundle(directory, None, None, secrets)[0]
    journal.append(directory, "result", {"ended_by": "closer"})
    record = _record_of(directory, journal.read(directory))
    found = outcome if outcome in OUTCOMES else outcome_of(record)
    why = summary or (record["failure"] or {}).get("message") or "The play ended before the test had come to its end."
    result = {"ended_by": "closer", "outcome": found, "summary": why, "reported": found if is_reported else None}
    result |= {} if found in (PASS, "ABORTED") else {"failure_outcome": found}
    result |= {"failed_step": failed_step} if failed_step else {}
    reason = _why_unsigned(lines)
    if reason:
        result["troubles"] = [f"The evidence is not signed: {reason}"]
    return bundle(directory, result, None, secrets, is_signed=not reason)[0]


def _finish_as_reported(
    directory: pathlib.Path, outcome: str, summary: str, secrets: t.Collection[str]
) -> pathlib.Path:
    """Bundle a test again whose play had ended it, and whose report was sent after that.

    A success had no other trouble than its report, since every earlier one is in what was reported.
    """
    result: Record = {"ended_by": "play", "outcome": outcome, "reported": outcome}
    result |= {"summary": summary} if summary else {}
    result |= {"troubles": []} if outcome == PASS else {}
    return bundle(directory, result, None, secrets)[0]


def _why_unsigned(lines: list[journal.Line]) -> str:
    """Return why the key with which a test began cannot be used now; empty if it can, or if there is none."""
    key = next((line.get("key") for line in lines if line["event"] == "test"), None)
    try:
        if key:
            load_private_key(key)
    except EvidenceError as error:
        return error.message
    return ""


def read_journal(directory: pathlib.Path) -> journal.Journal:
    """Read the journal of a directory.

    :raises EvidenceError: there is none.
    """
    try:
        return journal.read(directory)
    except OSError as error:
        raise EvidenceError(
            f"{directory / journal.JOURNAL} cannot be read: {error.strerror}; give the directory of one test as path."
        ) from None


def _record_of(directory: pathlib.Path, kept: journal.Journal) -> Record:
    try:
        return make_record(kept)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EvidenceError(
            f"{directory / journal.JOURNAL} holds what no record can be made of ({error}); "
            "read it as it is, and report this with it."
        ) from error


def read_record(directory: pathlib.Path) -> Record | None:
    """Return the record of a directory, None if it has none that can be read."""
    try:
        record = json.loads((directory / RECORD).read_bytes())
        return t.cast("Record", record) if record["format"] and record["vehicle"] and record["ids"] else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _json_of(record: Record) -> str:
    """Return a record as JSON with a line for each value and for each item of a list, of which there may be many."""
    values = []
    for name, value in record.items():
        text = _line_of(value)
        if isinstance(value, list) and value:
            text = "[\n  " + ",\n  ".join(map(_line_of, value)) + "\n ]"
        values.append(f" {_line_of(name)}: {text}")
    return "{\n" + ",\n".join(values) + "\n}\n"


def _line_of(value: t.Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _write(directory: pathlib.Path, name: str, content: str) -> None:
    write_atomically(directory / name, content, READABLE)


def _new_directory(parent: pathlib.Path, name: str) -> pathlib.Path:
    """Make a directory that did not exist; two tests of a vehicle may begin within a second."""
    for number in range(1, MAX_SAME_TIME):
        directory = parent / (name if number == 1 else f"{name}-{number}")
        with contextlib.suppress(FileExistsError):
            directory.mkdir()
            return directory
    raise FileExistsError(f"{parent / name} exists")


def _rename(directory: pathlib.Path, name: str) -> pathlib.Path:
    try:
        return directory.rename(directory.parent / name)
    except OSError:
        return directory


def file_name(text: str) -> str:
    """Return a text as a file may be named."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:150]
