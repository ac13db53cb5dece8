"""The closed loop in one process: collect, explain, repair, verify."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from kgraph.app.asking.seeing_all import seeing_all
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.repairs.acting import actuators
from kgraph.app.repairs.binding import Binding
from kgraph.app.repairs.policies import policy_of
from kgraph.app.sources import Context, no_source, watched_jobs
from kgraph.app.stored.holders import holder
from kgraph.app.stored.whole import Whole
from kgraph.app.watch.assess import Assessor
from kgraph.app.watch.beside import Alone, Beside
from kgraph.app.watch.collect import Collector
from kgraph.app.watch.keeper import Keeper
from kgraph.app.watch.loop import Watch
from kgraph.app.watch.repairs import PolicyRepairs
from kgraph.app.watch.snapshot import Snapshots
from kgraph.app.watch.told import Teller
from kgraph.config import Configuration
from kgraph.store import GraphStore
from remedies import Executor
from remedies.execution.readback import in_repair
from remedies.policy import windows_over

_JITTER = 0.1  # share of an interval: sources are not asked in step


def build(
    configuration: Configuration,
    store: GraphStore,
    tell: Teller,
    beside: Beside | None = None,
) -> Watch:
    """Put a watch together, as the configuration has it.

    Args:
        configuration: sources, policy, endpoints.
        store: of the thread that will run it.
        tell: takes each event.
        beside: what a service does in each round; it may bring in all the evidence there is.

    Raises:
        ConfigurationError: no source, or a faulty rule, remedy, policy or endpoint.
    """
    settings = configuration.settings
    if not settings.sources and beside is None:
        raise no_source(configuration)
    beside = beside or Alone()
    ours = holder("watch")
    read = watched_jobs(Context(configuration))
    keeper = Keeper(store, read, _clock())
    kept = settings.retention.history_days
    rules = policy_of(configuration)
    executor = Executor(
        store,
        actuators(configuration),
        ours,
        budgets=rules.budgets,
        windows=lambda plan, now: windows_over(rules, plan, now, store.get),
    )
    tools = toolkit(
        configuration,
        _clock(),
        lambda: executor.tried_in_vain(_clock()),
        lambda: in_repair(store),
    )
    whole = Whole(store)
    repairs = PolicyRepairs(
        store,
        executor,
        rules,
        keeper,
        hold=timedelta(seconds=settings.watch.hold),
        binding=Binding.of(configuration),
    )
    return Watch(
        store=store,
        collector=Collector(read, _clock, _jitter),
        keeper=keeper,
        assessor=Assessor(
            store,
            seeing_all(tools, store, _clock, whole),
            beside.warnings,
            whole,
        ),
        repairs=repairs,
        clock=_clock,
        tell=tell,
        holder=ours,
        pause=timedelta(seconds=settings.watch.tick),
        retention=timedelta(days=kept) if kept is not None else None,
        snapshot=Snapshots(configuration, _clock()).tick,
        beside=beside,
    )


def _clock() -> datetime:
    return datetime.now(UTC)


def _jitter() -> float:
    return random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
