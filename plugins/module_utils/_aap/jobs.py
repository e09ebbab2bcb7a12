# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which jobs Ansible Automation Platform runs now."""

from __future__ import annotations

import os
import typing as t
from urllib.parse import urljoin, urlsplit

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._http.session import (
    EXCHANGE_ERRORS,
    HAS_REQUESTS,
    MIB,
    HttpSession,
)
from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline

HOST = "CONTROLLER_HOST"
TOKEN = "CONTROLLER_OAUTH_TOKEN"  # noqa: S105  # the name of a variable
VERIFY = "CONTROLLER_VERIFY_SSL"
ROOTS = ("/api/v2/", "/api/controller/v2/")
"""Where the API is: up to AAP 2.4, and behind the gateway of later ones."""

NOT_OVER = "new,pending,waiting,running"
TIMEOUT = 30.0
WHOLE_TIMEOUT = 180.0
"""Seconds for all pages together."""

MOST_BYTES = 16 * MIB
MOST_PAGES = 100


class AapError(Failure):
    """AAP cannot be asked, or its answer cannot be relied on."""


def can_ask() -> bool:
    """Whether the environment says where to ask."""
    return bool(os.environ.get(HOST) and os.environ.get(TOKEN))


def ask_running_jobs() -> set[str]:
    """Return the ids of all jobs that are not over.

    :raises AapError: the answer is not known for sure.
    """
    if not HAS_REQUESTS:
        raise AapError("The Python library requests is missing; install it where this task runs.")
    host = _host()
    token = os.environ[TOKEN].strip()
    aap = _Aap(HttpSession(lambda: token, verify=_wants_verification()), Deadline(WHOLE_TIMEOUT))
    try:
        return _running_jobs(aap, host)
    finally:
        aap.session.close()


def _running_jobs(aap: _Aap, host: str) -> set[str]:
    root = next((path for path in ROOTS if aap.get(urljoin(host, path)) is not None), None)
    if root is None:
        raise AapError(f"{HOST} names {host}, where there is no API of AAP; correct it.")
    url: str | None = urljoin(host, f"{root}unified_jobs/?status__in={NOT_OVER}&page_size=200")
    running = set()
    for _page in range(MOST_PAGES):
        answer = aap.get(url or "") or {}
        try:
            running |= _ids_of(answer["results"])
            url = None if answer["next"] is None else _on_same_server(host, answer["next"])
        except (KeyError, TypeError, ValueError):
            raise AapError(f"{host} answered without a list of jobs; no lease was released.") from None
        if not url:
            return running
    raise AapError(f"{host} lists jobs without end; no lease was released.")


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
        is_address = urlsplit(host).scheme in ("http", "https") and bool(urlsplit(host).hostname)
    except ValueError:
        is_address = False
    if not is_address:
        raise AapError(f"{HOST} is not a valid address of a server; give https://HOST.")
    return host


def _ids_of(jobs: t.Any) -> set[str]:
    """Return the ids of jobs; a job that is overlooked would lose its device.

    :raises ValueError: it is not a list of jobs.
    """
    if not isinstance(jobs, list):
        raise ValueError("not a list")
    ids = {str(job["id"]) for job in jobs}
    if not all(is_job_id(job) for job in ids):
        raise ValueError("not ids")
    return ids


def is_job_id(text: str) -> bool:
    """Whether text can be the id of a job of AAP."""
    return text.isascii() and text.isdecimal()


def _on_same_server(host: str, link: str) -> str:
    """Return the address that a link leads to; it gets the token, so it must be the same server's."""
    url = urljoin(host, link)
    if urlsplit(url)[:2] != urlsplit(host)[:2]:
        raise AapError(f"{host} answered with a link to another server; no lease was released.")
    return url


class _Aap:
    """One AAP, asked until a deadline."""

    def __init__(self, session: HttpSession, deadline: Deadline) -> None:
        self.session = session
        self._deadline = deadline

    def get(self, url: str) -> dict[str, t.Any] | None:
        """Return an answer; None if there is no such address."""
        try:
            response, body = self.session.exchange(
                "GET", url, timeout=TIMEOUT, deadline=self._deadline, most_bytes=MOST_BYTES
            )
            if response.status_code == 404:
                return None
            if response.status_code != 200:
                raise AapError(f"GET {url}: AAP answered {response.status_code}; check {TOKEN}. No lease was released.")
            answer = parse_json(body)
        except EXCHANGE_ERRORS as error:
            raise AapError(f"GET {url}: AAP gave no answer ({type(error).__name__}). No lease was released.") from None
        return answer if isinstance(answer, dict) else {}
