# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: the whole day of an OTA test, in a lab of its own."""
