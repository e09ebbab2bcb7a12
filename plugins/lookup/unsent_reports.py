# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unsent_reports
short_description: Where reports are kept that could not be sent
description:
  - Returns the directory of this user in which the role P(hatci.automation.hatci_report_results#role) keeps reports
    that SUMS did not take.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _terms:
    description: Takes none.
"""

EXAMPLES = r"""
- name: Find the reports that have to be sent yet
  ansible.builtin.find:
    paths: "{{ lookup('hatci.automation.unsent_reports') }}"
"""

RETURN = r"""
_raw:
  description: One path.
  type: list
  elements: path
  sample: [/var/tmp/hatci-unsent-reports-1000]
"""

import typing as t

from ansible.plugins.lookup import LookupBase

from ansible_collections.hatci.automation.plugins.module_utils._sums.reports import default_directory


class LookupModule(LookupBase):
    """Asks who this user is, without a shell."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[str]:
        """Return one path."""
        return [default_directory()]
