# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report must say of a test whose device was, or may have been, another job's meanwhile."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.verify import why_not_held
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.plugin_utils import test_words

VERDICTS = ("PASS", "FAIL")
"""The outcomes that say something of the vehicle."""

Values = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Doubt:
    """What is known against a device having been held for the whole of a test.

    :param is_lost: it is sure that it was not.
    """

    words: str
    is_lost: bool


LOST = Doubt(test_words.DEVICE_LOST, is_lost=True)
NOT_GIVEN_BACK = Doubt(test_words.NOT_GIVEN_BACK, is_lost=False)


def doubt_of_release(result: Mapping[str, t.Any]) -> Doubt | None:
    """Return what the result of giving a device back says against its lease."""
    if result.get("failed"):
        return NOT_GIVEN_BACK
    return None if result.get("changed") else LOST


def doubt_of_leases(names: Iterable[str], caller: Caller) -> Doubt | None:
    """Return what is known against the leases that a host still has."""
    for name in names:
        if words := why_not_held(name, caller):
            return Doubt(f"It is not known whether the device was held during this test; run it again. {words}", False)
    return None


def judged_anew(options: Mapping[str, t.Any], doubt: Doubt | None) -> Values:
    """Return what of a report must be another, since nobody can tell what drove the vehicle; empty if nothing must."""
    metadata = options["metadata"] or {}
    status = options["status"]
    outcome = metadata.get("outcome") or status
    if doubt is None or not (status == "PASS" or (outcome in VERDICTS and doubt.is_lost)):
        return {}
    before = f" Until then: {options['summary']}" if status != "PASS" and options["summary"] else ""
    return {
        "status": "FAIL",
        "summary": f"ERROR: {doubt.words}{before}",
        "metadata": {**metadata, "outcome": "ERROR"},
    }
