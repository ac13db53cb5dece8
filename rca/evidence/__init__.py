"""From observations to readings: what was seen, what it is worth, and what silence says."""
