#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jumpstarter_recorder
short_description: Record the console of a device
version_added: 0.1.0
description:
  - Writes what the serial console of a leased device prints into a file, each line with its time, through resets and
    power cuts, from C(j serial pipe).
  - Recording goes on beside the tasks that follow, and ends with the lease, however that ends.
  - Two readers of one device file take each other's bytes. So the recorder lets go of the port while a task of
    M(hatci.automation.jumpstarter_shell) may use it, which is every one but a plain command for another driver, such as
    C(j power cycle). The file says when it has such a gap, and why.
author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.jumpstarter
  - hatci.automation.attributes
  - hatci.automation.attributes.group_jumpstarter
attributes:
  check_mode:
    support: full
    details: Nothing is recorded.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: Stopping is idempotent. Starting again ends the recording that runs and goes on with the same file.
options:
  state:
    description: Whether the console is recorded from now on.
    type: str
    choices: [started, stopped]
    required: true
  path:
    description:
      - File to append to. In the directory of a test's evidence C(console.log) becomes part of it.
      - Required with V(state=started).
    type: path
  driver:
    description: The serial driver in the tree of the exporter, V(a.b) for one within another.
    type: str
    default: serial
  shared:
    description:
      - Whether several may read the port at once, as with C(ser2net) and C(max-connections). Then the recorder never
        lets go of it.
    type: bool
    default: false
  ends_with_play:
    description:
      - Whether recording ends with the play, as the lease does. Turn it off for a lease that is kept beyond it by
        V(state=kept) of M(hatci.automation.jumpstarter_lease).
    type: bool
    default: true
  lease_name:
    description:
      - Lease of the device. With an action plugin (the usual way) it falls back to the fact C(current_lease_name).
    type: str
seealso:
  - module: hatci.automation.hatci_evidence
  - module: hatci.automation.jumpstarter_lease
"""

EXAMPLES = r"""
- name: Record the console
  hatci.automation.jumpstarter_recorder:
    state: started
    path: "{{ __hatci_evidence.path }}/console.log"

- name: Stop recording, so that the file is whole
  hatci.automation.jumpstarter_recorder:
    state: stopped
"""

RETURN = r"""
path:
  description: The file; empty if nothing was recorded.
  returned: success
  type: str
  sample: /work/ota-evidence/2026-03-01T120000Z-vehicle_001/console.log
lines:
  description: How many lines of the console the file has.
  returned: with V(state=stopped)
  type: int
  sample: 812
gaps:
  description: When the console was not recorded, and why.
  returned: with V(state=stopped)
  type: list
  elements: str
  sample: ["2026-03-01T12:00:09.120Z a task of this test uses the port"]
"""

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.recorder import record_console
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import jumpstarter_arguments
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

ARGUMENTS = jumpstarter_arguments(
    {
        "state": {"type": "str", "choices": ["started", "stopped"], "required": True},
        "path": {"type": "path"},
        "driver": {"type": "str", "default": "serial"},
        "shared": {"type": "bool", "default": False},
        "ends_with_play": {"type": "bool", "default": True},
        "lease_name": {"type": "str"},
    },
    required_if=[("state", "started", ["path"])],
)
OPERATION = record_console


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
