# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be a name, a path or a program's argument."""

from __future__ import annotations

import os
import pathlib
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


KUBERNETES_NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
LABEL_VALUE = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
LONGEST_KUBERNETES_NAME = 253


def label_of(exporter: str, option: str) -> str:
    """Return the selector that stands for an exporter whose name Kubernetes cannot have; empty if it can.

    :raises InputError: no label can have that value either.
    """
    if len(exporter) <= LONGEST_KUBERNETES_NAME and re.fullmatch(KUBERNETES_NAME, exporter):
        return ""
    if not re.fullmatch(LABEL_VALUE, exporter):
        raise InputError(
            f"{option} is {exporter[:100]!r}, which on a controller can be neither an exporter's name nor its label "
            "exporter; use at most 63 letters, digits, dots, dashes and underscores, a letter or digit first and last."
        )
    return f"exporter={exporter}"


def new_lease_name(job: str, host: str) -> str:
    """Return a lease id that was never used: it can be used only once."""
    words = re.sub(r"[^a-z0-9]+", "-", f"{job}-{host}".lower()).strip("-")
    return f"{LEASE_PREFIX}{words[:44].strip('-')}-{secrets.token_hex(4)}"


def label_value(text: str) -> str:
    """Return text as a label's value can have it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:63].strip("-._") or "none"


LONGEST_ARGUMENT = 128 * 1024 - 1
"""Bytes that Linux takes as one argument of a program."""


def check_text(value: str, option: str) -> str:
    """Return a text that can be an argument of a program.

    :raises InputError: it has a null byte or broken Unicode, or is too long.
    """
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError:
        raise InputError(f"{option} holds broken Unicode; correct it.") from None
    if "\0" in value:
        raise InputError(f"{option} holds a null byte, which no program takes; correct it.")
    if size > LONGEST_ARGUMENT:
        raise InputError(f"{option} has {size} bytes; give at most {LONGEST_ARGUMENT}, which is what Linux takes.")
    return value


def check_path(value: str, option: str) -> pathlib.Path:
    """Return a path, with the home directory for ~.

    :raises InputError: it is empty, no file can have such a name, or the home is not known.
    """
    if not value.strip():
        raise InputError(f"{option} is empty; give a path.")
    # Not Path.expanduser, for which a home that is not known is a fault of the program.
    path = os.path.expanduser(check_text(value, option))
    if path.startswith("~"):
        raise InputError(f"{option} is {value[:60]!r}, a home directory that is not known here; give the whole path.")
    return pathlib.Path(path)
