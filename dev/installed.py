# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an environment has what `pip install` was asked for, whatever pip itself said of it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

LISTING = """
import importlib.metadata, json
print(json.dumps({one.metadata["Name"]: one.version for one in importlib.metadata.distributions()}))
"""
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[^]]*\])?\s*(?:==\s*(?P<version>[\w.!+*-]+))?")
PROJECT_NAME = re.compile(r'^name = "([^"]+)"', re.MULTILINE)


def missing(python: str, installs: Sequence[Sequence[str]]) -> list[str]:
    """Return what of these arguments of `pip install` the environment of an interpreter lacks."""
    listing = subprocess.run([python, "-I", "-c", LISTING], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = {_normal(name): version for name, version in json.loads(listing).items()}
    asked = dict.fromkeys(requirement for install in installs for requirement in _requirements(install))
    return [requirement for requirement in asked if not _is_met(requirement, found)]


def _requirements(install: Sequence[str]) -> Iterator[str]:
    for option, argument in zip(["", *install], install, strict=False):
        if option == "-r":
            lines = Path(argument).read_text(encoding="utf-8").splitlines()
            yield from filter(None, (line.partition("#")[0].strip() for line in lines))
        elif option == "-e":
            name = PROJECT_NAME.search((Path(argument) / "pyproject.toml").read_text(encoding="utf-8"))
            yield from name.groups() if name else ()
        elif not argument.startswith("-"):
            yield argument


def _is_met(requirement: str, found: dict[str, str]) -> bool:
    wanted = REQUIREMENT.match(requirement)
    if not wanted:
        return True
    version, exact = found.get(_normal(wanted["name"])), wanted["version"]
    if version is None or not exact:
        return version is not None
    begin, is_begin, _rest = exact.partition(".*")
    return f"{version}.".startswith(f"{begin}.") if is_begin else _release(version) == _release(exact)


def _release(version: str) -> list[str]:
    return [part.lstrip("0") for part in version.split(".")]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
