"""Alarms of one fault rise within minutes of each other: a mixture of delays.

What a fault brings about is seen a while after the fault's own alarm, or a little before it, since
signals are looked at in turn. Most delays are short, and some are any:

    P(seen at t | hit) / P(seen in time | hit) = 1 - TIMELY + TIMELY exp(-|t - T| / scale)

with the scale of the side on which t lies. T is the time of that alarm, of all that the fault
would explain, which fits the others best: the one at the fault itself may be an old story. What
rises at another time says less and never the contrary, and what rises in time says as much as
without times, for that alarms cluster is true of every cause of a storm.

Source: A. Simma et al., CT-NOR: representing and reasoning about events in continuous time (UAI
2008, arXiv:1206.3280), for delays of effects as densities next to a background of any time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LATER = 120.0  # seconds in which an effect is usually seen after its cause
EARLIER = 30.0  # and before it
TIMELY = 0.8  # share of effects that keep to that
STARTS = 16  # times that are tried as the fault's


def discounts(times: Sequence[float], nats: Sequence[float]) -> list[float]:
    """Return what is left of each alarm's ratio by its time, in [1 - TIMELY, 1].

    Args:
        times: seconds at which the alarms rose that a fault would explain, any origin; not empty.
        nats: what each alarm says in time, >= 0.
    """
    starts = np.unique(times)
    if len(starts) > STARTS:
        starts = starts[np.linspace(0, len(starts) - 1, STARTS).round().astype(int)]
    later = np.asarray(times)[None, :] - starts[:, None]
    near = np.exp(np.where(later >= 0, -later / LATER, later / EARLIER))
    left = 1 - TIMELY + TIMELY * near
    best: list[float] = left[int(np.argmax(left @ np.asarray(nats)))].tolist()
    return best
