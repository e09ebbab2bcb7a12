# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST client of SUMS: one session, bounded in time, with errors that name their cause."""

from __future__ import annotations

import contextlib
import itertools
import time
import typing as t
import uuid
from urllib.parse import quote, urlsplit

from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json
from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.network_errors import (
    describe_connection_error,
    describe_tls_error,
    is_disconnect,
    root_cause,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import (
    Connection,
    read_token_file,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import (
    Record,
    could_be_id,
    error_detail,
    find_id,
    hide,
    one_line,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.retry import SumsRetry, pause_before
from ansible_collections.hatci.automation.plugins.module_utils._sums.urls import destination_of, resolve_page_url

try:
    import requests
    import urllib3
    from requests.auth import AuthBase

    HAS_REQUESTS = True
    _UNUSABLE_ADDRESS: tuple[type[Exception], ...] = (
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        requests.exceptions.InvalidHeader,
        urllib3.exceptions.LocationValueError,
        UnicodeError,
    )
except ImportError:
    AuthBase = object  # type: ignore[assignment, misc]
    HAS_REQUESTS = False

API = "/api/v1"
USER_AGENT = "hatci.automation"
MAX_ANSWER = 4 * 1024 * 1024


class SumsClient:
    """Talks to one SUMS.

    :param connection: where and how.
    :param clock: seconds, never going backwards.
    :raises InputError: requests is not installed for this Python.
    """

    def __init__(self, connection: Connection, clock: t.Callable[[], float] = time.monotonic) -> None:
        if not HAS_REQUESTS:
            raise errors.InputError("The Python library requests is missing; install it where this task runs.")
        self.connection = connection
        self.warnings: list[str] = []
        self._clock = clock
        self._token = connection.token
        self._secrets = {connection.token}
        self._session = requests.Session()
        # Not even looked at: requests would read the redirect's whole body, however long.
        self._session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        self._session.auth = _BearerToken(lambda: self._token)
        self._session.headers.update({"Accept": "application/json", "User-Agent": USER_AGENT})
        if connection.client_cert:
            self._session.cert = (
                (connection.client_cert, connection.client_key) if connection.client_key else connection.client_cert
            )
        if connection.is_unencrypted:
            self.warnings.append(
                f"{connection.base_url} is plain http: the SUMS token can be read on the network. Use https."
            )
        if not connection.verify_tls:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def __enter__(self) -> SumsClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._session.close()

    def get(self, *segments: str, within: float | None = None, **query: str) -> t.Any:
        """GET a path given by its unquoted segments.

        :param within: seconds for this one attempt, which is then not repeated; None for the usual rules.
        :raises RequestError: there was no usable answer.
        """
        return self._call("GET", segments, within=within, params=query or None)

    def get_record(self, *segments: str, within: float | None = None) -> Record:
        """GET a path whose answer must be an object."""
        return self._must_be_record(self.get(*segments, within=within), "GET", segments)

    def get_page(self, collection: str, link: str = "") -> tuple[t.Any, str | None]:
        """GET a page of a collection and return it with the next page's link from the Link header.

        :param link: where the page is, as SUMS gave it; the first one if empty.
        :raises Redirected: it is not in the API of this SUMS, so it must not see the token.
        """
        first = urlsplit(f"{self.connection.base_url}{API}/{collection}")
        target = resolve_page_url(first, link)
        path = f"{API}/{collection}" + (f"?{target.query}" if target and target.query else "")
        if target is None:
            raise errors.Redirected(
                f"GET {path}: SUMS pointed to {one_line(hide(link, self._secrets))[:200]!r} for the next page, "
                "which is outside its API; the token is not sent there.",
                method="GET",
                path=path,
            )
        path = one_line(hide(path, self._secrets))
        response, body = self._attempt("GET", target.geturl(), path, None, {})
        following = response.links.get("next", {}).get("url")
        return self._parse(response, body, "GET", path), following

    def post(self, *segments: str, body: Record, id_key: str | None = None) -> Record:
        """POST an object; every repetition carries the same Idempotency-Key.

        :param id_key: the answer must have an id under this key, or under ``id``.
        """
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        try:
            record = self._must_be_record(self._call("POST", segments, json=body, headers=headers), "POST", segments)
            if id_key and find_id(record, id_key, "id") is None:
                path = API + "/" + "/".join(segments)
                raise errors.UnreadableAnswer(
                    f"POST {path}: SUMS answered without a usable {id_key} or id.", method="POST", path=path
                )
            return record
        except errors.RequestError as error:
            error.details["idempotency_key"] = headers["Idempotency-Key"]
            raise

    def patch(self, *segments: str, body: Record) -> Record:
        """PATCH an object."""
        return self._must_be_record(self._call("PATCH", segments, json=body), "PATCH", segments)

    def _call(self, method: str, segments: t.Sequence[str], within: float | None = None, **kwargs: t.Any) -> t.Any:
        path = API + "/" + "/".join(_quote_segment(segment) for segment in segments)
        response, body = self._attempt(method, self.connection.base_url + path, path, within, kwargs)
        return self._parse(response, body, method, path)

    def _attempt(
        self, method: str, url: str, path: str, within: float | None, kwargs: dict[str, t.Any]
    ) -> tuple[requests.Response, bytes]:
        response, body = self._send(method, url, path, within, kwargs)
        if response.status_code == 401 and self._reread_token():
            response, body = self._send(method, url, path, within, kwargs)
        if response.status_code >= 300:
            raise self._refusal(response, body, method, path)
        return response, body

    def _send(
        self, method: str, url: str, path: str, within: float | None, kwargs: dict[str, t.Any]
    ) -> tuple[requests.Response, bytes]:
        connection = self.connection
        retry_until = self._clock() + (connection.retry_timeout if within is None else 0)
        retryable_methods = frozenset({"GET", "POST"} if connection.idempotent_posts else {"GET"})
        timeout = connection.timeout if within is None else max(0.05, min(connection.timeout, within))
        self._session.get_adapter(url).max_retries = SumsRetry.until(retry_until, retryable_methods)  # type: ignore[attr-defined]
        # Given per request, since requests lets REQUESTS_CA_BUNDLE override a session's own setting.
        verify = (connection.ca_path or True) if connection.verify_tls else False
        read_until = None if within is None else self._clock() + within
        for tries in itertools.count(1):
            begun = False
            try:
                with self._session.request(
                    method, url, timeout=timeout, verify=verify, allow_redirects=False, stream=True, **kwargs
                ) as response:
                    begun = True
                    return response, self._read_body(response, method, path, read_until or self._clock() + 2 * timeout)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                # urllib3 repeats until an answer begins; one that then breaks off is repeated here.
                if not begun or method not in retryable_methods or not pause_before(retry_until, tries):
                    raise self._failure(error, method, path) from None
        raise AssertionError("itertools.count has no end")

    def _read_body(self, response: requests.Response, method: str, path: str, deadline: float) -> bytes:
        body = bytearray()
        for chunk in _chunks(response):
            body += chunk
            if len(body) > MAX_ANSWER:
                raise self._unreadable(f"more than {MAX_ANSWER // 1048576} MiB", response, method, path)
            if self._clock() > deadline:
                raise self._unreadable("no end of it in time", response, method, path)
        return bytes(body)

    def _reread_token(self) -> bool:
        if not self.connection.token_file:
            return False
        before = self._token
        with contextlib.suppress(errors.InputError):
            self._token = read_token_file(self.connection.token_file)
        self._secrets.add(self._token)
        return self._token != before

    def _parse(self, response: requests.Response, body: bytes, method: str, path: str) -> t.Any:
        try:
            return hide(parse_json(body), self._secrets)
        except ValueError:
            got = self._words_of(response, body)
            raise self._unreadable(f"no JSON but {got or 'nothing'}", response, method, path) from None

    def _must_be_record(self, answer: t.Any, method: str, segments: t.Sequence[str]) -> Record:
        if isinstance(answer, dict):
            return answer
        path = API + "/" + "/".join(_quote_segment(segment) for segment in segments)
        raise errors.UnreadableAnswer(
            f"{method} {path}: SUMS answered with {type(answer).__name__} where an object must be; "
            "is hatci_base_url the address of SUMS?",
            method=method,
            path=path,
        )

    def _unreadable(self, got: str, response: requests.Response, method: str, path: str) -> errors.UnreadableAnswer:
        return errors.UnreadableAnswer(
            f"{method} {path}: SUMS answered {response.status_code} with {got}; "
            "is hatci_base_url the address of SUMS, and is there a login page or a proxy in between?",
            method=method,
            path=path,
            status=response.status_code,
        )

    def _refusal(self, response: requests.Response, body: bytes, method: str, path: str) -> errors.RequestError:
        status = response.status_code
        words = self._words_of(response, body)
        kind, advice = _meaning(status, bool(response.headers.get("Retry-After")))
        if kind is errors.Redirected:
            words = hide(destination_of(response.url, response.headers.get("Location", "")), self._secrets)
        said = f" ({words})" if words else ""
        refusal = kind(
            f"{method} {path}: SUMS answered {status}{said}; {advice}.", method=method, path=path, status=status
        )
        retry_after = SumsRetry().get_retry_after(response)
        if retry_after is not None:
            refusal.details["retry_after"] = retry_after
        return refusal

    def _failure(self, error: Exception, method: str, path: str) -> errors.SumsError:
        host = urlsplit(self.connection.base_url).netloc
        reason = root_cause(error)
        where: dict[str, t.Any] = {"method": method, "path": path}
        if isinstance(error, requests.exceptions.SSLError) and not is_disconnect(reason):
            return errors.TlsFailure(
                f"{method} {path}: no secure connection to {host}: {describe_tls_error(reason)}.", **where
            )
        if isinstance(error, requests.exceptions.ProxyError):
            return errors.Unreachable(
                f"{method} {path}: the proxy of the environment does not lead to {host} "
                f"({describe_connection_error(reason)}); check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.",
                **where,
            )
        if isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(
            reason, urllib3.exceptions.ConnectTimeoutError
        ):
            return errors.Unreachable(
                f"{method} {path}: SUMS at {host} cannot be reached ({describe_connection_error(reason)}); "
                "check hatci_base_url and the network.",
                **where,
            )
        if isinstance(error, _UNUSABLE_ADDRESS):
            if isinstance(error, requests.exceptions.InvalidProxyURL) or _can_be_parsed(self.connection.base_url):
                return errors.InputError(
                    f"{method} {path}: the proxy of the environment is no address; check HTTPS_PROXY and HTTP_PROXY."
                )
            return errors.InputError(
                f"{method} {path}: hatci_base_url {self.connection.base_url} cannot be used "
                f"({one_line(str(error))}); correct it."
            )
        return errors.ReplyLost(
            f"{method} {path}: SUMS at {host} took the connection but gave no whole answer "
            f"({describe_connection_error(reason)}).",
            **where,
        )

    def _words_of(self, response: requests.Response, body: bytes) -> str:
        return error_detail(body, response.headers.get("Content-Type", ""), self._secrets)


def _can_be_parsed(url: str) -> bool:
    try:
        host = urllib3.util.parse_url(url).host or ""
        host.strip("[]").encode("idna")
    except (urllib3.exceptions.LocationValueError, UnicodeError):
        return False
    return True


def _chunks(response: requests.Response) -> t.Iterator[bytes]:
    """Yield a body as it arrives, so that one which trickles in can be given up between two pieces."""
    read1 = getattr(response.raw, "read1", None)
    if read1 is None:  # urllib3 before 2.1
        yield from response.iter_content(4096)
        return
    while chunk := read1(65536, decode_content=True):
        yield chunk


class _BearerToken(AuthBase):
    """Sets the header itself, since requests would let an entry in ~/.netrc replace it."""

    def __init__(self, token: t.Callable[[], str]) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token()}"
        return request


def _quote_segment(segment: str) -> str:
    if not could_be_id(segment):
        raise errors.InputError(f"{segment[:40]!r} is no id that SUMS could have given; check where it comes from.")
    try:
        return quote(segment, safe="")
    except UnicodeEncodeError:
        raise errors.InputError("an id holds broken Unicode; check where it comes from.") from None


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
