# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the words mean with which ``jmp`` fails; the controller's own are told from those of whatever lies between."""

from __future__ import annotations

import re

UNREACHED = (
    "failed to connect",
    "connections to all backends failing",
    "errors resolving",
    "name resolution",
    "domain name not found",
    "dns resolution",
    "dns lookup",
    "dns query",
    "dns server",
    "dns error",
    "dns: ",
    "connection refused",
    "network is unreachable",
    "no route to host",
)
"""The controller was not reached."""

DISCONNECTED = (
    *UNREACHED,
    "connection reset",
    "socket closed",
    "deadline exceeded",
    "unavailable",
    "etcdserver",
    "timed out",
    "please try again",
)
"""The controller did not answer, or will later; whatever else the words hold is not its answer."""

PERMANENT = (
    "failed to authenticate",
    "failed to verify",
    "unauthenticated",
    "permission denied",
    "permissiondenied",
    "token is expired",
    "no such option",
    "usage:",
    "invalid",
    "to parse",
    "must be",
    "is required",
    "is forbidden",
    "failed to load config",
)

MISSING_OBJECT = re.compile(r'(?:clients|exporters)\.jumpstarter\.dev "[^"]*" not found')
"""Of a lease that is not found another answer is made."""

OVER = re.compile(r'(?:lease "?(?:[\w./-]*/)?(?P<name>[\w.-]+)"? has )?already (?:been released|ended)')


def is_unreached(words: str) -> bool:
    """Whether the controller cannot have heard what was asked."""
    said = words.lower()
    return any(sign in said for sign in UNREACHED)


def is_disconnect(words: str) -> bool:
    """Whether the controller did not answer at all, or asked for patience."""
    said = words.lower()
    return any(sign in said for sign in DISCONNECTED)


def is_permanent(words: str) -> bool:
    """Whether trying again cannot help."""
    said = words.lower()
    return not is_disconnect(said) and bool(any(sign in said for sign in PERMANENT) or MISSING_OBJECT.search(said))


def is_gone(words: str, lease_name: str) -> bool:
    """Whether the controller says of this very lease that it is over or was never made."""
    said, name = words.lower(), lease_name.lower()
    if f'leases.jumpstarter.dev "{name}" not found' in said:
        return True
    over = OVER.search(said)
    return over is not None and over["name"] in (None, name)


def is_foreign(words: str) -> bool:
    """Whether the controller says that the lease is another client's."""
    return bool(re.search(r"(?:delete|update|get)lease permission denied", words.lower()))


def lacks_option(words: str, option: str) -> bool:
    """Whether this version of ``jmp`` does not know an option."""
    return bool(re.search(rf"no such option\W*{re.escape(option)}(?![\w-])", words.lower()))
