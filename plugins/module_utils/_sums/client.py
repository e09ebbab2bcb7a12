# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST client of SUMS: bounded in time, with errors that name their cause."""

from __future__ import annotations

import contextlib
import time
import typing as t
import uuid
from urllib.parse import quote, urlsplit

from ansible_collections.hatci.automation.plugins.module_utils._http.session import (
    EXCHANGE_ERRORS,
    HAS_REQUESTS,
    MIB,
    HttpSession,
)
from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json
from ansible_collections.hatci.automation.plugins.module_utils._sums import errors, refusals
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import (
    Connection,
    read_token_file,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.reply import Reply, Request
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import (
    Record,
    could_be_id,
    error_detail,
    find_id,
    hide,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.retry import is_repeatable, repeat
from ansible_collections.hatci.automation.plugins.module_utils._sums.urls import destination_of, resolve_page_url
from ansible_collections.hatci.automation.plugins.module_utils._text import one_line
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import require_owner

if t.TYPE_CHECKING:
    import requests

API = "/api/v1"
MAX_ANSWER = 4 * MIB
SHORTEST_TIMEOUT = 0.05


class SumsClient:
    """Talks to one SUMS.

    :param connection: where and how.
    :raises InputError: requests is not installed for this Python.
    """

    def __init__(self, connection: Connection) -> None:
        if not HAS_REQUESTS:
            raise errors.InputError("The Python library requests is missing; install it where this task runs.")
        self.connection = connection
        self.warnings: list[str] = []
        self._token = connection.token
        self._secrets = {connection.token}
        cert, key = connection.client_cert, connection.client_key
        self._session = HttpSession(
            lambda: self._token,
            verify=connection.verify_tls,
            ca_path=connection.ca_path,
            cert=(cert, key) if cert and key else cert,
        )
        if connection.is_unencrypted:
            self.warnings.append(
                f"{connection.base_url} is plain http: the SUMS token can be read on the network. Use https."
            )

    def __enter__(self) -> SumsClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._session.close()

    def get(self, *segments: str, within: float | None = None) -> Reply:
        """GET a path given by its unquoted segments.

        :param within: seconds for this one attempt, which is then not repeated; None for the usual rules.
        :raises RequestError: there was no usable answer.
        """
        return self._call("GET", segments, within=within)

    def get_page(self, collection: str, link: str = "") -> tuple[Reply, str | None]:
        """GET a page of a collection and return it with the next page's link from the Link header.

        :param link: where the page is, as SUMS gave it; the first one if empty.
        :raises Redirected: it is not in the API of this SUMS, so it must not see the token.
        """
        first = urlsplit(f"{self.connection.base_url}{API}/{collection}")
        target = resolve_page_url(first, link)
        path = f"{API}/{collection}" + (f"?{target.query}" if target and target.query else "")
        request = Request("GET", one_line(hide(path, self._secrets)))
        if target is None:
            raise request.error(
                errors.Redirected,
                f"SUMS pointed to {one_line(hide(link, self._secrets))[:200]!r} for the next page, "
                "which is outside its API; the token is not sent there.",
            )
        response, body = self._exchange(request, target.geturl(), None, {})
        return self._parse(response, body, request), response.links.get("next", {}).get("url")

    def post(self, *segments: str, body: Record, id_key: str | None = None) -> Reply:
        """POST an object; every repetition carries the same Idempotency-Key.

        :param id_key: the answer must have an id under this key, or under ``id``.
        """
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        try:
            reply = self._call("POST", segments, json=body, headers=headers)
            if find_id(reply.record, id_key or "id", "id") is None and id_key:
                raise reply.error(errors.UnreadableAnswer, f"SUMS answered without a usable {id_key} or id.")
            return reply
        except errors.RequestError as error:
            error.details["idempotency_key"] = headers["Idempotency-Key"]
            raise

    def patch(self, *segments: str, body: Record, within: float | None = None) -> Reply:
        """PATCH an object.

        :param within: seconds for this one attempt, which is then not repeated; None for the usual rules.
        """
        return self._call("PATCH", segments, within=within, json=body)

    def _call(self, method: str, segments: t.Sequence[str], within: float | None = None, **kwargs: t.Any) -> Reply:
        request = Request(method, API + "/" + "/".join(_quote_segment(segment) for segment in segments))
        response, body = self._exchange(request, self.connection.base_url + request.path, within, kwargs)
        return self._parse(response, body, request)

    def _exchange(
        self, request: Request, url: str, within: float | None, kwargs: dict[str, t.Any]
    ) -> tuple[requests.Response, bytes]:
        connection = self.connection
        twice_is_once = request.method == "GET" or (request.method == "POST" and connection.idempotent_posts)

        def attempt() -> tuple[requests.Response, bytes]:
            response, body = self._send(request, url, within, kwargs)
            if response.status_code == 401 and self._reread_token():
                response, body = self._send(request, url, within, kwargs)
            if response.status_code >= 300:
                raise self._refusal(response, body, request)
            return response, body

        return repeat(
            attempt,
            connection.retry_timeout if within is None else 0,
            lambda error: is_repeatable(error, twice_is_once),
        )

    def _send(
        self, request: Request, url: str, within: float | None, kwargs: dict[str, t.Any]
    ) -> tuple[requests.Response, bytes]:
        timeout, whole = self.connection.timeout, 2 * self.connection.timeout
        if within is not None:
            whole = min(whole, max(SHORTEST_TIMEOUT, within))
            timeout = min(timeout, whole)
        require_owner()
        try:
            return self._session.exchange(
                request.method,
                url,
                timeout=timeout,
                deadline=Deadline(whole, time.monotonic),
                most_bytes=MAX_ANSWER,
                **kwargs,
            )
        except EXCHANGE_ERRORS as error:
            raise refusals.failure(request, error, self.connection.base_url, MAX_ANSWER) from None

    def _reread_token(self) -> bool:
        if not self.connection.token_file:
            return False
        before = self._token
        with contextlib.suppress(errors.InputError):
            self._token = read_token_file(self.connection.token_file)
        self._secrets.add(self._token)
        return self._token != before

    def _parse(self, response: requests.Response, body: bytes, request: Request) -> Reply:
        try:
            return Reply(request, hide(parse_json(body), self._secrets))
        except ValueError:
            got = self._words_of(response, body) or "nothing"
            raise refusals.unreadable(request, response.status_code, f"no JSON but {got}") from None

    def _refusal(self, response: requests.Response, body: bytes, request: Request) -> errors.RequestError:
        if response.status_code < 400:
            words = hide(destination_of(response.url, response.headers.get("Location", "")), self._secrets)
        else:
            words = self._words_of(response, body)
        return refusals.refusal(request, response.status_code, words, response.headers.get("Retry-After", ""))

    def _words_of(self, response: requests.Response, body: bytes) -> str:
        return error_detail(body, response.headers.get("Content-Type", ""), self._secrets)


def _quote_segment(segment: str) -> str:
    if not could_be_id(segment):
        raise errors.InputError(f"{segment[:40]!r} is not a valid id of SUMS; check where it comes from.")
    try:
        return quote(segment, safe="")
    except UnicodeEncodeError:
        raise errors.InputError("an id holds broken Unicode; check where it comes from.") from None
