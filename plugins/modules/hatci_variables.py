#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_variables
short_description: Check the variables of a test
version_added: 0.1.0
description:
  - Looks at every variable of a test that is set for the host, those of its last steps included, and refuses what
    cannot be used before anything is created. The message names all such variables.
  - What SUMS keeps as text must be text. A number, a boolean, a date or a list is refused, since YAML and INI
    inventories change what is written without quotes (C(1.10) becomes 1.1, C(0123) becomes 83, C(NO) becomes false)
    and SUMS would record that. C(hatci_model_year) and ids may be whole numbers.
  - A variable that is empty text or null is not given; its default applies.
  - ECUs that were given as YAML or JSON text, as a survey does, are returned as a list in which every value is the text
    that was typed.
  - The action reads the variables themselves. An argument of a task cannot serve, since a template may give it another
    type, on ansible-core 2.16 above all.
author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  required:
    description: Names of variables that must be set and not empty.
    type: list
    elements: str
    default: []
  only:
    description:
      - Names of the only variables that are looked at, for a step that uses no others. Default is every variable of a
        test.
    type: list
    elements: str
    default: []
  files:
    description:
      - Which variables that name files are read and parsed as well, so that a file that cannot be used is refused
        before anything is created.
    type: list
    elements: str
    choices: [ota_verify_tasks, ota_scenario]
    default: []
  offer:
    description:
      - Which update is returned. V(target) is the one that the variables describe, V(wrong_part_number) the same with
        part numbers that no ECU has, and V(source) the swapped one, from the target to the source.
    type: str
    choices: [target, wrong_part_number, source]
    default: target
  results:
    description:
      - Names of variables that are going to be set by the role or play itself. An extra variable of such a name would
        hide what is set, so it is refused.
      - So are, without being named, an extra variable whose name is this collection's own (C(__hatci_) and the like),
        one named like what a task of the play registers, and one that hides what the play itself tells a role of the
        test so far, such as C(hatci_test_status).
    type: list
    elements: str
    default: []
seealso:
  - module: hatci.automation.hatci_create_event
  - plugin: hatci.automation.ecus_from_text
    plugin_type: filter
  - plugin: hatci.automation.vin
    plugin_type: test
"""

EXAMPLES = r"""
- name: Check the variables before anything is created
  hatci.automation.hatci_variables:
    required: [hatci_vin, hatci_target_build_level, hatci_target_ecus]
  register: test

- name: Show what SUMS will be told
  ansible.builtin.debug:
    msg: "{{ test.variables.hatci_target_build_level }}"
"""

RETURN = r"""
variables:
  description: The variables of a test that are set and not empty, by name, as they are to be used.
  returned: success
  type: dict
  sample:
    hatci_vin: 1HGBH41JXMN109186
    hatci_target_build_level: "2024.10"
    hatci_target_ecus:
      - {ecu_name: Gateway, part_number: GW-2024-001, sw_version: "1.10"}
scenario:
  description:
    - The scenario of the test with every key that it may have; empty if there is none, or if O(files) does not have
      V(ota_scenario).
  returned: always
  type: dict
  sample: {name: nominal, expect: completed, disturbances: []}
"""
