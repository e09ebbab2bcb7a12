# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which job a process belongs to, as far as its environment tells."""

from __future__ import annotations

import os


def job_id_of_environment() -> str:
    """Return the id that AAP, Jenkins or whatever else runs this process has set; empty without one."""
    return os.environ.get("JOB_ID", "")
