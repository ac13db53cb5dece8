"""The campus breaks as one does; what the engine makes of it is in `test_worlds`."""

from __future__ import annotations

from random import Random

import pytest

from tests.rca.worlds import campus
from tests.rca.worlds.campus_estate import KINDS, Estate, Way
from tests.rca.worlds.campus_faults import FAULTS
from tests.rca.worlds.campus_physics import CALM, STEP, Blow, Campus, State
from tests.rca.worlds.campus_watch import RULES, Watch
from tests.rca.worlds.drawn import read_back

pytestmark = pytest.mark.worlds


@pytest.fixture(scope="module")
def estate() -> Estate:
    made = Estate(Random(4), (16, 18))
    made.restarts = False
    return made


@pytest.fixture
def day(estate: Estate) -> Campus:
    drawn = Campus(estate, Random(4))
    drawn.takeover = [60.0] * len(estate.roles)
    return drawn


def after(day: Campus, *blows: Blow, until: float = 900) -> dict[int, State]:
    return {thing: states[-1] for thing, states in day.play(blows, until).items()}


def dead(*things: int) -> list[Blow]:
    return [Blow(thing, up=0.0) for thing in things]


def members(estate: Estate, thing: int, way: Way) -> tuple[int, ...]:
    return next(gate.members for gate in estate.gates[thing] if gate.way is way)


def guests(estate: Estate, host: int) -> list[int]:
    return [g.owner for g in estate.serves[host] if estate.roles[g.owner] == "vm"]


def test_on_a_good_day_nothing_moves_and_only_what_cries_wolf_rings(day: Campus) -> None:
    assert not day.play([], 600)
    alarms, well, over = Watch(day, Random(1)).look({}, [], 600)
    assert all(one.since < 0 for one in alarms)
    assert len(alarms) < 0.01 * len(well)
    assert not over


def test_what_a_thing_needs_is_made_before_it(estate: Estate) -> None:
    assert all(
        m < owner for owner, gates in estate.gates.items() for g in gates for m in g.members
    )
    assert set(estate.roles) == set(KINDS)


def test_a_host_outlives_one_of_its_feeds_and_not_both(estate: Estate, day: Campus) -> None:
    host = estate.hypervisors[0]
    one, other = members(estate, host, Way.POWER)
    assert after(day, *dead(one)).get(host, CALM).up == 1
    both = after(day, *dead(one, other))
    assert both[host].up == 0
    assert all(both[vm].up == 0 for vm in guests(estate, host))


def test_a_dead_hosts_guests_are_started_elsewhere_where_that_is_done(estate: Estate) -> None:
    host = estate.hypervisors[0]
    day = Campus(estate, Random(4))
    day.refuge = dict.fromkeys(guests(estate, host), estate.hypervisors[1])
    states = day.play(dead(host), 900)
    for vm in day.refuge:
        assert states[vm][1].up == 0
        assert states[vm][-1].up == 1


def test_a_lossy_card_stays_in_the_bond_and_a_dead_one_does_not(
    estate: Estate, day: Campus
) -> None:
    host = estate.hypervisors[0]
    (bond,) = members(estate, host, Way.NET)
    card = members(estate, bond, Way.NET)[0]
    assert after(day, *dead(card)).get(host, CALM).reach == 1
    lossy = after(day, Blow(card, reach=0.5))
    assert lossy[host].reach == pytest.approx(0.75, abs=0.02)
    assert lossy[host].lag > 1


def test_without_a_way_on_a_rack_is_cut_off_and_runs(estate: Estate, day: Campus) -> None:
    host = estate.hypervisors[0]
    cut = after(day, *dead(*estate.of("spine")))
    assert (cut[host].up, cut[host].reach) == (1, 0)


def test_who_is_left_carries_the_work_of_who_is_gone(estate: Estate, day: Campus) -> None:
    service = next(s for s in estate.of("service") if len(members(estate, s, Way.PART)) in (2, 3))
    first, *others = members(estate, service, Way.PART)
    asked = after(day, *dead(first))
    assert all(asked[other].asked > 1.3 for other in others)


def test_what_a_full_machine_is_asked_makes_it_slow(estate: Estate, day: Campus) -> None:
    pod = estate.of("pod")[0]
    assert after(day, Blow(pod, hog=0.1)).get(pod, CALM).lag == 1
    assert after(day, Blow(pod, hog=0.9))[pod].lag > 1.3


def test_a_pool_outlives_one_host_of_disks_and_stands_still_without_two(
    estate: Estate, day: Campus
) -> None:
    pool = next(p for p in estate.of("pool") if len(members(estate, p, Way.STORE)) > 2)
    keepers = list(dict.fromkeys(estate.machine(o) for o in members(estate, pool, Way.STORE)))
    one, two = (after(day, *dead(*[k for k in keepers[:n] if k is not None])) for n in (1, 2))
    assert one[pool].up == 1
    assert one[pool].lag > 1
    assert two[pool].up == 0


def test_one_path_is_enough_and_without_both_a_guest_waits_for_ever(
    estate: Estate, day: Campus
) -> None:
    host = estate.hypervisors[0]
    paths = estate.parts[host][2:4]
    behind = [g.owner for g in estate.serves[paths[0]] if estate.roles[g.owner] == "vm"]
    if not behind:
        behind = [g.owner for p in estate.of("path")[:2] for g in estate.serves[p]]
    for vm in behind:
        both = next(g for g in estate.gates[vm] if g.type == "USES").members
        assert after(day, *dead(both[0])).get(vm, CALM).err == 0
        assert after(day, *dead(*both))[vm].err == 1


def test_a_copy_takes_over_from_a_dead_database_after_a_while(estate: Estate, day: Campus) -> None:
    database = estate.of("database")[0]
    first = members(estate, database, Way.PART)[0]
    errs = [state.err for state in day.play(dead(first), 300)[database]]
    assert errs[1] == 1
    assert errs[-1] < 0.2
    day.takeover[database] = float("inf")
    assert day.play(dead(first), 300)[database][-1].err == pytest.approx(0.6)


def test_memory_of_names_hides_a_dead_name_service_for_a_while(
    estate: Estate, day: Campus
) -> None:
    names = estate.helpers[0]
    gate = max(
        (
            g
            for g in estate.serves[names]
            if {
                estate.roles[m]
                for n in estate.gates[g.owner]
                if n.way is Way.CALL
                for m in n.members
            }
            <= {"helper", "database"}
        ),
        key=lambda g: g.patience,
    )
    states = day.play([Blow(names, err=1.0)], gate.patience + 200)[gate.owner]
    assert states[int(gate.patience // STEP) - 1].err < 0.3
    assert states[-1].err >= 0.5


def test_a_queue_fills_whose_reader_stands_still(estate: Estate, day: Campus) -> None:
    queue, readers = next((q, r) for q, r in estate.consumers.items() if r)
    states = day.play([Blow(reader, err=1.0) for reader in readers], 900)[queue]
    assert 0 < states[5].extra < states[15].extra
    assert states[-1].extra == 1
    assert states[-1].err > 0


def test_what_is_looked_at_from_a_dead_machine_is_unknown(estate: Estate, day: Campus) -> None:
    host = estate.hypervisors[0]
    vm = guests(estate, host)[0]
    blows = dead(host)
    watch = Watch(day, Random(2))
    watch.broken = 0
    watch.rules = list(RULES)
    alarms, well, _ = watch.look(day.play(blows, 900), blows, 900)
    rung = {(one.thing, one.rule.signal) for one in alarms}
    assert (vm, "unreachable") in rung or (host, "unreachable") in rung
    for thing in (vm, host):
        assert not {(thing, "cpu"), (thing, "memory")} & (well | rung)
    assert (vm, "panic") not in well | rung  # whose hypervisor alone would know


def test_an_alarm_takes_its_time_and_what_is_over_is_told_as_well(
    estate: Estate, day: Campus
) -> None:
    card = estate.of("nic")[0]
    watch = Watch(day, Random(5))
    watch.broken = 0
    watch.rules = [rule for rule in RULES if rule.signal == "down"]
    soon, _, _ = watch.look(day.play(dead(card), 40), dead(card), 40)
    assert not [one for one in soon if one.thing == card and one.since >= 0]
    flaps = [Blow(card, up=0.0, beat=200)]
    _, well, over = watch.look(day.play(flaps, 380), flaps, 380)
    assert (card, "down") in over
    assert (card, "down") in well


def test_about_three_of_a_hundred_relations_of_the_lists_are_wrong(estate: Estate) -> None:
    true = {
        (str(o), g.type, str(m)) for o, gs in estate.gates.items() for g in gs for m in g.members
    }
    true |= {(str(a), t, str(b)) for a, t, b in estate.listed if t != "WATCHED_BY"}
    said = {(r.dependent, r.type, r.dependency) for r in campus.lists(estate, Random(3))}
    said = {row for row in said if row[1] != "WATCHED_BY"}
    assert 0.005 < len(said - true) / len(true) < 0.03
    assert 0.02 < len(true - said) / len(true) < 0.045


def test_there_are_many_kinds_of_faults_and_a_third_of_what_is_drawn_is_gray() -> None:
    assert len(FAULTS) >= 40
    assert {fault.role for fault in FAULTS} <= set(KINDS)
    gray = sum(f.weight for f in FAULTS if f.gray) / sum(f.weight for f in FAULTS)
    assert gray == pytest.approx(0.34, abs=0.04)


@pytest.mark.parametrize("view", campus.View)
def test_bundles_are_valid_and_as_the_view_says(view: campus.View) -> None:
    drawn = list(campus.incidents(76, 1 if view is campus.View.STORM else 2, view))
    assert drawn[:1] == list(campus.incidents(76, 1, view))
    for one in drawn:
        incident = one.incident
        known = read_back(one)
        assert 250 < len(known) < 3500
        alarms = [seen for seen in incident.observations if seen.abnormal]
        told = len(incident.observations) > len(alarms) or incident.assume_healthy
        assert alarms
        assert (incident.target is not None) == (view is campus.View.TARGET)
        if view is campus.View.ALERTS:
            assert not told
            assert all(seen.score is None for seen in alarms)
        if view is campus.View.COVERED:
            assert told
        if view is campus.View.STORM:
            assert len(alarms) >= campus.STORM
        assert len(one.truth) == 1 or view is campus.View.SEVERAL
