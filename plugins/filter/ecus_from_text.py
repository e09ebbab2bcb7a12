# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.hatci.automation.plugins.plugin_utils.ecu_text import UnreadableText, parse_ecus


def ecus_from_text(value: t.Any) -> t.Any:
    """Return the ECUs of a text; what is not text stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        return parse_ecus(value)
    except UnreadableText as error:
        raise AnsibleFilterError(f"The text of ECUs {error}.") from None


class FilterModule:
    """Reads ECUs that were typed into a survey."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter."""
        return {"ecus_from_text": ecus_from_text}
