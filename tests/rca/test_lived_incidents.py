"""Small incidents as operators have lived them: what is to blame, and what to type next."""

from __future__ import annotations

import pytest

from kgraph.schema import Answer
from tests.rca.asking import Ask, chance, first


def _commands(answer: Answer) -> list[str]:
    return [check.command for check in answer.next_checks]


def test_a_certificate_that_is_known_by_its_address_alone_has_expired(ask: Ask) -> None:
    answer = ask("""
        LoadBalancer: edge
        Endpoint: shop pay
        Service: web
        shop pay RUNS_ON edge
        edge BALANCES web
        shop abnormal: expired errors
        pay healthy: expired errors
        edge web healthy: errors
    """)
    assert first(answer) == ("shop", "expired")


def test_an_address_of_others_that_is_called_is_looked_at_from_outside(ask: Ask) -> None:
    answer = ask("""
        Endpoint: api.pay.example
        Service: checkout invoices cart
        checkout invoices CALLS api.pay.example
        checkout CALLS cart
        checkout invoices abnormal: errors
        cart healthy: errors
    """)
    assert first(answer)[0] == "api.pay.example"
    assert _commands(answer)[0] == "kgraph check Endpoint/api.pay.example"


def test_guests_whose_time_is_stolen_are_not_those_that_steal_it(ask: Ask) -> None:
    answer = ask("""
        Host: h k
        VirtualMachine: v[1-3] batch w
        Service: s
        v[1-3] batch RUNS_ON h
        w RUNS_ON k
        s RUNS_ON v1
        v[1-3] abnormal: starved
        batch abnormal: cpu
        s abnormal: latency
        w healthy: starved cpu
        h k healthy: down unreachable
    """)
    assert first(answer) == ("batch", "overloaded")
    assert not answer.abstained
    assert max(chance(answer, f"v{i}") for i in (1, 2, 3)) < 0.05


def test_stolen_time_on_a_busy_host_is_laid_to_the_host(ask: Ask) -> None:
    answer = ask("""
        Host: h
        VirtualMachine: v[1-3]
        v* RUNS_ON h
        v1 v2 abnormal: starved
        h abnormal: cpu
    """)
    assert first(answer) == ("h", "overloaded")
    assert answer.causes[0].posterior > 0.9


def test_who_takes_the_processors_of_a_host_is_seen_on_that_host(ask: Ask) -> None:
    answer = ask("""
        Host: h k
        VirtualMachine: db web batch w
        db web batch RUNS_ON h
        w RUNS_ON k
        batch abnormal: cpu
        db web abnormal: latency
        w healthy: latency cpu
        h k healthy: down memory
    """)
    assert _commands(answer)[0] == "ssh h top -b -n 1"


def test_copies_that_are_killed_for_memory_again_and_again_are_all_named(ask: Ask) -> None:
    answer = ask("""
        Host: n1 n2
        Service: search front
        Pod: s1 s2
        search DEPENDS_ON s1 s2 / copies 1
        s1 RUNS_ON n1
        s2 RUNS_ON n2
        front CALLS search
        s1 s2 abnormal: killed memory
        search front abnormal: errors
        n1 n2 healthy: down memory
    """)
    assert {(m.entity, m.mode) for m in answer.hypotheses[0].members} == {
        ("s1", "killed"),
        ("s2", "killed"),
    }


def test_of_a_machine_whose_file_system_is_full_one_looks_at_its_file_systems(ask: Ask) -> None:
    answer = ask("""
        Host: h
        VirtualMachine: v
        Service: daemon
        v RUNS_ON h
        daemon RUNS_ON h
        h abnormal: full
        daemon abnormal: errors
        h v healthy: down
    """)
    assert first(answer) == ("h", "filling")
    assert _commands(answer)[0] == "ssh h df -h"


def test_a_line_of_a_bond_that_loses_packets_is_looked_at_by_its_counters(ask: Ask) -> None:
    answer = ask("""
        Nic: eth0 eth1
        Bond: bond0
        Host: h
        SwitchPort: p1 p2
        VirtualMachine: v1 v2 v3
        h USES bond0
        bond0 CONNECTED_TO eth0 eth1 / links 1
        eth0 CONNECTED_TO p1
        eth1 CONNECTED_TO p2
        v* RUNS_ON h
        bond0 abnormal: degraded
        eth1 abnormal: errors
        v* abnormal: latency
        eth0 p1 healthy: errors down
        h healthy: down
    """)
    assert first(answer) == ("eth1", "flapping")
    assert _commands(answer)[0] == "ip -s link show eth1"


def test_a_card_of_a_bond_that_loses_packets_is_named_before_the_host_that_all_is_slow_on(
    ask: Ask,
) -> None:
    answer = ask("""
        Nic: eth0 eth1
        Bond: bond0
        Host: h k
        VirtualMachine: v[1-4] w[1-4]
        Service: s[1-4]
        h USES bond0
        bond0 USES eth0 eth1 / links 1
        v* RUNS_ON h
        w* RUNS_ON k
        s[1-4] RUNS_ON each v[1-4]
        eth1 abnormal: errors
        v* s* abnormal: latency
        eth0 healthy: errors down
        h k healthy: down cpu
        w* healthy: latency
    """)
    assert first(answer) == ("eth1", "flapping")
    assert {f"s{i}" for i in range(1, 5)} <= {path.symptom.entity for path in answer.explanation}


def test_one_disk_of_a_pool_that_answers_late_is_a_rival_of_the_pool_and_looked_at(
    ask: Ask,
) -> None:
    answer = ask("""
        StoragePool: rbd
        Disk: osd[0-8]
        Host: c1 c2 c3 h
        VirtualMachine: v[1-6]
        osd[0-2] RUNS_ON c1
        osd[3-5] RUNS_ON c2
        osd[6-8] RUNS_ON c3
        rbd STORED_ON osd[0-8] / osds 6
        v* STORED_ON rbd
        v* RUNS_ON h
        osd4 abnormal: latency
        rbd abnormal: latency
        v[1-4] abnormal: latency
        osd[0-3] osd[5-8] healthy: latency down
        c1 c2 c3 h healthy: down cpu
    """)
    assert chance(answer, "osd4") > 0.15
    assert _commands(answer)[0] == "smartctl -A osd4"


def test_a_member_of_a_quorum_on_a_slow_disk_is_not_called_the_broken_one(ask: Ask) -> None:
    answer = ask("""
        Cluster: etcd
        ServiceInstance: e1 e2 e3
        VirtualMachine: m1 m2 m3
        StoragePool: p1 p2 p3
        Service: api
        etcd DEPENDS_ON e1 e2 e3 / quorum 2
        e[1-3] RUNS_ON each m[1-3]
        m[1-3] STORED_ON each p[1-3]
        api DEPENDS_ON etcd
        e1 abnormal: anomaly
        etcd abnormal: degraded
        api abnormal: latency
        m1 abnormal: disk
        p1 abnormal: latency
        p2 p3 healthy: latency
        e2 e3 healthy: anomaly
        m[1-3] healthy: down
    """)
    assert first(answer)[1] == "slow"
    assert chance(answer, "p1") > chance(answer, "e1")
    explained = {path.symptom.entity for path in answer.explanation}
    assert {"e1", "etcd", "api"} <= explained


def test_where_power_or_a_switch_may_be_gone_the_feed_is_asked_and_its_modes_are_one(
    ask: Ask,
) -> None:
    answer = ask("""
        Switch: tor1 tor2
        PowerFeed: pdu1 pdu2
        Host: h[1-8]
        h[1-4] POWERED_BY pdu1
        h[5-8] POWERED_BY pdu2
        tor1 POWERED_BY pdu1
        tor2 POWERED_BY pdu2
        h[1-4] CONNECTED_TO tor1
        h[5-8] CONNECTED_TO tor2
        h[1-4] tor1 abnormal: unreachable
        h[5-8] tor2 healthy: unreachable
    """)
    assert {cause.entity for cause in answer.causes[:2]} == {"tor1", "pdu1"}
    check = answer.next_checks[0]
    assert check.command == "kgraph check PowerFeed/pdu1"
    assert "tor1" in check.splits
    assert "pdu1" in check.splits


def test_firmware_that_makes_the_lines_of_its_model_come_and_go_explains_them(ask: Ask) -> None:
    answer = ask("""
        Host: h[1-6]
        Nic: n[1-6]
        ConfigItem: firmware
        Switch: sw1 sw2
        h[1-6] USES each n[1-6]
        n[1-3] USES firmware
        n[1-2] n[5-6] CONNECTED_TO sw1
        n[3-4] CONNECTED_TO sw2
        n[1-3] abnormal: flapping
        n[4-6] healthy: flapping down
        sw1 sw2 healthy: down
    """)
    assert first(answer) == ("firmware", "changed")
    assert {path.symptom.entity for path in answer.explanation} == {"n1", "n2", "n3"}


def test_of_eight_hosts_that_die_together_each_is_named(ask: Ask) -> None:
    answer = ask("""
        Host: h[1-8] w
        VirtualMachine: a[1-8] b[1-8] v
        Service: s
        a[1-8] RUNS_ON each h[1-8]
        b[1-8] RUNS_ON each h[1-8]
        v RUNS_ON w
        s RUNS_ON v
        s USES a*
        h* abnormal: down
        a* abnormal: down
        b* abnormal: down
        w v healthy: down
        s abnormal: errors
    """)
    assert all(chance(answer, f"h{number}") > 0.5 for number in range(1, 9)), answer.causes


BALANCED = """
    LoadBalancer: lb
    ServiceInstance: web[1-3]
    Service: shop
    VirtualMachine: v[1-3]
    Database: db
    lb BALANCES web[1-3] / copies 1
    shop CALLS lb
    web[1-3] CALLS db
    web[1-3] RUNS_ON each v[1-3]
    v[1-3] healthy: down
    web1 web3 healthy: down errors
    db lb healthy: down
    db healthy: errors
"""


def test_a_copy_that_errs_and_is_still_sent_requests_is_why_the_balancer_errs(ask: Ask) -> None:
    answer = ask(f"""{BALANCED}
        web2 healthy: down
        web2 lb shop abnormal: errors
    """)
    assert first(answer) == ("web2", "failing")
    assert {member.entity for member in answer.hypotheses[0].members} == {"web2"}
    explained = {path.symptom.entity for path in answer.explanation}
    assert explained == {"web2", "lb", "shop"}


def test_a_copy_that_is_gone_is_not_why_the_balancer_errs(ask: Ask) -> None:
    answer = ask(f"""{BALANCED}
        web2 abnormal: down
        lb shop abnormal: errors
    """)
    explained = {p.symptom.entity for p in answer.explanation if p.cause.entity == "web2"}
    assert explained == {"web2"}


def test_a_copy_that_is_gone_is_blamed_while_the_others_serve(ask: Ask) -> None:
    answer = ask(f"""{BALANCED}
        web2 abnormal: down
        lb shop healthy: errors
    """)
    assert first(answer) == ("web2", "failing")
    assert answer.causes[0].posterior > 0.8


def test_a_name_server_of_two_that_answers_wrongly_is_why_some_of_its_clients_err(
    ask: Ask,
) -> None:
    answer = ask("""
        Service: dns1 dns2 web mail api
        Host: h1 h2
        web mail api USES dns1 dns2 / resolvers 1
        dns1 RUNS_ON h1
        dns2 RUNS_ON h2
        dns1 web mail abnormal: errors
        dns1 dns2 healthy: down unreachable
        dns2 api healthy: errors
        h1 h2 healthy: down
    """)
    assert first(answer) == ("dns1", "failing")


def test_copies_that_all_err_after_a_change_of_what_they_read_are_not_blamed_one_by_one(
    ask: Ask,
) -> None:
    answer = ask("""
        LoadBalancer: lb
        ServiceInstance: web[1-3]
        Service: shop
        ConfigItem: release
        lb BALANCES web[1-3] / copies 1
        shop CALLS lb
        web[1-3] DEPENDS_ON release
        release abnormal: changed
        web[1-3] lb shop abnormal: errors
        web[1-3] healthy: down
    """)
    assert first(answer) == ("release", "changed")


def test_a_part_without_a_copy_that_errs_is_why_the_whole_errs(ask: Ask) -> None:
    answer = ask("""
        Database: s[1-4]
        Service: store shop
        store DEPENDS_ON s[1-4] / shards 4
        shop CALLS store
        s2 store shop abnormal: errors
        s[1-4] healthy: down
        s1 s3 s4 healthy: errors
    """)
    assert first(answer) == ("s2", "failing")


FULL = """
    StoragePool: pool
    Volume: vol[1-4]
    VirtualMachine: v[1-4]
    Database: db
    Service: api web cache
    vol[1-4] STORED_ON pool
    v1 STORED_ON vol1
    v2 STORED_ON vol2
    v3 STORED_ON vol3
    v4 STORED_ON vol4
    db RUNS_ON v1
    api RUNS_ON v2
    api CALLS db
    web CALLS api cache
    pool abnormal: full
    v1 v2 v3 abnormal: paused
    api web abnormal: latency errors
    cache healthy: latency errors
"""


@pytest.mark.parametrize("signal", ["latency", "errors"])
def test_what_has_stopped_may_be_why_an_objective_on_latency_is_breached(
    ask: Ask, signal: str
) -> None:
    """Who waits for what has stopped is slow; an alarm that names the mode is not passed over."""
    answer = ask(f"{FULL}\n    target web {signal}")
    assert first(answer) == ("pool", "full")
    assert not answer.abstained


SLOW = """
    Database: db
    Service: cart web
    web CALLS cart
    cart CALLS db
    db abnormal: latency cpu
    cart abnormal: latency errors
    web abnormal: errors {}
    target web errors
"""


def test_who_waits_too_long_gives_up_and_errs(ask: Ask) -> None:
    """Where the objective's own service is slow as well, what is slow may be why it errs."""
    assert first(ask(SLOW.format("latency"))) == ("db", "slow")
    assert first(ask(SLOW.format("")))[1] != "slow"


def test_a_worn_disk_may_be_why_an_objective_on_errors_is_breached(ask: Ask) -> None:
    answer = ask("""
        Disk: d e
        VirtualMachine: v w
        Database: db
        Service: web
        v STORED_ON d
        w STORED_ON e
        db RUNS_ON v
        web RUNS_ON w
        web CALLS db
        d abnormal: wearing
        v abnormal: disk
        db abnormal: latency
        web abnormal: errors latency
        e healthy: wearing
        w healthy: disk
        target web errors
    """)
    assert first(answer) == ("d", "wearing")


ROLLED_OUT = """
    Application: web api
    Service: web-service
    Pod: p[1-6] q[1-3]
    VirtualMachine: n[1-3]
    web RUNS_ON p[1-6] / pods 1
    web-service RUNS_ON p[1-6] / endpoints 1
    api RUNS_ON q[1-3] / pods 1
    p[1-3] RUNS_ON each n[1-3]
    p[4-6] RUNS_ON each n[1-3]
    q[1-3] RUNS_ON each n[1-3]
    n[1-3] q[1-3] healthy: down
    api healthy: degraded
"""
TWO = "p1 p2 abnormal: down\n p[3-6] healthy: down"


@pytest.mark.parametrize(
    "seen",
    [
        "p[1-6] abnormal: down\n web abnormal: availability",
        "p[1-6] abnormal: down\n web abnormal: availability\n web changed: updated",
        f"{TWO}\n web abnormal: degraded\n web changed: updated",
        f"{TWO}\n web changed: deployed",
    ],
    ids=["all", "all, changed", "two of six", "two of six, told by the change alone"],
)
def test_copies_of_one_workload_that_fail_together_have_their_release_in_common(
    ask: Ask, seen: str
) -> None:
    answer = ask(f"{ROLLED_OUT}\n{seen}")
    assert first(answer) == ("web", "bad_release")
    assert [member.entity for member in answer.hypotheses[0].members] == ["web"]
    assert {path.symptom.entity for path in answer.explanation} >= {"p1", "p2"}


def test_one_copy_of_six_that_fails_is_no_release(ask: Ask) -> None:
    answer = ask(f"""{ROLLED_OUT}
        p1 abnormal: down
        p[2-6] healthy: down
        web abnormal: degraded
    """)
    assert first(answer) == ("p1", "failing")


def test_copies_that_fail_on_one_node_are_laid_to_the_node(ask: Ask) -> None:
    answer = ask(
        f"""{ROLLED_OUT}
        Pod: r1
        r1 RUNS_ON n1
        p1 p4 r1 abnormal: down
        p[2-3] p[5-6] healthy: down
        web abnormal: degraded
    """.replace("n[1-3] q[1-3] healthy", "n2 n3 q[2-3] healthy")
    )
    assert first(answer)[0] == "n1"


def test_what_two_workloads_read_is_why_the_copies_of_both_fail(ask: Ask) -> None:
    answer = ask("""
        Application: web api cart
        ConfigItem: settings
        Pod: p[1-3] q[1-3] r[1-2]
        web RUNS_ON p[1-3] / pods 1
        api RUNS_ON q[1-3] / pods 1
        cart RUNS_ON r[1-2] / pods 1
        web api USES settings
        p[1-3] q[1-3] abnormal: down
        web api abnormal: availability
        r[1-2] healthy: down
        settings changed: updated
    """)
    assert first(answer) == ("settings", "changed")
    assert {member.entity for member in answer.hypotheses[0].members} == {"settings"}


def test_what_checks_tickets_errs_where_the_clock_is_off(ask: Ask) -> None:
    answer = ask("""
        Cluster: ceph
        Host: c1 c2 c3
        ServiceInstance: mon1 mon2 mon3 sso
        Service: portal wiki
        ceph DEPENDS_ON mon1 mon2 mon3 / mons 2
        mon1 mon2 mon3 RUNS_ON each c1 c2 c3
        sso RUNS_ON c2
        portal wiki CALLS sso
        c[1-3] healthy: down unreachable
        c1 c3 healthy: clock_off
        c2 abnormal: clock_off
        ceph abnormal: anomaly
        sso portal abnormal: errors
    """)
    assert first(answer) == ("c2", "clock_off")
    assert answer.causes[0].posterior > 0.5


def test_clocks_that_nobody_keeps_are_laid_to_whom_they_ask(ask: Ask) -> None:
    answer = ask("""
        Service: ntp kdc login files
        Host: h[1-5]
        VirtualMachine: v1 v2
        h* USES ntp
        v1 v2 RUNS_ON h1
        kdc RUNS_ON v1
        login RUNS_ON v2
        files RUNS_ON h3
        login files CALLS kdc
        h* healthy: down unreachable
        h[1-4] abnormal: clock_off
        files abnormal: errors
    """)
    assert first(answer)[0] == "ntp"


def test_a_clock_that_is_not_seen_to_be_off_is_not_suspected(ask: Ask) -> None:
    answer = ask("""
        Host: h
        VirtualMachine: v
        Service: api web
        v RUNS_ON h
        api RUNS_ON v
        web CALLS api
        h v healthy: down
        api web abnormal: errors
    """)
    assert first(answer) == ("api", "failing")
    assert chance(answer, "v") < 0.2


SERVED = """
    Host: h1 h2
    VirtualMachine: v[1-4]
    Service: s[1-4] shop
    v1 v2 v3 RUNS_ON h1
    v4 RUNS_ON h2
    s[1-4] RUNS_ON each v[1-4]
    shop CALLS s1 s2 s4
    h1 h2 v* healthy: down
    s4 healthy: errors
    s1 s2 shop abnormal: errors
"""


def test_a_host_whose_table_of_connections_is_full_is_why_its_services_err(ask: Ask) -> None:
    answer = ask(f"{SERVED}\n    h1 abnormal: lossy")
    assert first(answer) == ("h1", "lossy")
    assert {path.symptom.entity for path in answer.explanation} == {"h1", "s1", "s2", "shop"}


def test_a_host_whose_table_nobody_calls_full_is_asked_and_not_blamed(ask: Ask) -> None:
    assert chance(ask(SERVED), "h1") < 0.5


def test_a_gateway_whose_table_of_connections_is_full_is_why_some_behind_it_err(ask: Ask) -> None:
    answer = ask("""
        Router: nat
        Network: lan
        Host: h1 h2
        VirtualMachine: v[1-4]
        Service: s[1-4]
        Endpoint: pay
        lan CONNECTED_TO nat
        v* ATTACHED_TO lan
        v1 v2 RUNS_ON h1
        v3 v4 RUNS_ON h2
        s[1-4] RUNS_ON each v[1-4]
        s1 s2 CALLS pay
        h1 h2 v* healthy: down
        nat healthy: down unreachable
        s4 healthy: errors
        nat abnormal: lossy
        s1 s2 abnormal: errors
        s3 abnormal: latency
    """)
    assert first(answer) == ("nat", "lossy")


def test_a_router_that_loses_a_neighbour_again_and_again_is_why_addresses_do_not_answer(
    ask: Ask,
) -> None:
    answer = ask("""
        Router: r1 r2
        Network: core
        Endpoint: www pay api
        Service: web
        LoadBalancer: lb
        core CONNECTED_TO r1 r2 / uplinks 1
        lb ATTACHED_TO core
        www pay api RUNS_ON lb
        lb BALANCES web
        r1 r2 healthy: down unreachable
        web healthy: errors
        lb healthy: down
        r1 abnormal: lossy
        www pay abnormal: unreachable
    """)
    assert first(answer) == ("r1", "lossy")


TRUNKS = """
    Switch: sw1 sw2
    Network: vlan20 vlan30
    Host: h[1-4]
    VirtualMachine: a[1-4] b[1-4]
    Service: shop pay
    h1 h2 CONNECTED_TO sw1
    h3 h4 CONNECTED_TO sw2
    vlan20 vlan30 CONNECTED_TO sw1 sw2 / switches 1
    a* ATTACHED_TO vlan20
    b* ATTACHED_TO vlan30
    a[1-4] RUNS_ON each h[1-4]
    b[1-4] RUNS_ON each h[1-4]
    shop RUNS_ON a1
    pay RUNS_ON a3
    h* a3 a4 b* healthy: down unreachable
    sw1 sw2 healthy: down unreachable
    a1 a2 abnormal: unreachable
    shop abnormal: errors
"""


def test_a_vlan_that_a_changed_switch_no_longer_carries_is_laid_to_the_switch(ask: Ask) -> None:
    assert first(ask(f"{TRUNKS}\n    sw1 changed: updated")) == ("sw1", "lossy")


def test_a_switch_that_nobody_changed_loses_no_vlan(ask: Ask) -> None:
    assert chance(ask(TRUNKS), "sw1") < 0.1


BEHIND = """
    LoadBalancer: lb
    Endpoint: www
    Service: web img shop
    ServiceInstance: web[1-4] img[1-2]
    VirtualMachine: v[1-4]
    Host: h1 h2
    lb BALANCES web img
    www USES lb
    www CALLS web
    web RUNS_ON web[1-4] / servers 1
    img RUNS_ON img[1-2] / servers 1
    shop CALLS www
    web[1-4] RUNS_ON each v[1-4]
    img[1-2] RUNS_ON each v[1-2]
    v1 v2 RUNS_ON h1
    v3 v4 RUNS_ON h2
    img[1-2] img healthy: down
"""


@pytest.mark.parametrize(
    "machines", ["", "h1 h2 v[1-4] lb healthy: down unreachable"], ids=["alone", "machines well"]
)
def test_back_ends_that_all_fail_their_check_are_not_blamed_one_by_one(
    ask: Ask, machines: str
) -> None:
    answer = ask(f"""{BEHIND}
        {machines}
        web[1-4] web abnormal: down
        shop abnormal: errors
    """)
    assert first(answer) == ("web", "isolated")
    assert answer.monitoring < 0.05
    assert any(command.startswith("systemctl status web") for command in _commands(answer))


def test_two_back_ends_of_four_that_fail_are_blamed_themselves(ask: Ask) -> None:
    answer = ask(f"""{BEHIND}
        h1 h2 v[1-4] healthy: down unreachable
        web1 web2 abnormal: down
        web3 web4 web healthy: down
    """)
    assert {cause.entity for cause in answer.causes[:2]} == {"web1", "web2"}
    assert chance(answer, "web") < 0.01


def test_a_copy_that_errs_is_found_where_its_balancer_has_each_copy_itself(ask: Ask) -> None:
    """An arrow back from a balancer to its copies made a circle of them, and hid who errs."""
    answer = ask("""
        LoadBalancer: lb
        ServiceInstance: w[1-4]
        VirtualMachine: v[1-4]
        Database: db
        Application: site
        site DEPENDS_ON lb
        lb BALANCES w[1-4]
        w[1-4] RUNS_ON each v[1-4]
        w[1-4] CALLS db
        lb site w3 abnormal: errors
        w1 w2 w4 db healthy: errors
        v3 healthy: down cpu
        target site errors
    """)
    assert first(answer) == ("w3", "failing")


def test_a_node_without_room_is_why_its_pods_are_thrown_off_and_not_ready(ask: Ask) -> None:
    answer = ask("""
        VirtualMachine: n[1-4]
        Application: web img
        Pod: w[1-4] i[1-3]
        web RUNS_ON w[1-4] / pods 1
        img RUNS_ON i[1-3] / pods 1
        w[1-4] RUNS_ON each n[1-4]
        i[1-3] RUNS_ON each n[1-3]
        n* healthy: down
        n1 n2 n4 healthy: filling
        n3 abnormal: filling
        w3 abnormal: evicted
        i3 abnormal: down
        web img abnormal: availability
    """)
    assert first(answer) == ("n3", "filling")
    assert chance(answer, "i3") < 0.1


def test_nodes_whose_certificates_ran_out_are_not_ready_and_none_is_out_of_memory(
    ask: Ask,
) -> None:
    answer = ask("""
        ConfigItem: kubelets
        VirtualMachine: n[1-4]
        Pod: p[1-4]
        n* USES kubelets
        p[1-4] RUNS_ON each n[1-4]
        n* healthy: unreachable
        n1 n2 n3 p1 p2 p3 abnormal: down
        n4 abnormal: anomaly
    """)
    assert first(answer) == ("kubelets", "expired")
    assert answer.causes[0].posterior > 0.9


def test_a_volume_that_is_full_is_why_who_writes_there_fails(ask: Ask) -> None:
    answer = ask("""
        Volume: data other
        StoragePool: rbd
        Pod: pg-0 web-0
        Database: pg
        Service: shop
        VirtualMachine: n1 n2
        data other STORED_ON rbd
        pg-0 STORED_ON data
        web-0 STORED_ON other
        pg RUNS_ON pg-0
        pg-0 web-0 RUNS_ON each n1 n2
        shop CALLS pg
        n1 n2 web-0 healthy: down
        rbd healthy: full down
        data abnormal: full
        pg-0 pg abnormal: down
        shop abnormal: errors
    """)
    assert first(answer) == ("data", "unwritable")


def test_a_card_that_loses_packets_is_why_the_disks_of_its_host_come_and_go(ask: Ask) -> None:
    answer = ask("""
        Host: c[1-3] h
        Nic: e[1-3]
        Disk: osd[0-8]
        StoragePool: rbd
        VirtualMachine: v[1-4]
        c[1-3] USES each e[1-3]
        osd[0-2] RUNS_ON c1
        osd[3-5] RUNS_ON c2
        osd[6-8] RUNS_ON c3
        rbd STORED_ON osd[0-8] / osds 6
        v* STORED_ON rbd
        v* RUNS_ON h
        c[1-3] h healthy: down unreachable
        e2 abnormal: lossy
        osd3 osd4 abnormal: anomaly
        rbd abnormal: degraded
        v1 v4 abnormal: disk
    """)
    assert first(answer) == ("e2", "flapping")
    assert chance(answer, "c2") < 0.2


def test_the_last_of_two_paths_that_comes_and_goes_is_no_busy_host(ask: Ask) -> None:
    answer = ask("""
        Host: h1 h2
        StoragePath: a b c d
        StorageArray: san
        VirtualMachine: v[1-5]
        h1 USES a b / paths 1
        h2 USES c d / paths 1
        a b c d CONNECTED_TO san
        v[1-3] RUNS_ON h1
        v[4-5] RUNS_ON h2
        h1 h2 healthy: down unreachable
        c d san healthy: down
        a abnormal: down
        b abnormal: flapping
        h1 v1 v2 abnormal: disk
        v4 v5 healthy: disk
    """)
    assert first(answer) == ("b", "flapping")


def test_the_disk_that_failed_is_named_beside_the_pool_that_is_rebuilt(ask: Ask) -> None:
    answer = ask("""
        Host: h
        Disk: sd[1-4]
        StoragePool: md0
        VirtualMachine: v[1-4]
        Database: pg
        md0 STORED_ON sd[1-4] / raid 3
        v* STORED_ON md0
        v* RUNS_ON h
        pg RUNS_ON v1
        h healthy: down unreachable
        md0 abnormal: degraded disk
        sd2 abnormal: failed
        v1 v2 abnormal: disk
        pg abnormal: latency
    """)
    assert {cause.entity for cause in answer.causes[:2]} == {"sd2", "md0"}


def test_hosts_of_one_rack_that_are_all_too_hot_are_not_each_to_blame(ask: Ask) -> None:
    answer = ask("""
        Rack: r1 r2
        Host: a[1-4] b[1-4]
        VirtualMachine: v[1-4]
        Service: shop cart
        a* DEPENDS_ON r1
        b* DEPENDS_ON r2
        v[1-4] RUNS_ON each a[1-4]
        shop cart RUNS_ON each v[1-2]
        a* b* healthy: down
        b* healthy: degraded
        a* abnormal: degraded
        shop cart abnormal: latency
    """)
    assert first(answer) == ("r1", "slow")


def test_guests_that_lose_their_leases_are_laid_to_whom_they_ask_for_them(ask: Ask) -> None:
    answer = ask("""
        Service: dhcp
        VirtualMachine: own v[1-6]
        Host: h1 h2
        dhcp RUNS_ON own
        v[1-6] USES dhcp
        v[1-3] own RUNS_ON h1
        v[4-6] RUNS_ON h2
        h1 h2 healthy: down unreachable
        v1 v4 v5 healthy: unreachable
        dhcp abnormal: down
        v2 v3 v6 abnormal: unreachable
    """)
    assert first(answer)[0] == "dhcp"
    assert not answer.abstained


FILTERED = """
    Router: fw
    Network: apps data
    VirtualMachine: a[1-3] d[1-2]
    Service: shop cart bill cron
    Database: pg
    apps data CONNECTED_TO fw
    a[1-3] ATTACHED_TO apps
    d[1-2] ATTACHED_TO data
    shop cart bill RUNS_ON each a[1-3]
    pg RUNS_ON d1
    cron RUNS_ON d2
    shop cart bill cron CALLS pg
    fw a[1-3] d[1-2] healthy: down unreachable
    pg cron healthy: errors down
    shop cart bill abnormal: errors
"""


def test_a_firewall_that_was_changed_and_answers_is_suspected_of_what_it_filters(ask: Ask) -> None:
    changed = ask(f"{FILTERED}\n    fw changed: updated")
    assert first(changed) == ("fw", "lossy")
    assert chance(ask(FILTERED), "fw") < 0.01


def test_a_broker_whose_machine_has_no_room_is_not_blamed_itself(ask: Ask) -> None:
    answer = ask("""
        Host: k[1-3]
        ServiceInstance: b[1-3]
        Queue: kafka
        Service: ingest
        kafka DEPENDS_ON b[1-3] / brokers 2
        b[1-3] RUNS_ON each k[1-3]
        ingest CALLS kafka
        k* healthy: down unreachable
        b1 b3 healthy: down
        k2 abnormal: full
        b2 abnormal: down
        kafka abnormal: anomaly
        ingest abnormal: latency
    """)
    assert first(answer) == ("k2", "filling")


@pytest.mark.parametrize("seen", ["secret changed: rotated", "secret abnormal: expired"])
def test_what_several_read_is_why_they_err_and_not_the_database_that_refuses_them(
    ask: Ask, seen: str
) -> None:
    answer = ask(f"""
        ConfigItem: secret
        Database: pg
        Service: a b c front
        VirtualMachine: v[1-4] own
        a b c USES secret
        a b c CALLS pg
        front CALLS a
        a b c front RUNS_ON each v[1-4]
        pg RUNS_ON own
        v* own healthy: down
        pg healthy: down latency
        c healthy: errors
        {seen}
        a b pg front abnormal: errors
    """)
    assert first(answer)[0] == "secret"


PLUGGED = """
    Host: h k
    Switch: sw
    SwitchPort: p q
    Nic: e f
    VirtualMachine: v[1-3] w
    h USES e
    k USES f
    e CONNECTED_TO p
    f CONNECTED_TO q
    p q CONNECTED_TO sw
    v[1-3] RUNS_ON h
    w RUNS_ON k
    k sw w healthy: unreachable down
    q healthy: down
    p abnormal: down
"""


def test_the_port_of_a_machine_without_power_is_not_blamed_for_it(ask: Ask) -> None:
    answer = ask(f"{PLUGGED}\n h v[1-3] abnormal: unreachable")
    assert first(answer) == ("h", "down")
    assert chance(answer, "p") > 0.05
    assert _commands(answer)[0] == "ip -br link show e"  # at its console: is the line up?


def test_a_port_that_is_down_and_whose_machine_is_well_leaves_card_and_port(ask: Ask) -> None:
    answer = ask(f"{PLUGGED}\n e abnormal: down\n h v[1-3] healthy: unreachable down")
    assert {cause.entity for cause in answer.causes[:2]} == {"e", "p"}
    assert min(chance(answer, "e"), chance(answer, "p")) > 0.3


def test_machines_that_wait_for_a_server_of_files_are_not_busy_themselves(ask: Ask) -> None:
    answer = ask("""
        Host: nfs n[1-4] d
        StorageExport: media
        Service: img pay
        ServiceInstance: img[1-4]
        Database: pg
        media RUNS_ON nfs
        n[1-4] img[1-4] USES media
        img RUNS_ON img[1-4] / copies 2
        img[1-4] RUNS_ON each n[1-4]
        pay CALLS pg
        pg RUNS_ON d
        nfs media abnormal: unreachable
        n[1-4] abnormal: saturation
        img[1-4] abnormal: latency
        img abnormal: errors
        d n[1-4] healthy: down unreachable
        pg pay healthy: errors latency
    """)
    assert first(answer) == ("nfs", "down")
    assert [member.entity for member in answer.hypotheses[0].members] == ["nfs"]
    assert {f"n{i}" for i in range(1, 5)} <= {path.symptom.entity for path in answer.explanation}


def test_who_collects_the_measurements_stops_for_want_of_room(ask: Ask) -> None:
    answer = ask("""
        Probe: prom other
        Host: a b[1-6]
        VirtualMachine: m
        Service: crm erp portal
        m RUNS_ON b6
        prom RUNS_ON m
        b[1-5] WATCHED_BY prom
        a WATCHED_BY other
        crm erp portal RUNS_ON each b1 b2 a
        portal CALLS crm erp
        m abnormal: full
        prom abnormal: down
        b[1-5] abnormal: unreachable
        portal crm erp healthy: errors
        a healthy: down unreachable
    """)
    assert first(answer) == ("m", "filling")
    assert _commands(answer)[0] == "ssh m df -h"
    assert max(chance(answer, f"b{i}") for i in range(1, 6)) < 0.05


def test_a_broker_whose_volume_is_full_is_not_blamed_itself(ask: Ask) -> None:
    answer = ask("""
        Volume: data-[0-2]
        StoragePool: ebs
        Pod: kafka-[0-2] in-1
        Queue: kafka
        Application: ingest
        VirtualMachine: n[1-3]
        data-[0-2] STORED_ON ebs
        kafka-[0-2] STORED_ON each data-[0-2]
        kafka-[0-2] RUNS_ON each n[1-3]
        kafka DEPENDS_ON kafka-[0-2] / brokers 2
        ingest RUNS_ON in-1
        in-1 RUNS_ON n1
        ingest CALLS kafka
        data-1 abnormal: full
        kafka-1 abnormal: down
        kafka abnormal: anomaly
        ingest abnormal: latency
        kafka-0 kafka-2 n[1-3] in-1 healthy: down
        ebs healthy: full down
    """)
    assert first(answer) == ("data-1", "unwritable")
    assert answer.causes[0].posterior > 0.6


def test_a_machine_with_one_supply_goes_with_the_feed_that_others_can_do_without(ask: Ask) -> None:
    answer = ask("""
        PowerFeed: a b
        Host: h[1-9]
        Service: license cad[1-2]
        h[1-8] POWERED_BY a b / psu 1
        h9 POWERED_BY a
        license RUNS_ON h9
        cad[1-2] CALLS license
        cad[1-2] RUNS_ON h1
        h9 license abnormal: unreachable
        h[1-6] abnormal: degraded
        cad[1-2] abnormal: errors
        h[1-8] healthy: down unreachable
        b healthy: down tripped
    """)
    assert first(answer)[0] == "a"
    assert {f"h{i}" for i in range(1, 9)} <= set(answer.blast_radius.redundancy_lost)
    explained = {path.symptom.entity for path in answer.explanation}
    assert {"h9", "license", "cad1", "cad2"} <= explained


def test_a_connection_pool_that_is_used_up_is_not_laid_to_the_database(ask: Ask) -> None:
    answer = ask("""
        Service: api web mobile partner
        Database: pg
        VirtualMachine: v[1-5]
        web mobile partner CALLS api
        api CALLS pg
        api web mobile partner RUNS_ON each v[1-4]
        pg RUNS_ON v5
        api abnormal: latency saturation
        web mobile partner abnormal: latency
        web abnormal: errors
        pg healthy: latency errors saturation cpu
        v* healthy: down cpu memory
    """)
    assert first(answer) == ("api", "slow")
    assert chance(answer, "pg") < 0.1


def test_what_pods_of_every_workload_use_on_their_node_is_laid_to_its_release(ask: Ask) -> None:
    answer = ask("""
        Application: cni web api
        Pod: cni-[1-4] w[1-4] a[1-4]
        VirtualMachine: n[1-4]
        cni RUNS_ON cni-[1-4] / pods 1
        web RUNS_ON w[1-4] / pods 1
        api RUNS_ON a[1-4] / pods 1
        cni-[1-4] RUNS_ON each n[1-4]
        w[1-4] RUNS_ON each n[1-4]
        a[1-4] RUNS_ON each n[1-4]
        w[1-4] USES each cni-[1-4]
        a[1-4] USES each cni-[1-4]
        cni changed: updated
        cni-1 cni-2 w1 w2 a1 a2 abnormal: down
        web api abnormal: degraded
        n* cni-3 cni-4 w3 w4 a3 a4 healthy: down
    """)
    assert first(answer) == ("cni", "bad_release")
    assert max(chance(answer, f"n{i}") for i in (1, 2)) < 0.05


def test_a_host_that_swaps_is_why_one_guest_is_killed_and_the_others_are_slow(ask: Ask) -> None:
    answer = ask("""
        Host: h k
        VirtualMachine: v[1-5] w
        Service: s[1-5]
        v* RUNS_ON h
        w RUNS_ON k
        s[1-5] RUNS_ON each v[1-5]
        h abnormal: memory saturation
        v1 v2 v4 abnormal: disk
        s1 s2 s4 abnormal: latency
        v3 abnormal: down
        s3 abnormal: errors
        h k healthy: down cpu unreachable
        w healthy: disk down
    """)
    assert first(answer) == ("h", "memory_pressure")
    assert {"v3", "s3"} <= {path.symptom.entity for path in answer.explanation}


@pytest.mark.parametrize("kind", ["VirtualMachine", "Host"])
def test_an_agent_that_stops_all_machines_was_changed_and_has_not_run_out(
    ask: Ask, kind: str
) -> None:
    answer = ask(f"""
        ConfigItem: agent
        {kind}: m[1-8] lone
        Service: s[1-3]
        m[1-8] USES agent
        s[1-3] RUNS_ON each m[1-3]
        agent changed: updated
        m[1-6] abnormal: panic
        m7 m8 abnormal: down
        s* abnormal: errors
        lone healthy: down
    """)
    assert first(answer) == ("agent", "changed")
    assert answer.causes[0].posterior > 0.9


_FAIL_OVER = """
    StorageArray: array
    StorageController: a b
    StoragePool: lun
    StoragePath: a[1-2] b[1-2]
    Host: h[1-2]
    VirtualMachine: v[1-4]
    array USES a b / controllers 1
    lun STORED_ON array
    a[1-2] USES a
    b[1-2] USES b
    h1 USES a1 b1 / paths 1
    h2 USES a2 b2 / paths 1
    v[1-2] RUNS_ON h1
    v[3-4] RUNS_ON h2
    v* STORED_ON lun
    a abnormal: unreachable
    a[1-2] abnormal: down
    array abnormal: degraded
    v[1-3] abnormal: disk
    b b[1-2] h* healthy: down
"""


def test_one_guest_that_is_told_an_error_by_slow_storage_makes_no_pool_full(ask: Ask) -> None:
    answer = ask(f"{_FAIL_OVER}\n v4 abnormal: ioError")
    assert first(answer)[0] == "a"
    assert "full" not in {cause.mode for cause in answer.causes if cause.entity == "lun"}


def test_where_all_guests_are_told_errors_their_pool_is_to_blame(ask: Ask) -> None:
    answer = ask(f"{_FAIL_OVER}\n v* abnormal: ioError")
    assert chance(answer, "lun") > 0.8


def test_a_pool_on_an_export_that_answers_late_waits_and_hangs_not(ask: Ask) -> None:
    answer = ask("""
        Host: nas h[1-2]
        StorageExport: ex
        StoragePool: ds
        VirtualMachine: v[1-6]
        ex RUNS_ON nas
        ds STORED_ON ex
        v[1-3] RUNS_ON h1
        v[4-6] RUNS_ON h2
        v* STORED_ON ds
        ex abnormal: latency
        v[1-5] abnormal: disk
        nas h* healthy: down cpu
    """)
    modes = next(cause.modes for cause in answer.causes if cause.entity == "ex")
    assert max(modes, key=lambda mode: modes[mode]) == "slow"


def test_two_members_of_a_quorum_without_room_come_before_the_quorum(ask: Ask) -> None:
    answer = ask("""
        VirtualMachine: m[1-3] w[1-2]
        Database: e[1-3]
        Service: etcd api controller scheduler web
        e[1-3] RUNS_ON each m[1-3]
        etcd RUNS_ON e[1-3] / quorum 2
        api CALLS etcd
        controller scheduler CALLS api
        web RUNS_ON w[1-2] / copies 1
        m[1-2] abnormal: full
        e[1-2] etcd api controller scheduler abnormal: errors
        m3 e3 healthy: down full
        m[1-2] w* healthy: down
        web healthy: errors
    """)
    assert {cause.entity for cause in answer.causes[:2]} == {"m1", "m2"}
    assert min(chance(answer, "m1"), chance(answer, "m2")) > 0.5
