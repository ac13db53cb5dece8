"""One simulator of estates and faults: for campaigns, golden logs, measurements and the demo."""

from kgraph.simulation.demo import demo_estate_file, demo_storm_file
from kgraph.simulation.estate import Estate
from kgraph.simulation.faults import (
    Injection,
    breakable,
    draw_fault,
    draw_faults,
    draw_redundancy_loss,
    inject,
)
from kgraph.simulation.incident import EPOCH, SimulatedIncident, draw_incident, simulate
from kgraph.simulation.likeness import alike, has_redundancy, usually_watched
from kgraph.simulation.noise import QUIET, Noise
from kgraph.simulation.seeds import seeded
from kgraph.simulation.shape import SMALLEST, EstateShape
from kgraph.simulation.world import World

__all__ = [
    "EPOCH",
    "QUIET",
    "SMALLEST",
    "Estate",
    "EstateShape",
    "Injection",
    "Noise",
    "SimulatedIncident",
    "World",
    "alike",
    "breakable",
    "demo_estate_file",
    "demo_storm_file",
    "draw_fault",
    "draw_faults",
    "draw_incident",
    "draw_redundancy_loss",
    "has_redundancy",
    "inject",
    "seeded",
    "simulate",
    "usually_watched",
]
