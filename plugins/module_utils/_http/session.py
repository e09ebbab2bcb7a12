# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way to HTTP: whose certificate is trusted, which token is sent, where to, and for how long."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._http.bounded import (
    BoundedAdapter,
    Bounds,
    UnusableAnswer,
    read_body,
)
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline

try:
    import requests
    import urllib3
    from requests.auth import AuthBase

    HAS_REQUESTS = True
    EXCHANGE_ERRORS: tuple[type[Exception], ...] = (
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        UnusableAnswer,
        OSError,
        ValueError,
    )
    """What :meth:`HttpSession.exchange` raises."""
    CONNECTION_ERRORS: tuple[type[Exception], ...] = (requests.ConnectionError, requests.Timeout)
    CERTIFICATE_ERRORS: tuple[type[Exception], ...] = (requests.exceptions.SSLError,)
    """Of connection errors those that do not pass by themselves."""
except ImportError:
    AuthBase = object  # type: ignore[assignment, misc]
    HAS_REQUESTS = False
    EXCHANGE_ERRORS = CONNECTION_ERRORS = CERTIFICATE_ERRORS = ()

USER_AGENT = "hatci.automation"
MIB = 1024 * 1024


class HttpSession:
    """A session with one server that gets a token.

    Nothing of the environment replaces what is given here: no entry in ``~/.netrc`` the token, no
    ``REQUESTS_CA_BUNDLE`` a CA file or the wish not to verify. Redirects are not followed.

    :param token: returns the token, for each request anew.
    :param verify: whether the server's certificate is verified.
    :param ca_path: PEM file with the authorities to trust; those of the environment or of requests if None.
    :param cert: client certificate, or that and its key.
    """

    def __init__(
        self,
        token: t.Callable[[], str],
        *,
        verify: bool = True,
        ca_path: str | None = None,
        cert: str | tuple[str, str] | None = None,
    ) -> None:
        self._bounds = Bounds()
        # Given with each request, since requests lets REQUESTS_CA_BUNDLE override a session's own setting.
        self._verify = (ca_path or True) if verify else False
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, BoundedAdapter(self._bounds))
        # Not even looked at: requests would read the redirect's whole body, however long.
        self._session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        self._session.auth = _BearerToken(token)
        self._session.cert = cert
        self._session.headers.update(
            {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        )
        if not verify:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def exchange(
        self, method: str, url: str, *, timeout: float, deadline: Deadline, most_bytes: int, **kwargs: t.Any
    ) -> tuple[requests.Response, bytes]:
        """Send a request once and return its response and body.

        :param timeout: seconds to connect, and without a byte of the answer.
        :param deadline: for the whole answer, however slowly it comes in.
        :param most_bytes: longest body.
        :raises EXCHANGE_ERRORS: there was no whole answer.
        """
        self._bounds.begin(deadline, most_bytes)
        with self._session.request(
            method, url, timeout=timeout, verify=self._verify, allow_redirects=False, stream=True, **kwargs
        ) as response:
            try:
                return response, read_body(response, most_bytes)
            except UnusableAnswer as error:
                error.status = response.status_code
                raise


class _BearerToken(AuthBase):
    """Sets the header itself, since requests would let an entry in ~/.netrc replace it."""

    def __init__(self, token: t.Callable[[], str]) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token()}"
        return request
