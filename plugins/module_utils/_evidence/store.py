# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where evidence is published: a directory, S3 or WebDAV, named by a URL and reached through OpenDAL."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import typing as t
import urllib.parse

from ansible_collections.hatci.automation.plugins.module_utils._evidence.errors import EvidenceError, StoreAway
from ansible_collections.hatci.automation.plugins.module_utils._http.loopback import is_loopback

EXAMPLES = "fs:///srv/evidence, s3://bucket/prefix or webdav://host/path"
AT_ONCE = 8
ANSWER_SECONDS = 2.0
"""A store that has not taken the smallest file by then is away."""
NEEDS_PROPFIND = (
    "HTTP status 405; a WebDAV server must know PROPFIND, for which nginx needs its module ngx_http_dav_ext_module"
)
STATUS = re.compile(r"status: (\d{3})")


@dataclasses.dataclass(frozen=True)
class Store:
    """A store.

    :param url: as it was given; no secret stands in it.
    :param scheme: of OpenDAL.
    :param options: for OpenDAL, credentials included.
    :param base: begins the URL by which a published file is found.
    """

    url: str
    scheme: str
    options: dict[str, str] = dataclasses.field(repr=False)
    base: str

    def url_of(self, name: str) -> str:
        """Return the URL of a published file."""
        return f"{self.base.rstrip('/')}/{urllib.parse.quote(name)}"


def parse_store(url: str, environment: t.Mapping[str, str] | None = None) -> Store:
    """Return the store of a URL, with the credentials that the environment holds.

    :param environment: default is that of this process.
    :raises EvidenceError: the URL does not name one.
    """
    environment = os.environ if environment is None else environment
    try:
        parts = urllib.parse.urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise _refusal("that is not a URL") from None
    if parts.username is not None or parts.password is not None:
        raise _refusal("credentials must not stand in it; the environment holds them")
    if parts.query or parts.fragment:
        raise _refusal("nothing may follow its path")
    path = urllib.parse.unquote(parts.path) or "/"
    shown = urllib.parse.quote(path)
    match parts.scheme:
        case "fs" if not parts.netloc and path != "/":
            return Store(url, "fs", {"root": path}, f"file://{shown}")
        case "s3" if parts.netloc and port is None:
            return Store(url, "s3", _s3_options(parts.netloc, path, environment), f"s3://{parts.netloc}{shown}")
        case "webdav" | "webdav+http" if parts.hostname:
            is_plain = parts.scheme == "webdav+http" or is_loopback(parts.hostname)
            endpoint = f"{'http' if is_plain else 'https'}://{parts.netloc}"
            options = {"endpoint": endpoint, "root": path}
            for name in ("username", "password", "token"):
                if value := environment.get(f"WEBDAV_{name.upper()}"):
                    options[name] = value
            return Store(url, "webdav", options, f"{endpoint}{shown}")
    raise _refusal("it does not name a store")


def write_files(store: Store, files: t.Sequence[tuple[str, bytes]], seconds: float) -> None:
    """Write files to a store, at least one, the last one when all others are there.

    :param files: name in the store and content of each.
    :param seconds: that this may take in all; the store must have taken one of them within ANSWER_SECONDS.
    :raises StoreAway: they could not all be written.
    :raises EvidenceError: this Python cannot reach stores.
    """
    try:
        import opendal
    except ImportError:
        raise EvidenceError(
            "opendal is not in the Python that runs ansible-playbook, and a store needs it; it comes with "
            "jumpstarter-driver-opendal."
        ) from None

    async def write_all() -> None:
        operator = opendal.AsyncOperator(store.scheme, **store.options)
        slots = asyncio.Semaphore(AT_ONCE)

        async def write(name: str, content: bytes) -> None:
            async with slots:
                await operator.write(name, content)

        # The first makes the directories, which several at once would do in each other's way.
        *others, last = files
        smallest, *others = [*sorted(others, key=lambda file: len(file[1])), last][: max(1, len(others))]
        await in_time(write(*smallest), min(seconds, ANSWER_SECONDS))
        await asyncio.gather(*(write(name, content) for name, content in others))
        if smallest is not last:
            await write(*last)

    async def in_time(writing: t.Coroutine[t.Any, t.Any, None], limit: float) -> None:
        try:
            await asyncio.wait_for(writing, limit)
        except TimeoutError:
            raise StoreAway(f"{store.url} did not take it within {limit:.2g} s") from None

    try:
        asyncio.run(in_time(write_all(), seconds))
    except opendal.exceptions.Error as error:
        raise StoreAway(f"{store.url} did not take it ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    """Return in words why a store did not take a file; its own words may hold what must not be shown."""
    told = str(error)
    status = STATUS.search(told)
    if status:
        return NEEDS_PROPFIND if status[1] == "405" else f"HTTP status {status[1]}"
    if "send http request" in told or "error sending request" in told:
        return "it cannot be reached"
    kind = re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__).lower()
    return "it cannot be used" if kind in ("error", "unexpected") else kind


def _s3_options(bucket: str, path: str, environment: t.Mapping[str, str]) -> dict[str, str]:
    names = {
        "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
        "endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
        "access_key_id": ("AWS_ACCESS_KEY_ID",),
        "secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
        "session_token": ("AWS_SESSION_TOKEN",),
    }
    found = {option: next((environment[n] for n in given if environment.get(n)), "") for option, given in names.items()}
    options = {"bucket": bucket, "root": path, **{option: value for option, value in found.items() if value}}
    return {"region": "us-east-1", **options}


def _refusal(reason: str) -> EvidenceError:
    return EvidenceError(f"The URL of the evidence store cannot be used: {reason}; give one such as {EXAMPLES}.")
