"""What a process is called in leases. No other one may have its name, or both would hold them."""

from __future__ import annotations

import os
import secrets
import socket


def holder(role: str) -> str:
    """Return a name that no other process has or gets.

    Machine and process alone are no such name: containers share both, and the one that a cluster
    gives up for dead may go on beside the one that takes its place.
    """
    return f"{role}@{socket.gethostname()}:{os.getpid()}-{secrets.token_hex(3)}"
