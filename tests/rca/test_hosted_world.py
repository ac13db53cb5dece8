"""The platform breaks as platforms do; what the engine makes of it is in `test_worlds`."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from kgraph.schema.signals import is_known
from tests.rca.worlds import hosted
from tests.rca.worlds.drawn import read_back
from tests.rca.worlds.hosted_estate import Estate
from tests.rca.worlds.hosted_faults import FAULTS
from tests.rca.worlds.hosted_health import CALM, Blow, Health, answer
from tests.rca.worlds.hosted_physics import Platform
from tests.rca.worlds.hosted_things import KINDS, Way
from tests.rca.worlds.hosted_watch import RULES, Alarm, Watch

pytestmark = pytest.mark.worlds


@pytest.fixture(scope="module")
def estate() -> Estate:
    return Estate(Random(7))


@pytest.fixture
def platform(estate: Estate) -> Platform:
    made = Platform(estate, Random(3))
    made.patience = [1] * len(estate.roles)
    made.stays = [False] * len(estate.roles)
    made.slack = [0.5] * len(estate.roles)
    return made


def after(platform: Platform, *blows: Blow, until: int = 20) -> dict[int, Health]:
    return platform.play(blows, until)[-1]


def watch(platform: Platform) -> Watch:
    made = Watch(platform, Random(1), some=1.0)
    made.points = {
        thing: [replace(point, dead=False, delay=1) for point in points]
        for thing, points in made.points.items()
    }
    return made


def with_copies(estate: Estate, least: int, role: str = "svc") -> int:
    return next(s for s in estate.of(role) if len(estate.members(s, Way.SPREAD)) >= least)


def test_on_a_good_day_nothing_moves_and_only_what_cries_wolf_rings(platform: Platform) -> None:
    assert not any(platform.play([], 30))
    alarms, well = Watch(platform, Random(1)).look([{}] * 30, 30)
    assert len(alarms) < 0.005 * len(well)
    assert all(rule.value(CALM) < rule.limit[0] * 0.85 for rule in RULES)
    assert all(is_known(KINDS[role], rule.signal) for rule in RULES for role in rule.roles)


def test_what_a_thing_needs_is_made_before_it(estate: Estate) -> None:
    assert all(m < owner for owner, gs in estate.gates.items() for g in gs for m in g.members)
    assert set(estate.roles) == set(KINDS)


def test_a_battery_carries_its_racks_for_a_while(estate: Estate, platform: Platform) -> None:
    ups = estate.of("ups")[0]
    (gate,) = estate.gates[ups]
    days = platform.play([Blow(gate.members[0], {"up": 0})], gate.patience + 5)
    assert days[gate.patience - 2][ups].up == 1
    assert days[-1][ups].up == 0


def test_one_feed_of_two_is_missed_by_those_who_have_one(
    estate: Estate, platform: Platform
) -> None:
    platform.weak = [False] * len(estate.roles)
    pdu = estate.of("pdu")[0]
    dark = after(platform, Blow(pdu, {"up": 0}))
    for host in estate.of("hv"):
        feeds = estate.members(host, Way.POWER)
        assert dark.get(host, CALM).up == (feeds != [pdu])


def test_a_dead_card_costs_room_and_one_that_loses_packets_costs_answers(
    estate: Estate, platform: Platform
) -> None:
    nic = estate.of("nic")[0]
    (bond,) = estate.serves[nic]
    dead, lossy = (after(platform, Blow(nic, does))[bond] for does in ({"up": 0}, {"loss": 0.4}))
    assert (dead.loss, dead.short) == (0, 0.5)
    assert (lossy.loss, lossy.short) == (pytest.approx(0.2), 0)


def test_one_slow_disk_slows_the_volumes_of_its_site_and_no_other(
    estate: Estate, platform: Platform
) -> None:
    disk = estate.of("disk")[0]
    slow = after(platform, Blow(disk, {"io": 60}))
    hit = {estate.site[v] for v in estate.of("volume") if slow.get(v, CALM).io > 2}
    assert hit == {estate.site[disk]}


def test_disks_of_one_rack_may_die_and_those_of_two_may_not(
    estate: Estate, platform: Platform
) -> None:
    pool = estate.of("pool")[0]
    osds = estate.members(pool, Way.DISK)
    rack = {osd: estate.rack(estate.members(osd, Way.HOST)[0]) for osd in osds}
    one = [osd for osd in osds if rack[osd] == rack[osds[0]]]
    other = next(osd for osd in osds if rack[osd] != rack[osds[0]])
    blows = [Blow(estate.members(osd, Way.DISK)[0], {"up": 0}) for osd in one]
    lived = after(platform, *blows)[pool]
    assert lived.short
    assert not lived.stuck
    blows.append(Blow(estate.members(other, Way.DISK)[0], {"up": 0}))
    assert after(platform, *blows)[pool].stuck


def test_what_is_copied_anew_slows_everybody_for_a_while(
    estate: Estate, platform: Platform
) -> None:
    pool, disk = estate.of("pool")[0], estate.of("disk")[0]
    days = platform.play([Blow(disk, {"up": 0})], 60)
    assert days[3][pool].io == 1 < days[20][pool].io
    assert days[-1][pool].io == 1


def test_pods_of_a_dead_node_leave_the_rotation_and_come_elsewhere_while_there_is_room(
    estate: Estate, platform: Platform
) -> None:
    service = with_copies(estate, 3)
    pod = estate.members(service, Way.SPREAD)[0]
    (node,) = estate.members(pod, Way.HOST)
    days = platform.play([Blow(node, {"up": 0}, 2)], 20)
    assert days[4][pod].unready
    assert days[4][service].short
    assert days[-1][pod].gone
    assert not days[-1].get(service, CALM).short
    platform.spare = dict.fromkeys(platform.spare, 0)
    assert after(platform, Blow(node, {"up": 0}))[service].short


def test_where_the_api_is_frozen_only_changes_suffer(estate: Estate, platform: Platform) -> None:
    etcd = estate.of("etcd")[0]
    slow = after(platform, Blow(etcd, {"io": 30}))
    api = estate.apis[estate.cluster[etcd]]
    assert slow[api].frozen
    assert not [one for one in slow if estate.roles[one] in ("svc", "front")]
    worker = next(w for w in estate.of("worker") if estate.cluster[w] == estate.cluster[etcd])
    both = after(platform, Blow(etcd, {"io": 30}), Blow(worker, {"up": 0}, 3))
    assert not any(one.gone for one in both.values())


def test_a_copy_takes_over_from_a_dead_database_unless_that_fails(
    estate: Estate, platform: Platform
) -> None:
    rw = estate.of("rw")[0]
    first = estate.members(rw, Way.PART)[0]
    assert after(platform, Blow(first, {"up": 0}))[rw].ok == 1
    platform.stays = [True] * len(estate.roles)
    assert after(platform, Blow(first, {"up": 0}))[rw].ok == 0


def test_a_queue_fills_whose_readers_stand_still(estate: Estate, platform: Platform) -> None:
    queue, readers = next((q, some) for q, some in estate.consumers.items() if some)
    stopped = platform.play([Blow(one, {"up": 0}) for one in readers], 40)
    assert stopped[5][queue].fill < stopped[-1][queue].fill
    assert stopped[-1][queue].ok < 1


def test_who_calls_what_hangs_is_slow_and_then_errs(estate: Estate, platform: Platform) -> None:
    provider = next(p for p in estate.providers if estate.serves[p])
    caller = estate.serves[provider][0]
    days = platform.play([Blow(provider, {"hang": 1.0})], 15)
    assert days[1][caller].lag > 2
    assert days[-1][caller].ok < days[1][caller].ok


def test_a_clock_that_is_off_is_felt_by_what_runs_there(
    estate: Estate, platform: Platform
) -> None:
    platform.own_time = [False] * len(estate.roles)
    pod = estate.of("pod")[0]
    (node,) = estate.members(pod, Way.HOST)
    (host,) = estate.members(node, Way.HOST)
    assert after(platform, Blow(host, {"skew": 300}))[pod].ok < 1


def test_a_wrong_setting_is_felt_by_those_who_read_it_sooner_or_later(
    estate: Estate, platform: Platform
) -> None:
    config = next(c for c in estate.configs if estate.serves[c])
    one = estate.serves[config][0]
    loss = []
    for again in (True, False):
        platform.reloads = [again] * len(estate.roles)
        loss.append(1 - after(platform, Blow(config, {"ok": 0.3}), until=8)[one].ok)
    assert loss[0] > loss[1] > 0


def test_a_cluster_whose_prometheus_is_lost_is_seen_by_nobody_there(
    estate: Estate, platform: Platform
) -> None:
    prom = estate.of("prom")[0]
    svc = next(s for s in estate.of("svc") if estate.cluster[s] == estate.cluster[prom])
    days = platform.play([Blow(prom, {"up": 0}), Blow(svc, {"ok": 0.2})], 20)
    alarms, well = watch(platform).look(days, 20)
    rung = {one.thing for one in alarms}
    assert prom in rung
    assert svc not in rung
    inside = {one for one in estate.of("svc", "pod") if estate.cluster[one] == 0}
    assert not inside & {thing for thing, _ in well}


def test_pods_that_are_gone_are_watched_no_longer(estate: Estate, platform: Platform) -> None:
    lookers = {estate.members(one, Way.HOST)[0] for one in estate.of("prom")}
    pods = estate.members(with_copies(estate, 3), Way.SPREAD)
    pod, node = next(
        (pod, node)
        for pod in pods
        for node in estate.members(pod, Way.HOST)
        if node not in lookers
    )
    for until, there in ((5, True), (25, False)):
        days = platform.play([Blow(node, {"up": 0})], until)
        alarms, well = watch(platform).look(days, until)
        told = {one.thing for one in alarms} | {thing for thing, _ in well}
        assert (pod in told) == there


def test_what_does_not_answer_is_worse_than_what_loses_packets() -> None:
    dead, lossy, large, calm = Health(up=0), Health(loss=0.2), Health(big=1.0), Health()
    assert answer(dead).ok == 0 < answer(large).ok < answer(lossy).ok < answer(calm).ok == 1
    assert answer(calm).lag == 1 < answer(lossy).lag


def test_about_three_of_a_hundred_relations_of_the_lists_are_wrong(estate: Estate) -> None:
    true = {
        (str(o), g.way.value, str(m))
        for o, gates in estate.gates.items()
        for g in gates
        for m in g.members
    }
    true |= {(str(a), t, str(b)) for a, t, b in estate.listed}
    said = {(r.dependent, r.type, r.dependency) for r in hosted.lists(estate, Random(3))}
    watched = {row for row in true if row[1] == "WATCHED_BY"}
    assert 0.005 < len(said - true) / len(true) < 0.03
    assert 0.02 < len(true - watched - said) / len(true) < 0.045


def test_there_are_many_kinds_of_faults_and_half_are_gray() -> None:
    assert len(FAULTS) >= 80
    assert {fault.role for fault in FAULTS} <= set(KINDS)
    gray = sum(f.weight for f in FAULTS if f.gray) / sum(f.weight for f in FAULTS)
    assert 0.4 < gray < 0.6


@pytest.mark.parametrize("view", hosted.View)
def test_bundles_are_valid_and_as_the_view_says(view: hosted.View) -> None:
    drawn = list(hosted.incidents(147, 2, view))
    assert drawn[:1] == list(hosted.incidents(147, 1, view))
    for one in drawn:
        known = read_back(one)
        assert 300 < len(known) < 2600
        alarms = [seen for seen in one.incident.observations if seen.abnormal]
        told = len(one.incident.observations) > len(alarms)
        assert alarms
        assert (one.incident.target is not None) == (view is hosted.View.TARGET)
        if view is hosted.View.ALERTS:
            assert not told
            assert all(seen.score is None for seen in alarms)
        if view is hosted.View.COVERED:
            assert told
        if view is hosted.View.STORM:
            assert len(alarms) >= hosted.STORM
        assert len(one.truth) == 1 or view is hosted.View.SEVERAL


def test_only_who_loses_packets_itself_counts_them(estate: Estate, platform: Platform) -> None:
    spine = estate.of("spine")[0]
    does = next(f.does for f in FAULTS if f.name == "a spine loses packets")
    days = platform.play([Blow(spine, {name: low for name, (low, _) in does.items()})], 20)
    rung = {one.thing for one in watch(platform).look(days, 20)[0] if not one.idle}
    assert spine in rung
    assert not rung.intersection(estate.of("tor", "nic"))


def test_a_slow_system_disk_does_not_slow_what_others_keep_on_that_machine(
    estate: Estate, platform: Platform
) -> None:
    slow = after(platform, Blow(estate.of("sysdisk")[0], {"io": 40}))
    assert not [one for one in slow if estate.roles[one] in ("osd", "pool")]


def test_who_asks_for_the_time_itself_does_not_follow_its_host(
    estate: Estate, platform: Platform
) -> None:
    node = estate.of("worker")[0]
    (host,) = estate.members(node, Way.HOST)
    for own in (True, False):
        platform.own_time = [own] * len(estate.roles)
        assert bool(after(platform, Blow(host, {"skew": 300})).get(node, CALM).skew) != own


def test_alarms_for_nothing_are_no_incident(estate: Estate) -> None:
    blow = Blow(estate.of("sysdisk")[0], {"up": 0})
    rule = next(rule for rule in RULES if rule.signal == "failed")
    for idle in (True, False):
        alarms = [Alarm(blow.thing, rule, 3, 1.0, idle=idle)]
        assert hosted.noticed(estate, alarms, [blow], 1) != idle
