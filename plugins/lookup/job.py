# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: job
short_description: The job that runs this play
description:
  - Returns the id of the job, the address at which the Ansible Automation Platform shows it, and the git revision
    of the
    playbooks, each empty where it is not known.
  - The id is C(awx_job_id) or C(tower_job_id), else the environment variable E(JOB_ID). The address is made of
    E(AWX_HOST),
    which the platform sets. The revision is the environment variable E(GIT_SHA), else C(awx_project_revision).
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _terms:
    description: Takes none.
"""

EXAMPLES = r"""
- name: Record the test with its job
  hatci.automation.hatci_test_event:
    vin: 1HGBH41JXMN109186
    ansible_job_id: "{{ lookup('hatci.automation.job').id or omit }}"
  module_defaults:
    group/hatci.automation.hatci: "{{ lookup('hatci.automation.hatci_connection') }}"
"""

RETURN = r"""
_raw:
  description: One dictionary with C(id), C(url) and C(revision).
  type: list
  elements: dict
  sample: [{id: "4711", url: https://aap.example.com/execution/jobs/playbook/4711/output, revision: 1a2b3c4}]
"""

import dataclasses
import typing as t

from ansible.plugins.lookup import LookupBase

from ansible_collections.hatci.automation.plugins.plugin_utils.job import job_of
from ansible_collections.hatci.automation.plugins.plugin_utils.lasting_text import lasting_text


class LookupModule(LookupBase):
    """Asks the variables and the environment."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return one dictionary."""
        return [lasting_text(dataclasses.asdict(job_of(variables or {})))]
