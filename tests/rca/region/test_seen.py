"""What was seen, as columns."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

import rca
from kgraph.schema import Entity, Incident, Observation, State
from rca.engine import scene_of

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_alarm_tells_when_it_rose_unless_it_is_renewed_at_each_look(model: rca.Model) -> None:
    rose = Observation("a", "down", State.ABNORMAL, at=AT)
    renewed = replace(rose, entity="b", expires_at=AT + timedelta(minutes=5))
    untold = Observation("c", "down", State.ABNORMAL)
    well = Observation("d", "down", State.HEALTHY, at=AT)
    seen = (rose, renewed, untold, well)
    entities = tuple(Entity(each.entity, "Host") for each in seen)
    heard = scene_of(Incident("i", entities, (), seen, ()), model, None).heard
    assert [reading.observation for reading in heard.rows] == [*seen]
    assert heard.rose[0] == AT.timestamp()
    assert np.isnan(heard.rose[1:]).all()
    assert heard.owner.tolist() == [0, 1, 2, 3]
