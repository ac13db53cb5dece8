"""What the shrink guard keeps open keeps its relations, whichever end of them it is."""

from __future__ import annotations

from kgraph.store._closing import held_links
from kgraph.store._reconcile import LinkId

ON: LinkId = (1, "RUNS_ON", 2, None)
BELOW: LinkId = (2, "USES", 3, "disks")
ELSEWHERE: LinkId = (4, "USES", 5, None)
STORED = {ON: (10, None), BELOW: (11, 1), ELSEWHERE: (12, None)}


def test_relations_to_and_from_what_is_held_stay_and_no_others() -> None:
    assert held_links([], STORED, {2}) == {ON: None, BELOW: 1}
    assert held_links([], STORED, set()) == {}


def test_what_the_reading_names_itself_stands_as_it_says() -> None:
    assert held_links([BELOW], STORED, {2}) == {ON: None}
