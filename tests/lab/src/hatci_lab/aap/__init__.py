# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the API of Ansible Automation Platform, as far as its jobs and their events go."""
