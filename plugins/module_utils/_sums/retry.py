# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a request is sent again: only where that cannot write anything twice."""

from __future__ import annotations

import random
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.network_errors import is_disconnect

try:
    from urllib3.exceptions import InvalidHeader, MaxRetryError
    from urllib3.util.retry import Retry
except ImportError:  # reported by the client, which cannot work without requests either
    MaxRetryError = InvalidHeader = Exception  # type: ignore[assignment, misc]
    Retry = object  # type: ignore[assignment, misc]

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0


class SumsRetry(Retry):
    """urllib3's Retry with the rules of the SUMS client.

    What is retryable_methods to repeat, GET above all, is repeated on lost connections and on 429, 502, 503
    and 504. Another write is repeated only where it cannot have been processed: no connection, 429,
    or 503 with Retry-After. No attempt begins after the deadline.

    :param deadline: :func:`time.monotonic` value in seconds.
    """

    def __init__(self, *args: t.Any, deadline: float = 0.0, **kwargs: t.Any) -> None:
        self.deadline = deadline
        super().__init__(*args, **kwargs)

    @classmethod
    def until(cls, deadline: float, retryable_methods: frozenset[str]) -> SumsRetry:
        """Return the policy for one call that may be repeated until the deadline.

        :param retryable_methods: methods that may be repeated even if SUMS has processed the request.
        """
        return cls(
            total=1000,
            other=0,
            redirect=False,
            allowed_methods=retryable_methods,
            raise_on_status=False,
            deadline=deadline,
        )

    def new(self, **kwargs: t.Any) -> SumsRetry:
        return super().new(deadline=self.deadline, **kwargs)

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if method in (self.allowed_methods or ()):
            return status_code in (429, 502, 503, 504)
        return status_code == 429 or (status_code == 503 and has_retry_after)

    def _is_read_error(self, err: Exception) -> bool:
        return super()._is_read_error(err) or is_disconnect(err)

    def get_backoff_time(self) -> float:
        return self._longest_backoff() * random.uniform(0.5, 1.0)

    def get_retry_after(self, response: t.Any) -> float | None:
        try:
            return super().get_retry_after(response)
        except (InvalidHeader, ValueError, OverflowError):  # the last two: a date or number beyond all reason
            return None

    def increment(self, *args: t.Any, **kwargs: t.Any) -> SumsRetry:
        retry = super().increment(*args, **kwargs)
        response, error = kwargs.get("response"), kwargs.get("error")
        pause = (response is not None and retry.get_retry_after(response)) or retry._longest_backoff()
        if time.monotonic() + pause > self.deadline:
            raise MaxRetryError(kwargs["_pool"], "", error)
        return retry

    def _longest_backoff(self) -> float:
        return longest_backoff(len(self.history))


def longest_backoff(tries: int) -> float:
    """Return the longest pause in seconds after so many attempts."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tries - 1, 10))


def pause_before(deadline: float, tries: int) -> bool:
    """Pause after so many attempts; return False at once if the next could not begin before the deadline."""
    longest = longest_backoff(tries)
    if time.monotonic() + longest > deadline:
        return False
    time.sleep(longest * random.uniform(0.5, 1.0))
    return True
