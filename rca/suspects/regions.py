"""The part of the graph that an incident is about, made of a scene; see `rca.region.arrays`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from kgraph.schema import REDUCED, UNOBSERVED, Severity, kind_of
from kgraph.topology.walk import each_once
from rca.region.arrays import Region
from rca.region.edges import Edges, Floats, Ints, Mask, Tables, Tabling, edges_of
from rca.region.gates import ERRS, SENT, answers
from rca.region.scene import PROBE, Scene
from rca.region.seen import seen_by
from rca.rules.compile import severity_of
from rca.suspects.signature import CUT


def region_of(scene: Scene, suspected: Collection[int]) -> Region:
    """Return the arrays of a scene, made once: where walks from the suspects may go."""
    for known in scene.regions:
        if known.holds(suspected):
            return known
    found = region_over(scene, scene.lookout, suspected)
    found = replace(
        found,
        prefer=_preference(scene, found),
        moved=_moved(scene, found),
        tells=_tells(scene, found),
    )
    scene.regions[:] = [found]
    return found


def region_over(
    scene: Scene,
    inside: AbstractSet[int] | npt.NDArray[np.int32],
    suspected: Collection[int] = (),
) -> Region:
    """Make the arrays of the entities where walks may go, and of those where they begin."""
    topology, rank = scene.topology, scene.rank
    if not isinstance(inside, np.ndarray):
        inside = np.fromiter(inside, np.int32, len(inside))
    begin = np.fromiter(suspected, np.int32, len(suspected))
    nodes = each_once(np.concatenate((inside, begin))).astype(np.int64)
    # Of a large estate only what is asked about is touched: zeros cost nothing until then.
    within, local = np.zeros(len(topology), np.bool_), np.zeros(len(topology), np.int32)
    within[inside] = True
    local[nodes] = np.arange(1, len(nodes) + 1)
    codes = topology.kind_code[nodes]
    there = np.flatnonzero(np.bincount(codes))
    kinds = [topology.kind_names[code] for code in there.tolist()]
    kind = np.searchsorted(there, codes)
    slots = [{mode: i for i, mode in enumerate(sorted(kind_of(k).modes))} for k in kinds]
    hard = _hard(kinds, slots)
    tables = Tabling(kinds, slots)
    edges = edges_of(scene.terrain, nodes, local, kind, tables)
    told = tables.tables()
    seen = seen_by(scene.heard, len(nodes), local, kinds, slots, hard.shape[1])
    # As `Scene.level`, of all at once.
    level = 2 * rank.ranks[nodes].astype(np.int64) - (
        kind == (kinds.index(PROBE) if PROBE in kinds else -1)
    )
    circles = rank.circle[nodes].astype(np.int64)
    sizes = np.bincount(circles) if len(circles) else circles
    blind, reduced = (
        np.array([each.get(mode.name, -1) for each in slots], np.int64)
        for mode in (UNOBSERVED, REDUCED)
    )
    errs = np.array([answers(name) for name in kinds], np.bool_)
    open_, ahead = within[nodes], edges.target[edges.back]
    return Region(
        nodes=nodes,
        kind=kind,
        level=level,
        circle=circles,
        circled=sizes[circles] > 1,
        within=open_,
        prefer=np.arange(1, len(nodes) + 1),
        kinds=kinds,
        slots=slots,
        hard=hard,
        blind=blind[kind],
        reduced=reduced[kind],
        errs=np.array([each[ERRS] for each in slots], np.int64),
        sent=_sent(scene, local, errs[kind]),
        pressing=_pressing(edges, told, len(nodes)),
        ahead=ahead,
        moved=np.where(open_[ahead], told.causes[edges.table[edges.back]], 0),
        tells=np.ones_like(hard),
        edges=edges,
        tables=told,
        seen=seen,
    )


def _sent(scene: Scene, local: npt.NDArray[np.int32], software: Mask) -> Floats:
    """Return `Region.sent`: what `Scene.sent` says, of all nodes."""
    found, place = np.full(len(software), SENT), local[scene.heard.entity] - 1
    among = place >= 0
    found[place[among]] = scene.still_sent[among]
    return np.where(software, found, 0.0)


def _hard(kinds: Sequence[str], slots: Sequence[Mapping[str, int]]) -> Mask:
    """Return (kinds, slots): which modes stop what is in them."""
    width = max((len(each) for each in slots), default=1)
    found = np.zeros((len(kinds), width), np.bool_)
    for i, name in enumerate(kinds):
        for mode, slot in slots[i].items():
            found[i, slot] = severity_of(name, mode) is Severity.HARD
    return found


def _moved(scene: Scene, region: Region) -> Ints:
    """Return `Region.moved` without what nobody would see and what would hit nobody else.

    Who merely calls stays: how many callers something has counts (`rca.region.messages.called`).
    """
    edges, tables, seen = region.edges, region.tables, region.seen
    matters = np.zeros(len(region.nodes), np.int64)  # slots of each node, as bits
    has = np.flatnonzero(np.diff(seen.start))
    if len(has):
        speaks = ((seen.bearing >= CUT) << np.arange(region.width)[:, None]).sum(axis=0)
        matters[has] = np.bitwise_or.reduceat(speaks, seen.start[has])
    np.bitwise_or.at(matters, edges.source, tables.causes[edges.table])
    lost = (region.reduced >= 0) & (matters >> region.reduced.clip(0) & 1 > 0)
    matters[lost] = ~0  # it is reduced by whatever stops members
    for through in (seen.probe, seen.last):  # whether it is hit decides what readings say
        matters[through[through >= 0]] = ~0
    matters[region.circled] = ~0  # in a circle it counts by how many hops each is hit first
    if scene.target is not None:
        matters[region.place(scene.target)] = ~0
    looks, which = np.unique(matters, return_inverse=True)
    brings = np.zeros((len(tables.causes), len(looks)), np.int64)
    told = (looks >> tables.effect[:, None] & 1) << tables.cause[:, None]
    np.bitwise_or.at(brings, tables.of_row, told)
    brought = brings[edges.table[edges.back], which[region.ahead]]
    moved: Ints = np.where(edges.firm[edges.back], region.moved & brought, region.moved)
    return moved


def _tells(scene: Scene, region: Region) -> Mask:
    """Return `Region.tells`: backwards from what was seen, over all that kinds do to kinds."""
    edges, tables, seen = region.edges, region.tables, region.seen
    found = np.zeros(region.hard.shape, np.bool_)
    owner = np.repeat(np.arange(len(region.nodes)), np.diff(seen.start))
    slot, reading = (seen.bearing >= CUT).nonzero()
    found[region.kind[owner[reading]], slot] = True
    if scene.target is not None:
        found[region.kind[region.place(scene.target)]] = True
    for kind, slots in enumerate(region.slots):
        if REDUCED.name in slots and found[kind, slots[REDUCED.name]]:
            found[kind] |= region.hard[kind]  # it is reduced by whatever stops members
    some = np.zeros(len(tables.causes), np.int64)  # an edge of each table
    some[edges.table] = np.arange(len(edges.table))
    edge = some[tables.of_row]
    by = np.array((region.kind[edges.source[edge]], tables.cause))
    hit = np.array((region.kind[edges.target[edge]], tables.effect))
    while (more := found[*hit] & ~found[*by]).any():
        found[*by[:, more]] = True
    return found


def _pressing(edges: Edges, tables: Tables, many: int) -> Ints:
    found = np.zeros(many, np.int64)
    np.bitwise_or.at(found, edges.source[edges.press], tables.causes[edges.table[edges.press]])
    return found


def _preference(scene: Scene, region: Region) -> Ints:
    """Return a rank of each node; between twins, see `Scene.prefer`."""
    topology, nodes, seen = scene.topology, region.nodes, region.seen
    loudest = np.ones(len(nodes))
    has = np.flatnonzero(np.diff(seen.start))
    if len(has):
        loudest[has] = np.maximum.reduceat(seen.ratio, seen.start[has])
    said = scene.saying[nodes]
    burden = topology.in_start[nodes + 1] - topology.in_start[nodes]
    told = (topology.named[nodes], scene.colours[nodes], said, burden, loudest, region.kind)
    order = np.lexsort(told)
    found = np.empty(len(nodes), np.int64)
    found[order] = np.arange(1, len(nodes) + 1)
    return found
