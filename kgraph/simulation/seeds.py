"""The one place where a generator of random numbers is made."""

from __future__ import annotations

from random import Random


def seeded(seed: int) -> Random:
    """Return a generator that always draws the same; `random.Random` keeps that over versions."""
    return Random(seed)  # noqa: S311 - simulations, no secrets
