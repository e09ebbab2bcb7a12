# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual OTA lab on loopback: SUMS, a vehicle and a Jumpstarter controller."""
