# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The way to a device, the same for every module that goes there."""

    DOCUMENTATION = r"""
options:
  client_config:
    description:
      - Jumpstarter client config, which names the controller that hands out the device.
    type: path
  client:
    description:
      - Name of a client config that C(jmp) knows. Instead of O(client_config).
    type: str
  mode:
    description:
      - V(controller) asks a Jumpstarter controller for the device.
      - V(local) locks a device of this machine against other jobs on it.
      - V(auto) takes a controller if O(client_config), O(client), E(JMP_ENDPOINT) with E(JMP_TOKEN) or the
        current client of C(jmp) names one. What it took is in the result.
    type: str
    choices: [auto, controller, local]
    default: auto
  lock_dir:
    description:
      - Directory for the locks of local leases, as a path from C(/). Jobs in several execution environments on one
        machine exclude each other if they share it.
    type: path
    default: /tmp/hatci-automation-locks
  job_id:
    description:
      - Id of the job, for others to see who has the device.
      - With an action plugin (the usual way) it is taken from C(awx_job_id), C(tower_job_id) or E(JOB_ID).
    type: str
    default: manual
  job_host:
    description:
      - Inventory name of the host that the job works for, for others to see.
    type: str
    default: localhost
  watch_pid:
    description:
      - Process whose end gives the device back. With a local connection it is set to C(ansible-playbook).
      - Without it nothing renews or releases the lease by itself, and its duration is the only limit.
    type: int
requirements:
  - python >= 3.11
  - jumpstarter-cli >= 0.8
  - Linux
"""

    DEVICE = r"""
options:
  exporter:
    description:
      - Name of the exporter. If this play holds a lease of it, the way goes through the lease.
      - Else it is an exporter config of this machine, which is locked for the time of the task.
    type: str
  lease_name:
    description:
      - Lease that leads to the device. With an action plugin (the usual way) it falls back to the fact
        C(current_lease_name).
    type: str
"""
