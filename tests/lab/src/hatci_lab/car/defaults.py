# SPDX-License-Identifier: GPL-3.0-or-later
"""The car that walkthrough and demo test, before its update."""

from __future__ import annotations

VIN = "1HGBH41JXMN109186"
ECUS = [
    {"ecu_name": "Gateway", "part_number": "GW-2024-001", "sw_version": "1.0.0"},
    {"ecu_name": "Telematics", "part_number": "TCU-2024-007", "sw_version": "3.1.4"},
]
