# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go wrong with evidence."""

from __future__ import annotations

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure


class EvidenceError(Failure):
    """Evidence cannot be made or checked."""


class EvidenceChanged(EvidenceError):
    """Evidence is not what was bundled."""

    outcome = "FAIL"


class StoreAway(EvidenceError):
    """A store did not take evidence, which stays where it is."""
