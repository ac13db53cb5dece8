"""Ports of loopback for servers that want to be told one."""

from __future__ import annotations

import random
import socket

# Below those that the kernel lends to whoever connects somewhere: nobody gets one of these by
# chance before the server listens.
_PORTS = range(12_000, 32_000)


def free_port() -> int:
    """Return a loopback port that nobody listens at just now."""
    for port in random.sample(_PORTS, 100):
        with socket.socket() as listener:
            # As most servers do: what was connected here a moment ago does not keep it taken.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("all ports that were tried are taken")


def free_address() -> str:
    """Return an address on loopback that nobody listens at just now."""
    return f"127.0.0.1:{free_port()}"
