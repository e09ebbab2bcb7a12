# SPDX-License-Identifier: GPL-3.0-or-later
"""What Kubernetes takes for a name and for a label, and its own words where it does not."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hatci_lab.controller.errors import Refused

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LONGEST_NAME = 253
_LONGEST_LABEL_VALUE = 63


def is_label_value(value: str) -> bool:
    return len(value) <= _LONGEST_LABEL_VALUE and _LABEL_VALUE.fullmatch(value) is not None


def check_name(kind: str, name: str) -> None:
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise Refused(
            "UNKNOWN",
            f'{kind}.jumpstarter.dev "{name}" is invalid: metadata.name: Invalid value: "{name}": '
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
            "and must start and end with an alphanumeric character",
        )


def check_labels(kind: str, name: str, labels: Mapping[str, str]) -> None:
    for value in labels.values():
        if not is_label_value(value):
            raise Refused(
                "UNKNOWN",
                f'{kind}.jumpstarter.dev "{name}" is invalid: metadata.labels: Invalid value: "{value}": '
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
                "and must start and end with an alphanumeric character",
            )


def kubernetes_name(name: str) -> str:
    """The name under which an administrator makes an exporter that its users call by this one."""
    return name.lower().replace("_", "-")
