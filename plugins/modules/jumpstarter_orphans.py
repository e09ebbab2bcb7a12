#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jumpstarter_orphans
short_description: Release leases that no job needs
version_added: 0.1.0
description:
  - Lists the leases that this collection made and that are not over, and releases those whose job is over or that
    are too old. For a scheduled job, after nodes that failed with all that ran on them.
  - Only leases of its own client can be released; those of other clients are reported.
  - Each is looked at once more before it is released. If the running jobs can't be told for sure, nothing is released.
author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.jumpstarter
  - hatci.automation.attributes
  - hatci.automation.attributes.group_jumpstarter
attributes:
  check_mode:
    support: full
    details: Lists the leases that it would release.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  max_age:
    description:
      - Seconds after which a lease is released whatever its job does; choose more than the longest test takes.
    type: float
    default: 86400
  min_age:
    description:
      - Seconds for which a lease is left alone though its job is not among the running ones, since O(running_jobs)
        may be older than the job.
    type: float
    default: 300
  running_jobs:
    description:
      - Ids of the jobs that are not over. A lease of any other numbered job is released.
      - If left out, Ansible Automation Platform is asked where E(CONTROLLER_HOST) and E(CONTROLLER_OAUTH_TOKEN) are
        set, and only O(max_age) counts where they are not. The token must be that of a system auditor or
        administrator, since AAP shows others no jobs instead of refusing.
    type: list
    elements: str
seealso:
  - module: hatci.automation.jumpstarter_lease
"""

EXAMPLES = r"""
- name: Release what jobs that are over left behind
  hatci.automation.jumpstarter_orphans:
    client_config: /etc/jumpstarter/client.yaml
    max_age: 28800
"""

RETURN = r"""
orphans:
  description: This client's leases that no job needs any more.
  returned: success
  type: list
  elements: dict
  contains: &lease
    lease_name:
      description: Name of the lease.
      type: str
      returned: always
      sample: hatci-4711-vehicle-001-5f3a9c01
    exporter:
      description: The device; empty if the lease waits for one.
      type: str
      returned: always
      sample: vehicle_001
    client:
      description: Whose it is.
      type: str
      returned: always
      sample: lab
    job:
      description: Id of the job.
      type: str
      returned: always
      sample: "4711"
    host:
      description: Inventory name of the host that the job worked for.
      type: str
      returned: always
      sample: vehicle_001
    age:
      description: Seconds for which it is held, or waits.
      type: int
      returned: always
      sample: 5400
    reason:
      description: Why no job needs it.
      type: str
      returned: always
      sample: job 4711 is over
others:
  description: Leases of other clients that no job needs any more; they were left alone.
  returned: success
  type: list
  elements: dict
  contains: *lease
released:
  description: Names of the leases that were released.
  returned: success
  type: list
  elements: str
  sample: [hatci-4711-vehicle-001-5f3a9c01]
"""

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.orphans import release_orphans
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import jumpstarter_arguments
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

ARGUMENTS = jumpstarter_arguments(
    {
        "max_age": {"type": "float", "default": 86400.0},
        "min_age": {"type": "float", "default": 300.0},
        "running_jobs": {"type": "list", "elements": "str"},
    },
)
OPERATION = release_orphans


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
