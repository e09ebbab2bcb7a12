# SPDX-License-Identifier: GPL-3.0-or-later
"""A car on loopback: ECUs that speak UDS over DoIP, updates, power and faults on demand."""
