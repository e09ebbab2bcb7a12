# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of ECUs that somebody typed into a survey."""

from __future__ import annotations

import json
import typing as t

import yaml


class UnreadableText(ValueError):
    """A text that is not a list of ECUs; ``str()`` says why, to follow the name of what it was given as."""


def parse_ecus(text: str) -> list[t.Any]:
    """Return the ECUs of a list in YAML or JSON, in which every value stays the text that was typed.

    :raises UnreadableText: it is neither, or no list.
    """
    if not text.strip():
        return []
    try:
        value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        value = _parse_yaml(text)
    if not isinstance(value, list):
        raise UnreadableText(
            "is text that is not a list; give each ECU as a line "
            "- {ecu_name: Gateway, part_number: GW-2024-001, sw_version: 1.10}"
        )
    return value


def _parse_yaml(text: str) -> t.Any:
    try:
        return yaml.load(text, yaml.BaseLoader)  # noqa: S506  # it makes nothing but text, lists and mappings
    except yaml.MarkedYAMLError as error:
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UnreadableText(f"is not valid YAML{where} ({error.problem}); correct it") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise UnreadableText("is not valid YAML; correct it") from None
