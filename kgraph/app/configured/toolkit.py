"""The engine's tools, as the configuration has them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import datetime

from kgraph.app.asking.investigation import Toolkit
from kgraph.app.configured.catalogue import catalogue_of
from kgraph.app.configured.endpoints import endpoints
from kgraph.app.configured.engine import reasoning
from kgraph.app.stored.topologies import Topologies
from kgraph.config import Configuration
from kgraph.schema import Answer, Incident, Plan
from kgraph.store import is_server
from remedies import Ground, plan_for

Tried = Callable[[], Collection[tuple[str, str]]]
Repairing = Callable[[], Collection[str]]


def toolkit(
    configuration: Configuration, now: datetime, tried: Tried = tuple, repairing: Repairing = tuple
) -> Toolkit:
    """Load the rules and the catalogue, the site's own over the shipped ones.

    Args:
        configuration: where they are.
        now: the moment.
        tried: (entity, action) that did not help lately, for escalation ladders.
        repairing: what plans under way treat: to the checker it is broken.

    Raises:
        ConfigurationError: a faulty rule or remedy.
    """
    model, calibration = reasoning(configuration)
    catalogue = catalogue_of(configuration)
    ways = endpoints(configuration)

    def remedy(answer: Answer, incident: Incident, ground: Ground | None = None) -> Plan | None:
        return plan_for(answer, incident, catalogue, ways, tried(), repairing(), ground)

    server = is_server(configuration.settings.store.url)
    topologies = Topologies() if server else Topologies.beside(configuration.store_path)
    return Toolkit(model, remedy, now, time.perf_counter, topologies, calibration)
