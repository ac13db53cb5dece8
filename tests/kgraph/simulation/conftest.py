import pytest

from kgraph.simulation import Estate, EstateShape, World, seeded


@pytest.fixture(scope="session")
def world() -> World:
    """A world of a thousand entities whose graph is believed as it is."""
    items = Estate(EstateShape(1_000, seed=4, coverage=1.0)).items()
    return World.of(items, seeded(4), wrong_edges=0.0)
