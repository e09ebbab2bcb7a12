# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that become files, leases and labels."""

from __future__ import annotations

import re
import secrets

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError

LEASE_PREFIX = "hatci-"


def check_name(value: str, option: str) -> str:
    """Return a name that can be part of a path.

    :raises InputError: it could leave its directory, or is no name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
        raise InputError(
            f"{option} is {value[:60]!r}; use letters, digits, dot, dash and underscore, a letter or digit first."
        )
    return value


def new_lease_name(job: str, host: str) -> str:
    """Return a lease id that was never used: it can be used only once."""
    words = re.sub(r"[^a-z0-9]+", "-", f"{job}-{host}".lower()).strip("-")
    return f"{LEASE_PREFIX}{words[:44].strip('-')}-{secrets.token_hex(4)}"


def label_value(text: str) -> str:
    """Return text as a label's value can have it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:63].strip("-._") or "none"
