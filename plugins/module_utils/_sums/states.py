# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a deployment, compared without regard to letter case."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import InputError

SUCCESS = ("COMPLETE", "COMPLETED", "SUCCESS")
FAILURE = ("FAILED", "ERROR", "CANCELLED")
BUSY = ("PENDING", "SCHEDULED", "IN_PROGRESS")
UNKNOWN = "UNKNOWN"


def canonical(state: str | None) -> str:
    """Return a state in capitals, with COMPLETE for each of its spellings."""
    if not state:
        return UNKNOWN
    upper = state.strip().upper()
    return SUCCESS[0] if upper in SUCCESS else upper


class Goals:
    """Which states end the waiting, and how. A state in neither list is progress.

    :raises InputError: a list is empty, or a state stands in both.
    """

    def __init__(self, success_states: t.Sequence[str], failure_states: t.Sequence[str]) -> None:
        self._success = {canonical(state) for state in success_states}
        self._failure = {canonical(state) for state in failure_states}
        for name, states in (("success_states", self._success), ("failure_states", self._failure)):
            if not states or UNKNOWN in states:
                raise InputError(f"{name} is empty or holds an empty state; waiting could not end.")
        if both := self._success & self._failure:
            raise InputError(f"{sorted(both)[0]} is in success_states and in failure_states; it cannot be both.")

    def is_success(self, state: str) -> bool:
        """Whether a deployment in this state has done what it should."""
        return canonical(state) in self._success

    def is_failure(self, state: str) -> bool:
        """Whether a deployment in this state has ended without doing what it should."""
        return canonical(state) in self._failure
