"""Where guests find room: capacity, rules and reach in, moves out. Pure.

`read_layout(entities, relations, closed, limits)` reads a `Layout` off the graph;
`evacuate(layout, leaving, movable) -> Placement` finds room: greedy, then with swaps, then by the
exact model where OR-tools is installed. What it says is proven elsewhere: by `remedies.proof`.
"""

from remedies.placement.evacuation import evacuate
from remedies.placement.layout import Layout, Limits, Placement
from remedies.placement.reading import read_layout

__all__ = ["Layout", "Limits", "Placement", "evacuate", "read_layout"]
