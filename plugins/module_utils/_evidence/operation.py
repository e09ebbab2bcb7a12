# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module hatci_evidence does."""

from __future__ import annotations

import os
import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle
from ansible_collections.hatci.automation.plugins.module_utils._evidence.attestation import (
    RECORD,
    check_attestation,
    load_private_key,
)
from ansible_collections.hatci.automation.plugins.module_utils._evidence.errors import EvidenceChanged, EvidenceError
from ansible_collections.hatci.automation.plugins.module_utils._evidence.index import (
    INDEX,
    make_index,
    row_of_record,
    row_without_record,
)
from ansible_collections.hatci.automation.plugins.module_utils._evidence.journal import JOURNAL
from ansible_collections.hatci.automation.plugins.module_utils._evidence.junit import Case, make_junit
from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import ATTESTATION, MANIFEST, compare
from ansible_collections.hatci.automation.plugins.module_utils._evidence.noted import begin_step, end_step
from ansible_collections.hatci.automation.plugins.module_utils._evidence.outcome import OUTCOMES, outcome_of
from ansible_collections.hatci.automation.plugins.module_utils._evidence.publish import publish
from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import VERSION, Record
from ansible_collections.hatci.automation.plugins.module_utils._evidence.selection import select
from ansible_collections.hatci.automation.plugins.module_utils._evidence.store import parse_store
from ansible_collections.hatci.automation.plugins.module_utils._failure import sentence
from ansible_collections.hatci.automation.plugins.module_utils._files import write_atomically

NO_RECORD = "It left no record."
OTHER_RECORD = "Its record is one of another version, which this one cannot show."

Values = dict[str, t.Any]


def manage_evidence(options: t.Mapping[str, t.Any], check_mode: bool, secrets: t.Collection[str] = ()) -> Values:
    """Begin, continue, bundle, verify or publish evidence.

    :param secrets: texts that must not appear in it.
    :returns: ``changed``, ``path`` and what the state adds.
    :raises EvidenceError: an option cannot be used.
    :raises EvidenceChanged: verifying, and something was changed.
    """
    if not options["path"].isprintable():
        raise EvidenceError(f"path is {options['path'][:60]!r}, which no directory is called; give another one.")
    if not options["path"] and not check_mode:
        return _without_path(options["state"])
    path = pathlib.Path(os.path.abspath(options["path"]))
    is_publishing = options["state"] == "published"
    if options["state"] == "verified":
        return _verify(path, options["public_key"])
    if options["key"]:
        load_private_key(options["key"])
    store = options.get("store")
    if store:
        parse_store(store)
    if check_mode:
        return {"changed": True, "path": "", **({"artifact_urls": [], "kept": []} if is_publishing else {})}
    try:
        if is_publishing:
            return publish(path, str(store), options["timeout"])
        if options["state"] == "started":
            return _start(path, options, secrets)
        if options["state"] == "noted":
            return _note(path, options, secrets)
        if (path / JOURNAL).is_file() or not path.is_dir():
            return _bundle(path, options, secrets)
        return _make_index(path, options)
    except OSError as error:
        reason = error.strerror or "it cannot be written"
        return {"changed": False, "path": "", "warnings": [f"There will be no evidence in {path}: {reason}."]}


def _without_path(state: str) -> Values:
    """Say that a test without evidence, whose path is empty, has none to go on with.

    :raises EvidenceError: there is nothing else to do.
    """
    if state in ("noted", "bundled"):
        return {"changed": False, "path": "", "warnings": ["There is no evidence to go on with: path is empty."]}
    raise EvidenceError("path is empty; give the directory of the evidence.")


def _start(path: pathlib.Path, options: t.Mapping[str, t.Any], secrets: t.Collection[str]) -> Values:
    key = os.path.abspath(options["key"]) if options["key"] else None
    directory = bundle.start(path, options["test"] or {}, key, secrets)
    result = {"changed": True, "path": str(directory)}
    if not os.path.lexists(path / bundle.JUNIT):
        return result
    warning = f"{path / bundle.JUNIT} is of an earlier run and cannot be removed; do not take it for the one of this."
    return {**result, "warnings": [warning]}


def _note(path: pathlib.Path, options: t.Mapping[str, t.Any], secrets: t.Collection[str]) -> Values:
    if (path / MANIFEST).exists():
        warning = f"The evidence in {path} is finished, so {options['step']!r} is not noted in it."
        return {"changed": False, "path": str(path), "warnings": [warning]}
    if options["ended"]:
        end_step(path, options["step"], options["ended"], options["summary"], secrets)
    else:
        begin_step(path, options["step"], secrets)
    return {"changed": True, "path": str(path)}


def _bundle(path: pathlib.Path, options: t.Mapping[str, t.Any], secrets: t.Collection[str]) -> Values:
    outcome = (options["test"] or {}).get("outcome")
    if outcome and outcome not in OUTCOMES:
        raise EvidenceError(f"test.outcome is {str(outcome)[:40]!r}; give one of {', '.join(OUTCOMES)}.")
    result = {"ended_by": "play", **options["test"]} if options["test"] else None
    directory, record = bundle.bundle(path, result, options["key"], secrets)
    made = {"changed": True, "path": str(directory), "report": str(directory / bundle.REPORT), **_outcomes(record)}
    unsigned = [f"The evidence is not signed: {record['unsigned']}"] if record["unsigned"] else []
    return {**made, "warnings": [*made.get("warnings", []), *unsigned]} if unsigned else made


def _outcomes(record: t.Mapping[str, t.Any]) -> Values:
    stated, found = record["outcome"], outcome_of(record)
    if stated == found:
        return {"outcome": stated}
    return {"outcome": stated, "warnings": [f"The record states {stated}, and {found} follows from what it holds."]}


def _make_index(path: pathlib.Path, options: t.Mapping[str, t.Any]) -> Values:
    """Write the index of all tests of a directory, and the JUnit file of those that were given, or of all."""
    given = {os.path.abspath(test["path"]) for test in options["tests"] or [] if test["path"]}
    shown, left_out = select(path, given)
    of_all = [_row_and_case(directory, record) for directory, record in shown]
    rows, cases = [row for row, _case in of_all], [case for _row, case in of_all]
    if options["tests"] is not None:
        cases = []
        for test in options["tests"]:
            own = bundle.read_record(pathlib.Path(test["path"])) if test["path"] else None
            if own and own.get("version") == VERSION:
                cases.append(Case.of_record(own))
            else:
                reason = sentence(test["reason"]) or NO_RECORD
                about = (test["vehicle"], test["outcome"], reason, test.get("scenario") or "")
                cases.append(Case.without_record(*about))
                rows.insert(0, row_without_record(*about))
    rows.sort(key=lambda row: (row["outcome"] == "PASS", row["vehicle"]))
    title, remarks = options["title"], left_out.told()
    if options["tests"] is not None and any(str(directory) not in given for directory, _record in shown):
        title, remarks = f"OTA tests in {path.name}", [f"The last run here: {title}.", *remarks]
    junit = make_junit(options["title"], cases, is_of_all=True)
    junit_files = [bundle.JUNIT, *(f"junit-{job}.xml" for job in _jobs_of(options["tests"]))]
    files = {INDEX: make_index(title, rows, remarks), **dict.fromkeys(junit_files, junit)}
    failures = _write_each(path, files)
    report: Values = {"changed": len(failures) < len(files), "path": str(path)}
    report |= {"report": str(path / INDEX)} if INDEX not in failures else {}
    report |= {"warnings": list(failures.values())} if failures else {}
    return {**report, "left_out": left_out.told()} if left_out.told() else report


def _row_and_case(directory: pathlib.Path, record: Record) -> tuple[Record, Case]:
    try:
        return row_of_record(record, f"{directory.name}/{bundle.REPORT}"), Case.of_record(record)
    except (AttributeError, KeyError, TypeError):
        other = (directory.name, "ERROR", OTHER_RECORD)
        return row_without_record(*other), Case.without_record(*other)


def _write_each(path: pathlib.Path, files: t.Mapping[str, str]) -> dict[str, str]:
    """Write files by name and content; return by name what is to be said of each that could not be written."""
    failures = {}
    for name, content in files.items():
        try:
            write_atomically(path / name, content, bundle.READABLE)
        except OSError as error:
            is_old = os.path.lexists(path / name)
            advice = " What is there is of an earlier run; remove it." if is_old else ""
            failures[name] = f"{path / name} cannot be written: {error.strerror}.{advice}"
    return failures


def _jobs_of(tests: list[Values] | None) -> set[str]:
    """Return the job of a run, if it is known: other jobs that share the directory write a ``junit.xml`` there too."""
    records = [bundle.read_record(pathlib.Path(test["path"])) for test in tests or [] if test["path"]]
    ids = {record["job"]["id"] for record in records if record and record.get("version") == VERSION}
    jobs = {bundle.file_name(job) for job in ids if job}
    return jobs if len(jobs) == 1 else set()


def _verify(path: pathlib.Path, public_key: str | None) -> Values:
    is_signed = (path / ATTESTATION).is_file()
    try:
        found = compare(path)
        if is_signed:
            found += check_attestation(path, public_key)
        elif public_key:
            found.append(f"{ATTESTATION} is missing.")
    except FileNotFoundError as error:
        name = pathlib.Path(str(error.filename)).name
        if name == MANIFEST and not (path / RECORD).exists():
            raise EvidenceError(
                f"{path} holds no evidence of a test; give the directory that {MANIFEST} is in."
            ) from None
        found = [f"{name} is missing."]
    except OSError as error:
        raise EvidenceError(f"{error.filename} cannot be read: {error.strerror}.") from None
    if found:
        raise EvidenceChanged(f"The evidence in {path} is not what was bundled. {' '.join(found)}", differences=found)
    record = bundle.read_record(path)
    if record is None:
        raise EvidenceError(f"{path / RECORD} is not the record of a test.")
    return {"changed": False, "path": str(path), "is_signed": is_signed and bool(public_key), **_outcomes(record)}
