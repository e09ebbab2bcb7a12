# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection that is not local as far as Ansible can tell, for tests."""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = """
name: elsewhere
short_description: Run tasks here as if it were elsewhere
description: Runs tasks on this machine.
author: The hatci.automation maintainers
"""


class Connection(LocalConnection):
    """Local under another name."""

    transport = "elsewhere"
