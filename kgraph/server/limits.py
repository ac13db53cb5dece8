"""How much may be asked: a bucket of requests for each address, and what a request may weigh."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_ADDRESSES = 10_000  # that are remembered; the one that was silent longest is forgotten first


@dataclass
class _Bucket:
    left: float
    at: float


class Rate:
    """A token bucket for each address.

    Args:
        per_second: how fast a bucket fills.
        burst: how much it holds.
        clock: seconds, ever growing.
    """

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float]) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, address: str, cost: float = 1.0) -> float:
        """Take from an address's bucket; return how many seconds it must wait, 0 for none."""
        now = self._clock()
        bucket = self._buckets.pop(address, None) or _Bucket(float(self._burst), now)
        bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        self._buckets[address] = bucket
        if len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)
        if bucket.left < cost:
            return (cost - bucket.left) / self._per_second
        bucket.left -= cost
        return 0.0
