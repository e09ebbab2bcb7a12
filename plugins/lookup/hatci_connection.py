# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hatci_connection
short_description: A host's connection to SUMS
description:
  - Returns the options by which every module of the group C(hatci) reaches SUMS, taken from the variables of the host,
    for use with C(module_defaults). A variable that is not set is left out, so that the environment or the module's own
    default holds.
  - The variables are C(hatci_base_url), C(hatci_token), C(hatci_token_file), C(hatci_verify_tls), C(hatci_ca_path),
    C(hatci_client_cert), C(hatci_client_key), C(hatci_idempotent_posts), C(hatci_timeout) and C(hatci_retry_timeout).
  - Every role of this collection that talks to SUMS uses it.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _terms:
    description: Takes none.
seealso:
  - module: hatci.automation.hatci_health
"""

EXAMPLES = r"""
- name: Record a test run in the SUMS that the variables of this host describe
  module_defaults:
    group/hatci.automation.hatci: "{{ lookup('hatci.automation.hatci_connection') }}"
  hatci.automation.hatci_test_event:
    vin: 1HGBH41JXMN109186
"""

RETURN = r"""
_raw:
  description: One dictionary of options.
  type: list
  elements: dict
  sample: [{hatci_base_url: https://sums.example.com, timeout: 30}]
"""

import typing as t

from ansible.plugins.lookup import LookupBase

from ansible_collections.hatci.automation.plugins.plugin_utils.typed_variables import TypedVariables

PREFIX = "hatci_"
OPTIONS = (
    "hatci_base_url",
    "hatci_token",
    "hatci_token_file",
    "verify_tls",
    "ca_path",
    "client_cert",
    "client_key",
    "idempotent_posts",
    "timeout",
    "retry_timeout",
)


class LookupModule(LookupBase):
    """Looks the variables up in Python, once, since Ansible compiles each expression anew for every task."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return one dictionary."""
        variables = variables or {}
        typed = TypedVariables(self._templar, variables)
        given = {option: typed.get(name) for option, name in _names() if name in variables}
        return [{option: value for option, value in given.items() if value is not None}]


def _names() -> t.Iterator[tuple[str, str]]:
    """Yield each option with the variable that sets it."""
    for option in OPTIONS:
        yield option, option if option.startswith(PREFIX) else PREFIX + option
