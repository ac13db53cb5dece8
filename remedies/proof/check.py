"""Replays a plan on the graph, and objects to every step that would break something. Pure.

The executor treats victims side by side and waits only for steps on the cause and on the same
entity. So the replay is pessimistic: what a victim's step takes away is away until the end, and
what it brings back or frees is not counted on. What a step on the cause does, is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kgraph.schema import Actor, Plan, PlanStep, Role, Severity, kind_of
from remedies.proof.does import Does
from remedies.proof.known import TOGETHER, Graph, Known
from remedies.proof.seats import Seats
from remedies.proof.verdict import Objection, Rule, Verdict
from remedies.proof.working import Working

_NOTHING_KNOWN = Known()


def check(
    plan: Plan, graph: Graph, does: Mapping[str, Does], known: Known = _NOTHING_KNOWN
) -> Verdict:
    """Prove a plan, or say what is wrong with it.

    Args:
        plan: the steps; those that nobody can do are passed over.
        graph: the whole graph, or the part with everything that the plan could hurt.
        does: action -> what it does. An action that is not in it is objected to.
        known: what does not work already, and which hosts are proven off.
    """
    asked = graph.fresh()
    replay = _Replay(asked, does, known, plan)
    found = tuple(replay.objections())
    return Verdict(found, asked.digest, asked.reads)


@dataclass(frozen=True, slots=True)
class _At:
    """One step at its place."""

    number: int
    step: PlanStep
    does: Does

    @property
    def waited_for(self) -> bool:
        """Whether everything later waits until it is done."""
        return self.step.role is Role.CAUSE

    @property
    def target(self) -> str:
        """The host that it brings something to."""
        return self.step.parameters.get("to", "")


class _Replay:
    def __init__(self, graph: Graph, does: Mapping[str, Does], known: Known, plan: Plan) -> None:
        self._graph, self._does, self._known, self._plan = graph, does, known, plan
        self._seats = Seats(graph, known)
        self._working = Working(graph, known.broken | self._hard_cause())
        self._off = set(known.off)
        self._now_on: dict[str, str] = {}

    def _hard_cause(self) -> frozenset[str]:
        """Return the cause, unless it still works somehow."""
        cause = self._plan.cause
        mode = kind_of(self._graph.kind(cause.entity)).modes.get(cause.mode)
        hard = mode is None or mode.severity is Severity.HARD
        return frozenset({cause.entity}) if hard else frozenset()

    def objections(self) -> Iterator[Objection]:
        """Replay all; yield what speaks against it."""
        for number, step in enumerate(self._plan.steps):
            if step.actor is Actor.NOBODY:
                continue
            for rule, why in self._step(number, step):
                yield Objection(number, rule, why)
        yield from self._parted()

    def _step(self, number: int, step: PlanStep) -> Iterator[tuple[Rule, str]]:
        does = self._does.get(step.action)
        if does is None:
            yield Rule.UNKNOWN, f"nothing says what {step.action} does"
            return
        if does is not Does.NOTHING and not self._graph.kind(step.entity):
            yield Rule.UNKNOWN, f"{step.title} is not in the graph"
            return
        self._graph.named(step.entity)
        at = _At(number, step, does)
        if does.places:
            yield from self._place(at)
        yield from self._interrupt(at)
        self._settle(at)

    def _place(self, at: _At) -> Iterator[tuple[Rule, str]]:
        guest = at.step.entity
        source = self._now_on.get(guest) or self._seats.home(guest)
        if at.does is Does.STARTS_ELSEWHERE and source != at.target:
            yield from self._proven_off(guest, source)
        if at.does in {Does.MOVES_LIVE, Does.MOVES_COLD} and source == at.target:
            yield Rule.UNKNOWN, f"{at.step.title} is on {self._graph.name(at.target)} already"
        yield from self._seats.objections(guest, at.target)
        if at.does is Does.ADDS:
            self._seats.add(guest, at.target)
            return
        self._graph.named(at.target)
        self._seats.arrive(guest, at.target)
        if at.waited_for and source and source != at.target:
            self._seats.leave(guest, source)
        self._now_on[guest] = at.target

    def _proven_off(self, guest: str, source: str) -> Iterator[tuple[Rule, str]]:
        if not source:
            yield Rule.DOUBLE_START, f"nobody knows where {self._graph.name(guest)} last ran"
        elif source not in self._off:
            why = f"{self._graph.name(source)} is not proven to be off, and may still run it"
            yield Rule.DOUBLE_START, why

    def _interrupt(self, at: _At) -> Iterator[tuple[Rule, str]]:
        """Take away what a step takes away, while it lasts or for good."""
        if at.does not in _TAKES:
            return
        if at.does is Does.INTERRUPTS and at.step.entity == self._plan.cause.entity:
            # It is at fault, and what is restarted comes back better or not worse: unless it is
            # what still works of several.
            yield from self._working.last_of(at.step.entity)
            return
        before = set(self._working.out)
        yield from self._working.take(frozenset({at.step.entity}))
        if at.waited_for and at.does in {Does.INTERRUPTS, Does.MOVES_COLD}:
            self._working.out = before

    def _settle(self, at: _At) -> None:
        match at.does:
            case Does.POWERS_OFF if at.waited_for:
                self._off.add(at.step.entity)
                self._seats.closed.add(at.step.entity)
            case Does.POWERS_OFF | Does.CLOSES:
                self._seats.closed.add(at.step.entity)
                self._seats.opened.discard(at.step.entity)
            case Does.OPENS if at.waited_for:
                self._seats.opened.add(at.step.entity)
                self._seats.closed.discard(at.step.entity)
            case _:
                pass

    def _parted(self) -> Iterator[Objection]:
        """Object where an affinity group that shared a host does so no longer."""
        for number, step in enumerate(self._plan.steps):
            group = self._graph.label(step.entity, TOGETHER) if self._moved(step) else ""
            if not group:
                continue
            target = self._now_on[step.entity]
            for uid in self._others(group, step.entity):
                seat = self._now_on.get(uid) or self._seats.home(uid)
                if seat != target and seat not in self._known.broken | self._off:
                    why = f"{self._graph.name(uid)} of its group {group!r} is elsewhere"
                    yield Objection(number, Rule.AFFINITY, why)

    def _moved(self, step: PlanStep) -> bool:
        return step.entity in self._now_on and step.parameters.get("to", "") != ""

    def _others(self, group: str, uid: str) -> list[str]:
        return [
            other
            for other in sorted(self._graph.entities)
            if other != uid
            and self._graph.entities[other].kind == "VirtualMachine"
            and self._graph.label(other, TOGETHER) == group
        ]


_TAKES = frozenset({Does.INTERRUPTS, Does.STOPS, Does.MOVES_COLD, Does.POWERS_OFF})
