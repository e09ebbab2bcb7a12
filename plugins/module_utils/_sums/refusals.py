# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a request that SUMS refused, or that brought no usable answer."""

from __future__ import annotations

from urllib.parse import urlsplit

from ansible_collections.hatci.automation.plugins.module_utils._http.bounded import (
    AnswerTooLong,
    AnswerTooSlow,
    UnusableAnswer,
)
from ansible_collections.hatci.automation.plugins.module_utils._http.retry_after import parse_retry_after
from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.network_errors import (
    describe_connection_error,
    describe_tls_error,
    is_disconnect,
    root_cause,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.reply import Request
from ansible_collections.hatci.automation.plugins.module_utils._text import one_line

try:
    import requests
    import urllib3

    _UNUSABLE_ADDRESS: tuple[type[Exception], ...] = (
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        urllib3.exceptions.LocationValueError,
        UnicodeError,
    )
except ImportError:  # reported by the client
    _UNUSABLE_ADDRESS = ()

MIB = 1024 * 1024


def refusal(request: Request, status: int, words: str, retry_after: str) -> errors.RequestError:
    """Return the error for an answer with a status of 300 or more.

    :param words: what SUMS said, if anything.
    :param retry_after: the header of that name, if there is one.
    """
    kind, advice = _meaning(status, bool(retry_after))
    said = f" ({words})" if words else ""
    error = request.error(kind, f"SUMS answered {status}{said}; {advice}.", status=status)
    seconds = parse_retry_after(retry_after)
    if seconds is not None:
        error.details["retry_after"] = seconds
    return error


def unreadable(request: Request, status: int | None, got: str) -> errors.UnreadableAnswer:
    """Return the error for an answer that cannot be used.

    :param got: what came instead of a record.
    """
    answered = "SUMS answered" if status is None else f"SUMS answered {status}"
    return request.error(
        errors.UnreadableAnswer,
        f"{answered} with {got}; "
        "is hatci_base_url the address of SUMS, and is there a login page or a proxy in between?",
        status=status,
    )


def failure(request: Request, error: Exception, base_url: str, most_bytes: int) -> errors.SumsError:
    """Return the error for an exchange that brought no whole answer."""
    if isinstance(error, UnusableAnswer):
        return unreadable(request, error.status, _flaw(error, most_bytes))
    if isinstance(error, requests.exceptions.InvalidHeader):
        return unreadable(request, None, f"headers that contradict each other ({one_line(str(error), 200)})")
    host = urlsplit(base_url).netloc
    reason = root_cause(error)
    if isinstance(error, requests.exceptions.SSLError) and not is_disconnect(reason):
        return request.error(errors.TlsFailure, f"no secure connection to {host}: {describe_tls_error(reason)}.")
    if isinstance(error, requests.exceptions.ProxyError):
        return request.error(
            errors.Unreachable,
            f"the proxy of the environment does not lead to {host} ({describe_connection_error(reason)}); "
            "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.",
        )
    if isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(
        reason, urllib3.exceptions.ConnectTimeoutError
    ):
        return request.error(
            errors.Unreachable,
            f"SUMS at {host} cannot be reached ({describe_connection_error(reason)}); "
            "check hatci_base_url and the network.",
        )
    if isinstance(error, _UNUSABLE_ADDRESS):
        return _unusable_address(request, error, base_url)
    return request.error(
        errors.ReplyLost,
        f"SUMS at {host} took the connection but gave no whole answer ({describe_connection_error(reason)}).",
    )


def _flaw(error: UnusableAnswer, most_bytes: int) -> str:
    if isinstance(error, AnswerTooLong):
        return f"more than {most_bytes // MIB} MiB"
    if isinstance(error, AnswerTooSlow):
        return "no end of it in time"
    return "a compressed body that cannot be read, although none was asked for"


def _unusable_address(request: Request, error: Exception, base_url: str) -> errors.InputError:
    where = f"{request.method} {request.path}"
    if isinstance(error, requests.exceptions.InvalidProxyURL) or _can_be_parsed(base_url):
        return errors.InputError(
            f"{where}: the proxy of the environment is not a valid address; check HTTPS_PROXY and HTTP_PROXY."
        )
    return errors.InputError(f"{where}: hatci_base_url {base_url} cannot be used ({one_line(str(error))}); correct it.")


def _can_be_parsed(url: str) -> bool:
    try:
        host = urllib3.util.parse_url(url).host or ""
        host.strip("[]").encode("idna")
    except (urllib3.exceptions.LocationValueError, UnicodeError):
        return False
    return True


def _meaning(status: int, has_retry_after: bool) -> tuple[type[errors.RequestError], str]:
    if status in (401, 403):
        return errors.TokenRefused, "the token is wrong, expired or lacks the right: check hatci_token"
    if status == 404:
        return errors.NotFound, "SUMS does not know it: check the id and hatci_base_url"
    if status == 409:
        return errors.WrongState, "its state does not allow this"
    if status == 429 or (status == 503 and has_retry_after):
        return errors.Busy, "SUMS is busy and nothing was changed: try again later"
    if status < 400:
        return errors.Redirected, "set hatci_base_url to the final address, since the token is not sent elsewhere"
    if status < 500:
        return errors.Rejected, "correct the input"
    return errors.ServerFault, "SUMS has a fault: tell its operators if it stays"
