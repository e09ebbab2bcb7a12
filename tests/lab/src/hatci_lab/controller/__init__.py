# SPDX-License-Identifier: GPL-3.0-or-later
"""A Jumpstarter controller on loopback for tests: the real gRPC services, TLS, and faults on demand."""
