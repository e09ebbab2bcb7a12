# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With what a play runs."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import json
import pathlib
import platform

import yaml
from ansible.release import __version__ as ansible_core

ECU_READERS = ("doipclient", "udsoncan")
COLLECTION = pathlib.Path(__file__).parents[2]


def versions() -> dict[str, str]:
    """Return the versions of this collection, of ansible-core and of Python."""
    found = {"ansible-core": ansible_core, "python": platform.python_version()}
    return {"hatci.automation": own, **found} if (own := _own_version()) else found


@functools.cache
def drivers() -> dict[str, str]:
    """Return the versions of Jumpstarter's drivers, and of what reads ECUs, in the Python that runs the play.

    An exporter on another machine has drivers of its own, which it does not tell.
    """
    found = {}
    for distribution in importlib.metadata.distributions():
        name = str(distribution.name)
        if name.startswith("jumpstarter-driver-") or name in ECU_READERS:
            found[name] = str(distribution.version)
    return dict(sorted(found.items()))


def _own_version() -> str:
    """Return the version of this collection, from what was installed or, in a checkout, from what will be built."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        return str(json.loads((COLLECTION / "MANIFEST.json").read_bytes())["collection_info"]["version"])
    with contextlib.suppress(OSError, yaml.YAMLError, KeyError, TypeError):
        return str(yaml.safe_load((COLLECTION / "galaxy.yml").read_bytes())["version"])
    return ""
