# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that a template hands on as text, whatever it looks like.

A template of ansible-core before 2.19 reads the text that it hands on anew: "{'code': 7}" becomes a mapping and, with
jinja2_native, the id "1e5" the number 100000.0. Text of one type it leaves alone, that which ``| string`` gives.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

try:
    from ansible.utils.native_jinja import NativeJinjaText as LastingText
except ImportError:
    LastingText = str


def lasting_text(value: t.Any) -> t.Any:
    """Return a value of plain types with all text in it, but for the keys of mappings, as text that lasts."""
    if LastingText is str:
        return value
    if isinstance(value, Mapping):
        return {key: lasting_text(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [lasting_text(item) for item in value]
    return LastingText(value) if isinstance(value, str) else value
