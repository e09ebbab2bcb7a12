# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: as_given
short_description: A value that a template hands on as it is
description:
  - Text stays text, whatever it looks like. Before ansible-core 2.19 a template reads text anew, and makes the number
    100000.0 of the id V(1e5) if C(jinja2_native) is on.
  - Unlike C(string), it leaves a value that is not text as it is, so that it can be refused.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: Any value.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Wait for the deployment
  hatci.automation.hatci_update_status:
    deployment_id: "{{ hatci_deployment_id | hatci.automation.as_given }}"
    wait: true
"""

RETURN = r"""
_value:
  description: The same value.
  type: raw
"""

import typing as t

from ansible_collections.hatci.automation.plugins.plugin_utils.lasting_text import lasting_text


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"as_given": lasting_text}
