# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a watcher is given of the play's environment: it works in another directory, and needs no secret of ours."""

from __future__ import annotations

import os
import sys

SECRETS = (
    "HATCI_TOKEN",
    *("CONTROLLER_OAUTH_TOKEN", "CONTROLLER_PASSWORD", "TOWER_OAUTH_TOKEN", "TOWER_PASSWORD"),
    *("WEBDAV_PASSWORD", "WEBDAV_TOKEN"),
)
"""Secrets of SUMS, AAP and a store of evidence, which no other program needs; those of S3 may be for a driver too."""

SECRETS_OF_S3 = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
SECRET_OF_JMP = "JMP_TOKEN"  # noqa: S105  # the name of a variable

SEARCH_PATHS = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "XDG_CONFIG_DIRS")
FILES = (
    *("HOME", "TMPDIR", "NETRC", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "JMP_CLIENT_CONFIG_HOME", "HATCI_TOKEN_FILE"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"),
)
"""Variables that name a file or directory, which may be relative to where ansible-playbook runs."""


def secrets_of_environment() -> list[str]:
    """Return what must not appear in anything that is written down."""
    return [value for name in (*SECRETS, *SECRETS_OF_S3, SECRET_OF_JMP) if (value := os.environ.get(name, "").strip())]


def watcher_environment() -> dict[str, str]:
    """Return the environment without secrets and with absolute paths."""
    kept = {name: value for name, value in os.environ.items() if name not in SECRETS}
    for name in FILES:
        if kept.get(name):
            kept[name] = absolute_path(kept[name])
    for name in SEARCH_PATHS:
        if kept.get(name):
            kept[name] = os.pathsep.join(map(os.path.abspath, kept[name].split(os.pathsep)))
    return kept


def python_search_path() -> list[str]:
    """Return where Python packages are, as absolute paths."""
    return [os.path.abspath(path) for path in sys.path]


def absolute_path(path: str) -> str:
    """Return a path that leads to the same file from everywhere."""
    return os.path.abspath(os.path.expanduser(path))
