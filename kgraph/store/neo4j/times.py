"""The server's times as Python's, in one form.

A time that was read is of the zone `UTC`, one that we write of the offset `Z`: to the server two
equal moments of these are different values. So what is read is made ours before it is written.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def native(moment: Any) -> datetime:  # noqa: ANN401 - the driver's own type of time
    """Return a moment that the driver has read."""
    found: datetime = moment.to_native()
    return found.astimezone(UTC)
