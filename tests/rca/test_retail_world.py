"""The retailer's shops break as shops do; what the engine makes of it is in `test_worlds`."""

from __future__ import annotations

from random import Random

import pytest

from tests.rca.worlds import retail
from tests.rca.worlds.drawn import read_back
from tests.rca.worlds.retail_estate import KINDS, Estate, Way
from tests.rca.worlds.retail_faults import FAULTS
from tests.rca.worlds.retail_physics import CALM, Blow, Retail, State
from tests.rca.worlds.retail_watch import RULES, Watch

pytestmark = pytest.mark.worlds


@pytest.fixture(scope="module")
def estate() -> Estate:
    return Estate(Random(3), (30, 34))


@pytest.fixture
def day(estate: Estate) -> Retail:
    drawn = Retail(estate, Random(3))
    drawn.hides = [False] * len(estate.roles)
    return drawn


def after(day: Retail, *blows: Blow, until: float = 1200) -> dict[int, State]:
    return {thing: states[-1] for thing, states in day.play(blows, until).items()}


def here(estate: Estate, thing: int, role: str) -> list[int]:
    return [one for one in estate.of(role) if estate.site[one] == estate.site[thing]]


def with_lte(estate: Estate, *, there: bool) -> int:
    return next(r for r in estate.of("router") if (len(estate.members(r, Way.SPARE)) > 1) == there)


def watch(day: Retail, *, by: str) -> Watch:
    made = Watch(day, Random(1))
    made.dead, made.tired, made.holds_back = 0, 0, False
    made.rules = [(rule, rule.limit[1], rule.delay[1]) for rule in RULES if rule.by == by]
    return made


def test_on_a_good_day_nothing_moves_and_only_what_cries_wolf_rings(day: Retail) -> None:
    assert not day.play([], 600)
    alarms, well = Watch(day, Random(1)).look({}, 600)
    assert len([one for one in alarms if one.since >= 0]) < 0.01 * len(well)


def test_what_a_thing_needs_is_made_before_it(estate: Estate) -> None:
    assert all(
        m < owner for owner, gates in estate.gates.items() for g in gates for m in g.members
    )
    assert set(estate.roles) == set(KINDS)


def test_a_battery_carries_a_site_for_a_while(estate: Estate, day: Retail) -> None:
    battery = estate.of("battery")[0]
    (gate,) = estate.gates[battery]
    cut = Blow(gate.members[0], up=0.0)
    (router,) = here(estate, battery, "router")
    early = after(day, cut, until=gate.patience - 60)
    assert early[battery].spare
    assert early.get(router, CALM).up == 1
    assert after(day, cut, until=gate.patience + 180)[router].up == 0


def test_with_a_modem_a_site_outlives_its_line_with_less_room(estate: Estate, day: Retail) -> None:
    for there in (True, False):
        router = with_lte(estate, there=there)
        line, *modem = estate.members(router, Way.SPARE)
        for one in modem:
            day.width[one] = 0.9
        cut = after(day, Blow(line, reach=0.0))[router]
        assert cut.reach == float(there)
        assert (cut.lag > 4) == there


def test_a_line_that_only_loses_packets_stays_in_use(estate: Estate, day: Retail) -> None:
    router = with_lte(estate, there=True)
    lossy = after(day, Blow(estate.members(router, Way.SPARE)[0], reach=0.85))
    assert lossy[router].reach == pytest.approx(0.85)
    (pos,) = here(estate, router, "pos")
    assert lossy[pos].lag > 1.1


def test_a_shop_that_is_cut_off_sells_on_and_what_it_sold_piles_up(
    estate: Estate, day: Retail
) -> None:
    router = with_lte(estate, there=False)
    (pos,), (outbox,) = here(estate, router, "pos"), here(estate, router, "outbox")
    day.hides[pos] = True
    cut = day.play([Blow(estate.members(router, Way.SPARE)[0], reach=0.0)], 3600)
    assert 0 < cut[pos][4].err < 0.3
    assert cut[outbox][20].fill < cut[outbox][-1].fill
    assert cut[pos][-1].err > cut[pos][4].err  # grace of logins and licences is over


def test_who_has_logged_in_notices_late_that_nobody_else_can(estate: Estate, day: Retail) -> None:
    pos, patience = max(
        (gate.owner, gate.patience)
        for gate in estate.serves[estate.accounts[0]]
        if estate.roles[gate.owner] == "pos"
    )
    blows = [Blow(one, err=1.0) for one in estate.accounts]
    states = day.play(blows, patience + 2400).get(pos, [])
    assert states[int(patience // 60) - 2].err < 0.3 < states[-1].err + 0.28


def test_a_clock_that_is_off_shuts_its_own_shop_out(estate: Estate, day: Retail) -> None:
    pos = estate.of("pos")[0]
    machine = estate.machine(pos)
    assert machine is not None
    off = after(day, Blow(machine, skew=True), until=4 * 3600)
    assert off[pos].err > 0.05
    assert all(state.err == 0 for thing, state in off.items() if estate.site[thing] == -1)


def test_what_is_written_twice_is_as_slow_as_the_slower_disk(estate: Estate, day: Retail) -> None:
    disk = estate.of("disk")[0]
    (pool,) = (one for one in here(estate, disk, "pool") if disk in _below(estate, one, Way.STORE))
    assert after(day, Blow(disk, lag=8))[pool].lag == pytest.approx(8)
    lost = after(day, Blow(disk, stuck=True))[pool]
    assert (lost.stuck, lost.spare) == (False, True)


def _below(estate: Estate, thing: int, way: Way) -> set[int]:
    found = set(estate.members(thing, way))
    return found.union(*(_below(estate, one, way) for one in found))


def test_guests_whose_pool_is_full_are_paused_and_those_whose_disks_died_stand_still(
    estate: Estate, day: Retail
) -> None:
    pool = estate.of("pool")[0]
    (vm, *_) = [gate.owner for gate in estate.serves[pool]]
    assert after(day, Blow(pool, fill=1.0))[vm].up == 0
    died = after(day, *[Blow(disk, stuck=True) for disk in _disks(estate, pool)])[vm]
    assert (died.up, died.stuck) == (1, True)


def _disks(estate: Estate, pool: int) -> list[int]:
    return [one for one in _below(estate, pool, Way.STORE) if estate.roles[one] == "disk"]


def test_a_release_breaks_the_sites_of_its_ring_and_no_other(estate: Estate, day: Retail) -> None:
    ring = estate.rings[0]
    bad = after(day, Blow(ring, err=0.8))
    hit = {thing for thing, state in bad.items() if estate.roles[thing] == "pos" and state.err}
    assert hit == {gate.owner for gate in estate.serves[ring]}
    assert 0.1 < len(hit) / len(estate.of("pos")) < 0.6


def test_a_dead_line_makes_all_of_a_site_unreachable_and_its_machines_unknown(
    estate: Estate, day: Retail
) -> None:
    router = with_lte(estate, there=False)
    played = day.play([Blow(estate.members(router, Way.SPARE)[0], reach=0.0)], 1800)
    rung = {one.thing for one in watch(day, by="ping").look(played, 1800)[0]}
    machines = here(estate, router, "machine")
    assert {router, *machines} <= rung
    alarms, well = watch(day, by="node").look(played, 1800)
    assert not {thing for thing, _ in well} & set(machines)
    assert not {one.thing for one in alarms} & set(machines)


def test_who_holds_back_what_lies_behind_tells_of_the_router_alone(
    estate: Estate, day: Retail
) -> None:
    router = with_lte(estate, there=False)
    played = day.play([Blow(router, up=0.0)], 1800)
    quiet = watch(day, by="ping")
    quiet.holds_back = True
    alarms, well = quiet.look(played, 1800)
    site = {one for one, at in enumerate(estate.site) if at == estate.site[router]}
    assert site & {one.thing for one in alarms if one.rule.signal == "unreachable"} == {router}
    assert not site & {thing for thing, _ in well}


def test_a_blind_poller_sees_nothing_wrong_and_nothing_well(estate: Estate, day: Retail) -> None:
    played = day.play([Blow(estate.poller, up=0.0)], 1800)
    assert watch(day, by="ping").look(played, 1800)[1] == set()


def test_about_three_of_a_hundred_relations_of_the_lists_are_wrong(estate: Estate) -> None:
    true = {
        (str(o), g.type, str(m)) for o, gs in estate.gates.items() for g in gs for m in g.members
    }
    true |= {(str(a), t, str(b)) for a, t, b in estate.listed}
    said = {(r.dependent, r.type, r.dependency) for r in retail.lists(estate, Random(3))}
    watched = {row for row in true if row[1] == "WATCHED_BY"}
    assert 0.005 < len(said - true) / len(true) < 0.03
    assert 0.02 < len(true - watched - said) / len(true) < 0.045


def test_there_are_many_kinds_of_faults_and_a_third_and_more_is_gray() -> None:
    assert len(FAULTS) >= 50
    assert {fault.role for fault in FAULTS} <= set(KINDS)
    gray = sum(f.weight for f in FAULTS if f.gray) / sum(f.weight for f in FAULTS)
    assert 0.33 < gray < 0.6


@pytest.mark.parametrize("view", retail.View)
def test_bundles_are_valid_and_as_the_view_says(view: retail.View) -> None:
    drawn = list(retail.incidents(133, 1 if view is retail.View.STORM else 2, view))
    assert drawn[:1] == list(retail.incidents(133, 1, view))
    for one in drawn:
        known = read_back(one)
        assert 700 < len(known) < 6000
        alarms = [seen for seen in one.incident.observations if seen.abnormal]
        told = len(one.incident.observations) > len(alarms)
        assert alarms
        assert (one.incident.target is not None) == (view is retail.View.TARGET)
        if view is retail.View.ALERTS:
            assert not told
            assert all(seen.score is None for seen in alarms)
        if view is retail.View.COVERED:
            assert told
        if view is retail.View.STORM:
            assert len(alarms) >= retail.STORM
        assert len(one.truth) == 1 or view is retail.View.SEVERAL
