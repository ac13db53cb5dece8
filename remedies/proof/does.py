"""What an action does to the estate, as far as a proof needs to know."""

from __future__ import annotations

from enum import Enum


class Does(Enum):
    """The effect of one action on what works, and where."""

    NOTHING = "nothing"  # looks, tells, or adds something that nobody misses
    STARTS = "starts"  # it works afterwards, where it is
    INTERRUPTS = "interrupts"  # it does not work meanwhile, and does afterwards
    STOPS = "stops"  # it does not work afterwards
    MOVES_LIVE = "moves_live"  # to the host `to`, without an interruption
    MOVES_COLD = "moves_cold"  # to the host `to`, stopped meanwhile
    STARTS_ELSEWHERE = "starts_elsewhere"  # on the host `to`, while its old host is off
    POWERS_OFF = "powers_off"  # a host, and all that runs on it
    CLOSES = "closes"  # nothing new may go to this host
    OPENS = "opens"  # it may again
    ADDS = "adds"  # one more of its size on the host `to`

    @property
    def places(self) -> bool:
        """Whether something comes to the host `to`."""
        return self in _PLACES


_PLACES = frozenset({Does.MOVES_LIVE, Does.MOVES_COLD, Does.STARTS_ELSEWHERE, Does.ADDS})
