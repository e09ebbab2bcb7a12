# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a port ours while nobody listens on it, so that a controller can go away and come back."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


def reserve(port: int = 0) -> socket.socket:
    """A bound socket that never listens: connections are refused, yet nobody else gets the port.

    A server that sets SO_REUSEPORT, as gRPC does, can listen on it all the same.
    """
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.bind((HOST, port))
    return holder
