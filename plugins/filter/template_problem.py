# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: template_problem
short_description: Why a template cannot be rendered
description:
  - Returns the reason out of the words of ansible-core, which name it between the path of the file, the text of the
    template and hints of their own.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: What ansible-core said, C(ansible_failed_result.msg) in a rescue.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Say what is wrong with the template
  ansible.builtin.fail:
    msg: "vehicle.yml.j2 cannot be rendered: {{ ansible_failed_result.msg | hatci.automation.template_problem }}."
"""

RETURN = r"""
_value:
  description: The variables that are undefined, else the last words of the message, without a full stop.
  type: str
  sample: can_interface is undefined
"""

import re
import typing as t

UNDEFINED = re.compile(r"'([^']+)' is undefined")
LONGEST = 300


def template_problem(said: t.Any) -> str:
    """Return why a template cannot be rendered."""
    words = " ".join(str(said).split())
    undefined = dict.fromkeys(UNDEFINED.findall(words))
    return f"{' and '.join(undefined)} is undefined" if undefined else words[-LONGEST:].rstrip(".")


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"template_problem": template_problem}
