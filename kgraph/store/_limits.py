"""What both stores keep to when they forget, and when clocks differ."""

from __future__ import annotations

from datetime import timedelta

# Incidents that stay, however old: by them the next id is found, and none may come twice.
NEWEST = 100
AHEAD = timedelta(minutes=1)  # several machines keep one store; so far their clocks may differ
