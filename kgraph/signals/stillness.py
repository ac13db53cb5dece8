"""When does a counter stand still too long? One rule for every way in which it is sampled.

What is regular is learned per counter: the longest pause so far. A counter that moves now and then
has long pauses and accuses nobody.
"""

from __future__ import annotations

LEAST_MOVES = 20  # times that it must have been seen moving before a pause means anything
FACTOR = 5.0  # times that a pause must be longer than the longest before it
LOUDEST = 30.0  # a counter that stands still is never more than a hint: it may have nothing to do
