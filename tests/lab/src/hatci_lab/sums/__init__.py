# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator of the HATCI SUMS backend, served by a real process on a real port."""
