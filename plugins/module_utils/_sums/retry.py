# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a request is sent again: only where that cannot write anything twice, and never without end."""

from __future__ import annotations

import itertools
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._http.retry_after import parse_retry_after
from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline, backoff
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import rest

__all__ = ["is_repeatable", "parse_retry_after", "repeat"]

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0

Result = t.TypeVar("Result")


def repeat(
    attempt: t.Callable[[], Result], seconds: float, may_repeat: t.Callable[[errors.RequestError], bool]
) -> Result:
    """Return what an attempt returns, trying again after errors that allow it.

    :param seconds: after which no attempt begins; 0 for one attempt.
    :raises RequestError: the last attempt's.
    """
    deadline = Deadline(seconds, _now)
    for tries in itertools.count(1):
        try:
            return attempt()
        except errors.RequestError as error:
            pause = error.details.get("retry_after") or backoff(tries, FIRST_PAUSE, LONGEST_PAUSE)
            if not may_repeat(error) or not deadline.allows(pause):
                raise
        rest(pause)
    raise AssertionError("itertools.count has no end")


def is_repeatable(error: errors.RequestError, twice_is_once: bool) -> bool:
    """Whether a request may be sent again after an error.

    Any request is, where it cannot have been processed: no connection, 429, or 503 with Retry-After.

    :param twice_is_once: SUMS ends up with the same if it processes this request twice.
    """
    if isinstance(error, (errors.Unreachable, errors.Busy)):
        return True
    return twice_is_once and (isinstance(error, errors.ReplyLost) or error.status in (502, 503, 504))


def _now() -> float:
    return time.monotonic()
