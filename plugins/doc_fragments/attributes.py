# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What a task may expect of the modules."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return the predicted change without making it.
  diff_mode:
    description: Will return details on what has changed, or would change in check mode, when in diff mode.
  idempotent:
    description: When run twice in a row outside check mode with the same arguments, the second run indicates no change.
"""

    # Not by the name of a file beside this one, since ansible-core would take that file for it.
    GROUP_HATCI = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/hatci.automation.hatci) in C(module_defaults) to set the connection for all SUMS modules.
    support: full
    membership:
      - hatci.automation.hatci
"""

    GROUP_JUMPSTARTER = r"""
options: {}
attributes:
  action_group:
    description: >-
      Use C(group/hatci.automation.jumpstarter) in C(module_defaults) to set options for all Jumpstarter modules.
    support: full
    membership:
      - hatci.automation.jumpstarter
"""
