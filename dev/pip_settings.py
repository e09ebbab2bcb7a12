# SPDX-License-Identifier: GPL-3.0-or-later
"""What pip.conf and the PIP_* variables say, without what would send packages elsewhere than into an environment."""

from __future__ import annotations

import ast
import os
import subprocess

ELSEWHERE = frozenset({"user", "target", "prefix", "root", "python"})
"""Where a user's own packages go, or by which Python; those of an environment go into it."""

AUDIBLE = {"PIP_QUIET": "0", "PIP_VERBOSE": "0"}
"""A pip that is told to be quiet lists nothing."""


class PipSettingsError(Exception):
    """What pip says of settings that it cannot read."""


def pip_settings(python: str) -> dict[str, str]:
    """Return the options of `pip install`, by name, as the pip of an interpreter finds them here.

    :raises PipSettingsError: it cannot read them.
    """
    unwanted = {f"PIP_{name.upper()}" for name in ELSEWHERE}
    environment = {**{name: value for name, value in os.environ.items() if name not in unwanted}, **AUDIBLE}
    listing = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", "config", "list"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if listing.returncode:
        raise PipSettingsError(listing.stdout + listing.stderr)
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for line in listing.stdout.splitlines():
        name, _equals, value = line.partition("=")
        section, _dot, option = name.rpartition(".")
        if section in found:
            found[section][option] = ast.literal_eval(value)
    given = {name[4:].lower().replace("_", "-"): value for name, value in os.environ.items() if name.startswith("PIP_")}
    settings: dict[str, str] = {}
    for said in (found["global"], found["install"], given):  # as pip does it, which passes over what is empty
        settings.update(
            {name: value for name, value in said.items() if value and name not in (*ELSEWHERE, "config-file")}
        )
    return settings


def pip_environment(python: str) -> dict[str, str]:
    """Return the environment in which that pip goes by these settings and reads no pip.conf.

    :raises PipSettingsError: it cannot read them.
    """
    settings = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in pip_settings(python).items()}
    others = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return {**others, **settings, "PIP_CONFIG_FILE": os.devnull}
