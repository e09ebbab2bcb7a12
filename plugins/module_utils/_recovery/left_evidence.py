# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finishing the evidence of tests whose jobs have died, where it lies in a directory that outlived them."""

from __future__ import annotations

import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.bundle import finish_as_aborted
from ansible_collections.hatci.automation.plugins.module_utils._evidence.whereabouts import left_by


def finish_evidence(
    parent: str, closed: t.Sequence[t.Mapping[str, t.Any]], secrets: t.Collection[str]
) -> tuple[list[str], list[str]]:
    """Make of the journals of tests that were closed what can be read, as SUMS was told.

    :param parent: directory of the evidence of many tests.
    :param closed: what SUMS took, each with the ``job`` that died.
    :param secrets: texts that must not appear in it.
    :returns: in words what was made, and what could not be.
    """
    made: list[str] = []
    failed: list[str] = []
    left: dict[str, dict[str, pathlib.Path]] = {}
    for one in closed:
        job, test_event_id = str(one["job"]), str(one["test_event_id"])
        name = f"job {job} ({one['host']}): the evidence of test event {test_event_id}"
        try:
            if job not in left:
                left[job] = left_by(job, pathlib.Path(parent))
            directory = left[job].get(test_event_id)
            if directory is None:
                continue
            told = str(one["outcome"]), str(one["summary"])
            made.append(f"{name} is in {finish_as_aborted(directory, *told, secrets, True) or directory}")
        except Exception as error:  # whatever is wrong with evidence must cost no recovery
            reason = getattr(error, "strerror", None) or error
            failed.append(f"{name[:1].upper()}{name[1:]} in {parent} could not be finished: {reason}")
    return made, failed
