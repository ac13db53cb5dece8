"""What one look at one export shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """What a healthy export showed: its size, and what is on it (see `signature`)."""

    size_bytes: int
    signature: str
