# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between a playbook and SUMS, each with one sentence for the tester."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure


class SumsError(Failure):
    """Anything that goes wrong with SUMS."""


class InputError(SumsError):
    """An option is missing or malformed; nothing was sent."""


class RequestError(SumsError):
    """A request was made, or tried, and did not bring what it must.

    :param method: HTTP method.
    :param path: path below the base URL.
    :param status: HTTP status, or None without an answer.
    """

    transient = False
    maybe_processed = False

    def __init__(self, message: str, *, method: str, path: str, status: int | None = None, **details: t.Any) -> None:
        super().__init__(message, method=method, path=path, status=status, **details)
        self.status = status


class Unreachable(RequestError):
    """No connection could be made, so nothing was processed."""

    transient = True


class TlsFailure(RequestError):
    """The secure connection could not be made."""


class ReplyLost(RequestError):
    """The request went out and no answer came back."""

    transient = True
    maybe_processed = True


class UnreadableAnswer(RequestError):
    """An answer came that is not what the API promises: it is not JSON, has no id, or an impossible value."""

    transient = True
    maybe_processed = True


class Contradiction(UnreadableAnswer):
    """An answer says two things that cannot both be true."""


class AnotherRecord(RequestError):
    """SUMS answered about another record than the one that was asked for."""

    maybe_processed = True


class NotOwn(AnotherRecord):
    """A test event is not the one that this test created; nothing was sent to it."""

    maybe_processed = False


class RecordsLost(RequestError):
    """SUMS does not show whether a test event is still the one that this test created; nothing was sent to it."""


class Redirected(RequestError):
    """SUMS pointed elsewhere; the token is not carried there."""


class TokenRefused(RequestError):
    """401 or 403."""


class NotFound(RequestError):
    """404."""


class Rejected(RequestError):
    """400, 422 or another 4xx: SUMS does not accept the input."""


class WrongState(RequestError):
    """409, or a state that does not allow what was asked."""


class Busy(RequestError):
    """429, or 503 with Retry-After, for longer than the retries may take; nothing was processed."""

    transient = True


class ServerFault(RequestError):
    """5xx: SUMS failed and may or may not have processed the request."""

    transient = True
    maybe_processed = True


class OutcomeUnknown(SumsError):
    """A write may have reached SUMS and nothing can tell; repeating it could make a duplicate."""


class DeploymentFailed(SumsError):
    """The deployment ended, and not in success."""

    outcome = "FAIL"


class WaitTimeout(SumsError):
    """The deployment did not end before the deadline."""

    outcome = "TIMEOUT"


class OutageTooLong(SumsError):
    """SUMS gave no usable answer for longer than the outage budget."""
