# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a task says which SUMS it means, and the checks on it."""

from __future__ import annotations

import dataclasses
import os
import typing as t
from urllib.parse import urlsplit

from ansible.module_utils.basic import env_fallback

from ansible_collections.hatci.automation.plugins.module_utils._http.loopback import is_loopback
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import InputError

READING_ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "hatci_base_url": {"type": "str", "required": True, "fallback": (env_fallback, ["HATCI_BASE_URL"])},
    "hatci_token": {"type": "str", "no_log": True, "fallback": (env_fallback, ["HATCI_TOKEN"])},
    "hatci_token_file": {"type": "path", "no_log": False, "fallback": (env_fallback, ["HATCI_TOKEN_FILE"])},
    "verify_tls": {"type": "bool", "default": True, "fallback": (env_fallback, ["HATCI_VERIFY_TLS"])},
    "ca_path": {"type": "path", "fallback": (env_fallback, ["HATCI_CA_PATH"])},
    "client_cert": {"type": "path", "fallback": (env_fallback, ["HATCI_CLIENT_CERT"])},
    "client_key": {"type": "path", "no_log": False, "fallback": (env_fallback, ["HATCI_CLIENT_KEY"])},
    "timeout": {"type": "float", "default": 30.0},
    "retry_timeout": {"type": "float", "default": 60.0},
}
CONNECTION_ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **READING_ARGUMENTS,
    "idempotent_posts": {"type": "bool", "default": False, "fallback": (env_fallback, ["HATCI_IDEMPOTENT_POSTS"])},
}


def sums_arguments(spec: dict[str, dict[str, t.Any]], *required_one_of: tuple[str, ...]) -> dict[str, t.Any]:
    """Return the arguments of a module that talks to SUMS, the connection's included.

    :param spec: the module's own options.
    :param required_one_of: further options of which one must be given.
    """
    return {
        "argument_spec": {**CONNECTION_ARGUMENTS, **spec},
        "required_one_of": [("hatci_token", "hatci_token_file"), *required_one_of],
        "supports_check_mode": True,
    }


@dataclasses.dataclass(frozen=True)
class Connection:
    """Where SUMS is and how to talk to it.

    :param base_url: scheme, host and optional path, without a trailing slash.
    :param token_file: read again when SUMS refuses the token it held before.
    :param idempotent_posts: this SUMS makes no second record of a POST with the same Idempotency-Key.
    :param timeout: seconds to wait for a connection, and for each part of an answer.
    :param retry_timeout: seconds after which no attempt of a call begins.
    """

    base_url: str
    token: str = dataclasses.field(repr=False)
    token_file: str | None = None
    verify_tls: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    idempotent_posts: bool = False
    timeout: float = 30.0
    retry_timeout: float = 60.0

    @classmethod
    def from_options(cls, options: t.Mapping[str, t.Any]) -> Connection:
        """Build a connection from a task's options.

        :raises InputError: an option is missing or malformed.
        """
        for name in ("timeout", "retry_timeout"):
            if not 0 <= options[name] <= 86400 or (name == "timeout" and not options[name]):
                raise InputError(f"{name} is {options[name]}; give seconds, more than 0 and at most 86400.")
        for name in ("ca_path", "client_cert", "client_key"):
            if options[name] and not os.path.isfile(options[name]):
                raise InputError(f"{name} is {options[name]}, but there is no such file; give the path of a PEM file.")
        if options["client_key"] and not options["client_cert"]:
            raise InputError("client_key is given without client_cert; give both, or a client_cert that holds both.")
        for name in ("client_cert", "client_key"):
            if options[name] and _is_locked(options[name]):
                raise InputError(
                    f"{name} {options[name]} holds a key with a passphrase, which nobody could type here; "
                    "give client_cert and client_key without one."
                )
        token_file = options["hatci_token_file"]
        return cls(
            base_url=check_base_url(options["hatci_base_url"] or ""),
            token=read_token_file(token_file) if token_file else check_token(options["hatci_token"], "hatci_token"),
            token_file=token_file,
            idempotent_posts=bool(options.get("idempotent_posts")),
            **{
                name: options[name]
                for name in ("verify_tls", "ca_path", "client_cert", "client_key", "timeout", "retry_timeout")
            },
        )

    @property
    def is_unencrypted(self) -> bool:
        """Whether the token would travel readable for others."""
        url = urlsplit(self.base_url)
        return url.scheme == "http" and not is_loopback(url.hostname or "")


def check_base_url(value: str) -> str:
    """Return the base URL without trailing slashes.

    :raises InputError: it is not an absolute http(s) URL of a host.
    """
    advice = "give hatci_base_url as https://HOST, with a port or a path if SUMS has one"
    try:
        url = urlsplit(value.strip())
        valid = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        raise InputError(f"hatci_base_url is not a valid URL; {advice}.") from None
    if url.username is not None or url.password is not None:
        raise InputError(f"hatci_base_url carries a user or password, which SUMS does not use; {advice}.")
    if url.query or url.fragment:
        raise InputError(f"hatci_base_url carries a query or a fragment, which SUMS does not use; {advice}.")
    if not valid or any(c.isspace() or not c.isprintable() for c in value.strip()):
        raise InputError(f"hatci_base_url {value[:200]!r} is not a valid address of a server; {advice}.")
    base = value.strip().rstrip("/")
    if base.endswith("/api/v1"):
        raise InputError(f"hatci_base_url ends with /api/v1, which the collection adds itself; {advice}.")
    return base


def check_token(value: str | None, source: str) -> str:
    """Return the token without surrounding white space.

    :param source: what the user would change, for the message.
    :raises InputError: it is empty or cannot stand in a header; its value is not shown.
    """
    token = (value or "").strip()
    if not token:
        raise InputError(
            f"{source} is empty; give hatci_token (or the environment's HATCI_TOKEN), or hatci_token_file."
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"{source} holds characters that no token has (blank, line break or not ASCII); copy it anew.")
    return token


def read_token_file(path: str) -> str:
    """Return the token that a file holds.

    :raises InputError: the file cannot be read or holds none.
    """
    try:
        with open(path, encoding="ascii") as file:
            return check_token(file.read(65536), f"hatci_token_file {path}")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it, or its name, is not plain text"
        raise InputError(f"hatci_token_file {path[:200]} cannot be read: {reason}; write the token there.") from None


def _is_locked(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return b"ENCRYPTED" in file.read(1048576)
    except OSError:
        return False
