#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jumpstarter_lease
short_description: Acquire, renew or release a device
version_added: 0.1.0
description:
  - Acquires a device for this job alone, and gives it back.
  - V(state=acquire) succeeds only once the device is held. While it waits it shows who holds the device. On
    failure nothing stays behind, neither a lease nor a request for one.
  - With a local connection a keeper is started with the lease. This small process renews the lease while
    C(ansible-playbook) runs and gives the device back as soon as that has ended, whatever ended it.
author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.jumpstarter
  - hatci.automation.attributes
  - hatci.automation.attributes.group_jumpstarter
attributes:
  check_mode:
    support: full
    details: Nothing is leased or released.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: Releasing is idempotent; each acquire without O(lease_name) makes a lease.
options:
  state:
    description:
      - V(acquire) gets hold of a device.
      - V(create) only asks the controller for a lease and returns at once; nothing keeps it.
      - V(renew) makes a lease last O(duration) from now; it is never shortened.
      - V(verified) proves that a lease has held ever since it was acquired, by the keeper's record and by what the
        controller, or the lock, says of this very lease. If it has not, or if that can't be told, the task fails with
        RV(outcome=ERROR) and says what ended it. It changes nothing, in check mode too.
      - V(kept) leaves a device that this play has to whoever looks into what went wrong, for O(duration) from now on,
        whatever becomes of the play. What is pending at the device is undone first. Then the keeper gives it back;
        where the keeper has died with its container, the controller ends the lease. Where it cannot be kept safely it
        is given back at once, with a warning.
      - V(release) gives a lease back. One that is gone already, or was never acquired, is fine.
    type: str
    choices: [acquire, create, renew, verified, kept, release]
    default: acquire
  selector:
    description: Labels of the exporter, such as V(exporter=vehicle_001). Wins over O(exporter).
    type: str
  exporter:
    description:
      - Name of the exporter.
      - Kubernetes has no names such as V(vehicle_001). On a controller such a name means the label
        V(exporter=vehicle_001); give an exporter called C(vehicle-001) that label.
    type: str
  duration:
    description:
      - How long the lease lasts if nothing renews it, such as V(30m), V(1h30m), V(01:30:00) or seconds.
      - With a keeper a short one is safer, since it is what is left when even the keeper is killed. A lease that the
        keeper has renewed lasts for up to twice as long.
    type: str
    default: 10m
  lease_name:
    description:
      - The lease to renew, verify or release; for V(state=create) the name it shall get.
      - For V(state=acquire) a lease that this host holds already; the task goes on with that one.
    type: str
  expected_exporter:
    description:
      - Fail, before anything is done with the device, if the lease brings another exporter.
      - A name that Kubernetes cannot have means the label, as in O(exporter).
    type: str
  take_over:
    description:
      - Name of a lease that an earlier job of the same client handed on by V(state=kept). It is gone on with if it
        still holds and is of the wanted device, so nobody has the device in between; else a new lease is acquired.
      - A local one is given back and acquired anew.
      - Only with O(state=acquire).
    type: str
  max_hold:
    description: Longest time for which the keeper renews the lease, as in O(duration).
    type: str
  timeout:
    description:
      - Seconds to wait for the device (V(600) if left out), or to go on asking a controller that does not answer
        when a lease is verified or released (V(30)).
    type: float
  output:
    description: Form of RV(output).
    type: str
    choices: [name, json, yaml]
    default: json
seealso:
  - module: hatci.automation.jumpstarter_power
  - module: hatci.automation.jumpstarter_shell
"""

EXAMPLES = r"""
- name: Use a vehicle and give it back
  block:
    - name: Acquire it
      hatci.automation.jumpstarter_lease:
        state: acquire
        selector: exporter=vehicle_001
        client_config: /etc/jumpstarter/client.yaml
      register: lease

    - name: Switch it on
      hatci.automation.jumpstarter_power:
        lease_name: "{{ lease.lease_name }}"
        state: "on"

    - name: Make sure that nobody else had it meanwhile
      hatci.automation.jumpstarter_lease:
        state: verified
        lease_name: "{{ lease.lease_name }}"

  always:
    - name: Give it back
      hatci.automation.jumpstarter_lease:
        state: release
        lease_name: "{{ lease.lease_name | default(omit) }}"
        client_config: /etc/jumpstarter/client.yaml
"""

RETURN = r"""
lease_name:
  description: Name of the lease; in check mode a placeholder.
  returned: success
  type: str
  sample: hatci-4711-vehicle-001-5f3a9c01
mode:
  description: V(controller) or V(local).
  returned: success
  type: str
  sample: controller
exporter:
  description: The exporter that the lease brought.
  returned: success
  type: str
  sample: vehicle_001
lease:
  description: The lease as the controller, or the lock, shows it.
  returned: success
  type: dict
  sample: {name: hatci-4711-vehicle-001-5f3a9c01, exporter: vehicle_001, client: lab}
held:
  description: That the lease has held ever since it was acquired.
  returned: success of V(state=verified)
  type: bool
  sample: true
since:
  description: Since when, in UTC; by the controller's clock for a controller's lease.
  returned: success of V(state=verified)
  type: str
  sample: "2026-11-23 14:00:00 UTC"
is_disproved:
  description: Whether V(PASS) had been reported under a lease that turned out to have been lost.
  returned: failure of V(state=release) and V(state=kept), if it had
  type: bool
  sample: true
kept_until:
  description: When a device that is kept is given back, in UTC.
  returned: success of V(state=kept), unless the device was given back
  type: str
  sample: "2026-11-23 15:00:00 UTC"
kept_until_seconds:
  description: The same in seconds since the epoch.
  returned: success of V(state=kept), unless the device was given back
  type: float
  sample: 1795446000.0
enter:
  description: Command that leads to the device.
  returned: success of V(state=kept), unless the device was given back
  type: str
  sample: jmp shell --lease hatci-4711-vehicle-001-5f3a9c01
give_back:
  description: Command that gives the device back sooner.
  returned: success of V(state=kept), unless the device was given back
  type: str
  sample: jmp delete leases hatci-4711-vehicle-001-5f3a9c01
outcome:
  description: What a failure makes of a test run; V(ERROR) says nothing about the vehicle.
  returned: failure
  type: str
  sample: ERROR
keeper_log:
  description: Log file of the keeper.
  returned: when a keeper was started
  type: str
  sample: /tmp/hatci-automation-1000/hatci-4711-vehicle-001-5f3a9c01.log
output:
  description: The lease in the form of O(output).
  returned: success
  type: str
  sample: '{"lease_name": "hatci-4711-vehicle-001-5f3a9c01", "mode": "local", "exporter": "vehicle_001", "lease": {}}'
"""

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.lease import manage_lease
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import jumpstarter_arguments
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

ARGUMENTS = jumpstarter_arguments(
    {
        "state": {
            "type": "str",
            "choices": ["acquire", "create", "renew", "verified", "kept", "release"],
            "default": "acquire",
        },
        "selector": {"type": "str"},
        "exporter": {"type": "str"},
        "duration": {"type": "str", "default": "10m"},
        "lease_name": {"type": "str"},
        "expected_exporter": {"type": "str"},
        "take_over": {"type": "str"},
        "max_hold": {"type": "str"},
        "timeout": {"type": "float"},
        "output": {"type": "str", "choices": ["name", "json", "yaml"], "default": "json"},
    },
)
OPERATION = manage_lease


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
