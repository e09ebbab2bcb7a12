#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_health
short_description: Check that SUMS is up and usable
version_added: 0.1.0
description:
  - Asks SUMS for its health, and tells apart what is wrong, which may be the address, the network, the secure
    connection, the token or SUMS itself.
  - An older SUMS without a health endpoint is reachable too; this gives a warning.

author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.sums
  - hatci.automation.attributes
  - hatci.automation.attributes.group_hatci
attributes:
  check_mode:
    support: full
    details: The same, since nothing is changed.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: hatci.automation.hatci_update_status
"""

EXAMPLES = r"""
- name: Is SUMS there, and does it take our token
  hatci.automation.hatci_health:
    hatci_base_url: https://sums.example.com
    hatci_token: "{{ vault_hatci_token }}"
    retry_timeout: 5
"""

RETURN = r"""
health_endpoint:
  description: Whether this SUMS has a health endpoint.
  returned: success
  type: bool
  sample: true
health:
  description: What SUMS says of its health.
  returned: success
  type: raw
  sample: {status: ok}
"""

from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._sums.health import check_health
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import sums_arguments
from ansible_collections.hatci.automation.plugins.module_utils._sums.runner import run_operation

ARGUMENTS = sums_arguments({})
OPERATION = check_health


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
