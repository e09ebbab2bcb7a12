# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: test_metadata
short_description: The metadata of a test event
description:
  - Returns what a test event keeps of its job, its scenario and its suite, beside the metadata that were given.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The metadata that were given; they win over what is known of job and scenario.
    type: dict
    required: true
  job_url:
    description: Address of the job, empty if there is none.
    type: str
    default: ""
  scenario:
    description: The scenario of the test, empty if it has none.
    type: dict
    default: {}
  suite:
    description: What the suite says of this step; it wins over all else.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show what is kept
  ansible.builtin.debug:
    msg: "{{ {'bench': 'B7'} | hatci.automation.test_metadata(job_url='https://aap.example.com/jobs/17') }}"
"""

RETURN = r"""
_value:
  description: The metadata.
  type: dict
  sample: {job_url: https://aap.example.com/jobs/17, bench: B7}
"""

import typing as t


def test_metadata(given: t.Any, job_url: t.Any = "", scenario: t.Any = None, suite: t.Any = None) -> dict[str, t.Any]:
    """Return the metadata of a test event."""
    about_job = {"job_url": job_url} if job_url else {}
    about_scenario = {"scenario": scenario["name"], "expect": scenario["expect"]} if scenario else {}
    return {**about_job, **about_scenario, **(given or {}), **(suite or {})}


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"test_metadata": test_metadata}
