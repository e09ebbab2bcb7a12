# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API of Ansible Automation Platform: where it is, one answer, all pages of a list, and what the token may see."""

from __future__ import annotations

import contextlib
import itertools
import os
import typing as t
from urllib.parse import urljoin, urlsplit

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._http.retry_after import parse_retry_after
from ansible_collections.hatci.automation.plugins.module_utils._http.session import (
    CERTIFICATE_ERRORS,
    CONNECTION_ERRORS,
    EXCHANGE_ERRORS,
    HAS_REQUESTS,
    MIB,
    HttpSession,
)
from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline, backoff
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import rest

HOST = "CONTROLLER_HOST"
TOKEN = "CONTROLLER_OAUTH_TOKEN"  # noqa: S105  # the name of a variable
VERIFY = "CONTROLLER_VERIFY_SSL"
ROOTS = ("/api/v2/", "/api/controller/v2/")
"""Where the API is: up to AAP 2.4, and behind the gateway of later ones."""

TIMEOUT = 30.0
MOST_BYTES = 16 * MIB
MOST_PAGES = 100
BAD_FILTER = 400
BUSY = (429, 502, 503, 504)
"""What AAP, or the proxy before it, answers while it restarts or has too much to do."""

RETRY_SECONDS = 120.0
"""For so long a request that found AAP busy or away is sent again, and longer where AAP asks for that."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0


class AapError(Failure):
    """AAP cannot be asked, or its answer cannot be relied on."""


class RequestFailed(AapError):
    """AAP gave no answer to a request, or one that brings nothing.

    :param method: HTTP method.
    :param path: path below the server's address, with its query.
    :param status: HTTP status, or None without an answer.
    :param passes: the same request may be answered soon.
    :param pause: seconds for which AAP wants to be left alone; None if it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str,
        path: str,
        status: int | None = None,
        passes: bool = False,
        pause: float | None = None,
    ) -> None:
        super().__init__(message, method=method, path=path, status=status)
        self.passes = passes
        self.pause = pause


class Forbidden(RequestFailed):
    """403: the token may not see this one."""


def can_ask() -> bool:
    """Whether the environment says where to ask."""
    return bool(os.environ.get(HOST) and os.environ.get(TOKEN))


class Aap:
    """One AAP, asked until a deadline.

    :param seconds: for all that is asked.
    :param consequence: a sentence that ends each message: what was not done.
    :param retry_timeout: seconds for which a request is sent again while AAP is busy; RETRY_SECONDS if left out.
    :raises AapError: the environment does not say where AAP is, or requests is missing.
    """

    def __init__(self, seconds: float, consequence: str, retry_timeout: float | None = None) -> None:
        if not HAS_REQUESTS:
            raise AapError("The Python library requests is missing; install it where this task runs.")
        self.consequence = consequence
        self.host = _host()
        token = os.environ[TOKEN].strip()
        self._session = HttpSession(lambda: token, verify=_wants_verification())
        self._deadline = Deadline(seconds)
        self._retry_timeout = RETRY_SECONDS if retry_timeout is None else retry_timeout
        self._is_given_up = False
        self._root = ""

    def __enter__(self) -> Aap:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._session.close()

    @property
    def root(self) -> str:
        """The address of the API.

        :raises AapError: there is none.
        """
        if not self._root:
            found = next((path for path in ROOTS if self._probe(path)), None)
            if found is None:
                raise AapError(f"{HOST} names {self.host}, where there is no API of AAP; correct it.")
            self._root = urljoin(self.host, found)
        return self._root

    @contextlib.contextmanager
    def beside(self, seconds: float, consequence: str) -> t.Iterator[None]:
        """Ask with time of its own, and with another sentence for what was not done."""
        usual = self._deadline, self.consequence
        self._deadline, self.consequence = Deadline(seconds), consequence
        try:
            yield
        finally:
            self._deadline, self.consequence = usual

    def _probe(self, path: str) -> bool:
        """Whether there is an API at a path; AAP may not be there at all, so whoever says no is believed."""
        return self._ask(urljoin(self.host, path), lambda _body: True) is not None

    def get(self, url: str) -> dict[str, t.Any] | None:
        """Return an answer; None if AAP has no such record.

        :raises Forbidden: the token may not see it.
        :raises RequestFailed: there was no answer that could be read.
        """
        return self._ask(url, _is_from_aap)

    def _ask(self, url: str, is_believed: t.Callable[[bytes], bool]) -> dict[str, t.Any] | None:
        """Return an answer, once AAP is not busy any more; None if there is none.

        Where AAP was busy or away for too long, later requests are sent once, until one is answered.

        :param is_believed: whether the body of a 404 says that there is none.
        """
        repeating = Deadline(0.0 if self._is_given_up else self._retry_timeout)
        for tries in itertools.count(1):
            try:
                answer = self._ask_once(url, is_believed)
            except RequestFailed as error:
                pause = backoff(tries, FIRST_PAUSE, LONGEST_PAUSE) if error.pause is None else error.pause
                has_time = repeating.allows(pause if error.pause is None else 0.0) and self._deadline.allows(pause)
                if not error.passes or not has_time:
                    self._is_given_up |= error.passes
                    raise
                rest(pause)
            else:
                self._is_given_up = False
                return answer
        raise AssertionError("itertools.count has no end")

    def _ask_once(self, url: str, is_believed: t.Callable[[bytes], bool]) -> dict[str, t.Any] | None:
        try:
            response, body = self._session.exchange(
                "GET", url, timeout=TIMEOUT, deadline=self._deadline, most_bytes=MOST_BYTES
            )
            status = response.status_code
            if status == 404 and is_believed(body):
                return None
            if status != 200:
                message = f"GET {url}: AAP answered {status}; {_advice(status)}. {self.consequence}"
                kind = Forbidden if status == 403 else RequestFailed
                passes = status in (404, *BUSY)
                pause = parse_retry_after(response.headers.get("Retry-After", ""))
                raise kind(message, method="GET", path=_path_of(url), status=status, passes=passes, pause=pause)
            answer = parse_json(body)
        except EXCHANGE_ERRORS as error:
            message = f"GET {url}: AAP gave no answer ({type(error).__name__}). {self.consequence}"
            is_lost = isinstance(error, CONNECTION_ERRORS) and not isinstance(error, CERTIFICATE_ERRORS)
            passes = is_lost and bool(self._root)  # else the address may be wrong
            raise RequestFailed(message, method="GET", path=_path_of(url), passes=passes) from None
        return answer if isinstance(answer, dict) else {}

    def pages(
        self, path: str, what: str, *, may_be_missing: bool = False, most: int = MOST_PAGES
    ) -> t.Iterator[list[t.Any]]:
        """Yield the records of each page of a list.

        :param path: below the root, with its filters.
        :param what: the records in words, for messages.
        :param may_be_missing: a list that is not there has no pages.
        :param most: a list of more pages counts as one without end.
        :raises AapError: a page cannot be read, leads to another server, or there is no end of them.
        """
        url: str | None = self.root + path
        for _page in range(most):
            answer = self.get(url or "")
            if answer is None and may_be_missing and url == self.root + path:
                return
            page, url = self._page_of(answer, what)
            yield page
            if not url:
                return
        raise AapError(f"{self.host} lists {what} without end; {self._end}")

    def whole_list(self, path: str, what: str) -> list[t.Any]:
        """Return the records of a list, also where some leave it while it is read.

        Pages have numbers, so where a record leaves, another one slips to a page that was read already. So all after
        the first are asked for by the ids of their records, which only grow.

        :param path: below the root, with its filters.
        :param what: the records in words, for messages.
        :raises AapError: a page cannot be read, leads to another server, or there is no end of them.
        """
        page, following = self._page_of(self.get(self.root + path), what)
        if not following:
            return page
        records = self._list_by_ids(path, what)
        return [one for page in self.pages(path, what) for one in page] if records is None else records

    def _list_by_ids(self, path: str, what: str) -> list[t.Any] | None:
        """Return the records of a list, asked for by their ids; None if AAP does not know how."""
        records: list[t.Any] = []
        last = 0
        for _page in range(MOST_PAGES):
            try:
                answer = self.get(f"{self.root}{path}&order_by=id&id__gt={last}")
            except RequestFailed as error:
                if error.details.get("status") == BAD_FILTER:
                    return None
                raise
            page, following = self._page_of(answer, what)
            ids = [one.get("id") if isinstance(one, dict) else None for one in page]
            if ids != sorted(one for one in ids if isinstance(one, int) and one > last):
                return None
            records += page
            if not following or not page:
                return records
            last = ids[-1]
        raise AapError(f"{self.host} lists {what} without end; {self._end}")

    def _page_of(self, answer: dict[str, t.Any] | None, what: str) -> tuple[list[t.Any], str | None]:
        """Return the records of a page and the address of the next one, None after the last.

        :raises AapError: it cannot be read, or the next one is on another server.
        """
        try:
            page = (answer or {})["results"]
            if not isinstance(page, list):
                raise ValueError("not a list")
            following = (answer or {})["next"]
            return page, None if following is None else self._on_same_server(following)
        except (KeyError, TypeError, ValueError):
            raise AapError(f"{self.host} answered without a list of {what}; {self._end}") from None

    def sees_everything(self) -> bool | None:
        """Whether the token's user sees every job; None if AAP does not tell."""
        users = (self.get(f"{self.root}me/") or {}).get("results")
        user = users[0] if isinstance(users, list) and users and isinstance(users[0], dict) else {}
        said = [user.get("is_superuser"), user.get("is_system_auditor")]
        return any(word is True for word in said) if any(isinstance(word, bool) for word in said) else None

    def refuse_weak_token(self, sees_everything: bool | None = False) -> AapError:
        """Return the error for a token that does not see every job, or of which AAP does not tell (None)."""
        if sees_everything is None:
            return AapError(
                f"{self.host} does not tell what the user of {TOKEN} may see ({self.root}me/ names no rights), so jobs "
                f"may be hidden; check that {HOST} is the address of AAP itself and that it lets me/ through. "
                f"{self.consequence}"
            )
        return AapError(
            f"The user of {TOKEN} is neither a system auditor nor an administrator of {self.host}, so AAP does not "
            f"show every job; give the token of a system auditor. {self.consequence}"
        )

    @property
    def _end(self) -> str:
        return self.consequence[:1].lower() + self.consequence[1:]

    def _on_same_server(self, link: str) -> str:
        """Return the address that a link leads to; it gets the token, so it must be the same server's."""
        url = urljoin(self.host, link)
        if urlsplit(url)[:2] != urlsplit(self.host)[:2]:
            raise AapError(f"{self.host} answered with a link to another server; {self._end}")
        return url


def _is_from_aap(body: bytes) -> bool:
    """Whether a 404 is what AAP says of a record that it does not have, and not a page of a server before it."""
    try:
        said = parse_json(body)
    except ValueError:
        return False
    return isinstance(said, dict) and "detail" in said


def _advice(status: int) -> str:
    """Return what to do about an answer that is neither 200 nor 404."""
    if status == 401:
        return f"check {TOKEN}"
    if status == 403:
        return f"the user of {TOKEN} may not see this; give the token of a system auditor"
    if status == 404:
        return "that is not how AAP says that it has no such record, so it may be starting; run this again later"
    if status == 429 or status >= 500:
        return "it is busy or has failed, so run this again later"
    return f"check that {HOST} is the address of AAP itself"


def _path_of(url: str) -> str:
    address = urlsplit(url)
    return f"{address.path}?{address.query}" if address.query else address.path


def _wants_verification() -> bool:
    """Whether AAP's certificate is verified: unless the environment says clearly that it is not."""
    return os.environ.get(VERIFY, "true").strip().lower() not in ("0", "false", "no", "off")


def _host() -> str:
    """Return the address of AAP.

    :raises AapError: the environment has none that can be used.
    """
    host = os.environ[HOST].strip()
    host = host if "://" in host else f"https://{host}"
    try:
        address = urlsplit(host)
        is_address = address.scheme in ("http", "https") and bool(address.hostname) and "@" not in address.netloc
    except ValueError:
        is_address = False
    if not is_address:
        raise AapError(f"{HOST} is not a valid address of a server; give https://HOST.")
    return host
