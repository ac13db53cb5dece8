"""Which entity an alert speaks of: the resolvers in their order, and nothing is guessed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.schema import KINDS, Entity, Key, Relation, Subgraph
from kgraph.signals import Alert, EstateIndex, Mapping, Resolution, load_packs, resolve
from kgraph.signals.packs import UNMAPPED
from kgraph.signals.question import GUESTS, HOSTS, SERVICES, TARGETS, UUIDS
from kgraph.signals.resolve import caller_of
from tests.kgraph.signals.estates import ENTITIES, RELATIONS, WEB_UUID, entity, index_of

PACKS = load_packs()
INDEX = index_of()
GUEST = Mapping(re.compile(".*"), kinds=("VirtualMachine",), name=("domain",))


def asked(
    name: str, summary: str = "", index: EstateIndex = INDEX, /, **labels: str
) -> Resolution:
    alert = Alert({"alertname": name, **labels}, {"summary": summary} if summary else {})
    return resolve(alert, PACKS.match(alert), index)


def test_an_explicit_label_comes_before_all_others() -> None:
    found = asked("GuestDown", kgraph_entity="host-3", uuid=WEB_UUID, domain="mail", host="h2")
    assert (found.resolver, found.uid) == ("explicit label", "host-3")


@pytest.mark.parametrize("said", ["Host/h3", "h3", "host-3"])
def test_an_explicit_label_holds_a_uid_a_name_or_a_kind_and_name(said: str) -> None:
    assert asked("X", kgraph_entity=said).uid == "host-3"


def test_an_explicit_uid_is_not_confused_with_a_name_that_looks_like_it() -> None:
    index = index_of(entity("odd", "VirtualMachine", "host-3"))
    assert asked("X", "", index, kgraph_uid="host-3").uid == "host-3"


def test_a_uuid_comes_before_names() -> None:
    found = asked("GuestDown", uuid=WEB_UUID.upper(), domain="mail", host="h2")
    assert (found.resolver, found.uid) == ("UUID label", "vm-web-1")


def test_an_unknown_uuid_leaves_it_to_the_names() -> None:
    found = asked("GuestDown", uuid="12345678-aaaa-bbbb-cccc-1234567890ab", domain="mail")
    assert (found.resolver, found.uid) == ("guest and host", "vm-mail")


@pytest.mark.parametrize(("host", "uid"), [("h1", "vm-web-1"), ("h2.dc1", "vm-web-2")])
def test_a_guest_name_on_two_hosts_is_told_apart_by_the_host(host: str, uid: str) -> None:
    found = asked("GuestDown", domain="web", host=host)
    assert (found.resolver, found.uid) == ("guest and host", uid)


def test_where_the_exporter_listens_tells_the_host_when_no_label_does() -> None:
    assert asked("GuestDown", domain="web", instance="[fd00::1]:9177").uid == "vm-web-1"


@pytest.mark.parametrize("labels", [{}, {"host": "h3"}, {"host": "h99"}, {"instance": "x:1"}])
def test_a_guest_name_that_no_host_tells_apart_is_ambiguous(labels: dict[str, str]) -> None:
    found = asked("GuestDown", domain="web", **labels)
    assert found.uid is None
    assert found.uids == ("vm-web-1", "vm-web-2")


def test_a_guest_that_moved_while_its_alert_fires_is_still_that_guest() -> None:
    moved = tuple(r for r in RELATIONS if r.dependent != "vm-mail")
    index = EstateIndex.of(Subgraph(ENTITIES, (*moved, Relation("vm-mail", "RUNS_ON", "host-1"))))
    for host in ("h1", "h2"):
        assert asked("GuestDown", "", index, domain="mail", host=host).uid == "vm-mail"


def test_a_running_guest_comes_before_a_definition_that_was_left_behind() -> None:
    assert asked("GuestDown", domain="web", host="h2").uid == "vm-web-2"


def test_the_hypervisor_of_the_lab_is_found_by_its_host_label() -> None:
    found = asked("HypervisorDown", host="h2", instance="127.0.0.1:9177", job="libvirt")
    assert (found.resolver, found.uid) == ("target address", "host-2")


@pytest.mark.parametrize(
    ("instance", "uid"),
    [
        ("h1:9100", "host-1"),
        ("h1.dc1:9999", "host-1"),
        ("h3.dc1:9100", "host-3"),
        ("[FD00:0::1]:9100", "host-1"),
        ("10.0.0.2:9100", "host-2"),
        ("10.0.1.7:9100", "vm-mail"),
        ("h1.dc2:9100", None),
    ],
)
def test_an_instance_is_a_machine_by_any_of_its_addresses(instance: str, uid: str | None) -> None:
    found = asked("SomethingOdd", instance=instance)
    assert found.uid == uid
    assert found.resolver == ("target address" if uid else "")


def test_an_address_of_a_probe_is_that_probe() -> None:
    assert asked("TargetDown", instance="h1.dc1:9100").uid == "probe-1"


def test_an_export_is_found_by_its_address() -> None:
    assert asked("StorageExportDown", export="nbd://stor1:10809/vm").uid == "export-1"


def test_a_host_and_a_guest_of_one_name_are_ambiguous_to_an_unknown_alert() -> None:
    index = index_of(entity("vm-h3", "VirtualMachine", "h3"))
    assert set(asked("SomethingOdd", "", index, instance="h3:9100").uids) == {"host-3", "vm-h3"}
    assert asked("HostDown", "", index, instance="h3:9100").uid == "host-3"


def test_a_service_is_found_after_the_targets() -> None:
    assert asked("SomethingOdd", instance="h3:1", service="web").uid == "host-3"
    found = asked("SomethingOdd", instance="h99:1", service="web")
    assert (found.resolver, found.uid) == ("service labels", "service-web")


@pytest.mark.parametrize(
    ("namespace", "uids"),
    [
        ("shop", ("service-shop",)),
        ("bank", ("service-bank",)),
        ("other", ()),
        ("", ("service-shop", "service-bank")),
    ],
)
def test_services_of_one_name_are_told_apart_by_their_namespace(
    namespace: str, uids: tuple[str, ...]
) -> None:
    assert asked("ServiceErrors", service="api", namespace=namespace).uids == uids


def test_text_that_names_an_interface_is_read_with_the_host_label() -> None:
    found = asked("Custom7", "Interface eth0 down", host="h2")
    assert (found.resolver, found.uid) == ("pattern on text", "nic-2")
    assert "text=eth0" in found.tried
    assert "host=h2" in found.tried


def test_a_device_label_is_read_with_the_host_label() -> None:
    found = asked("Custom7", "Interface eth0 down", host="h2", device="eth0")
    assert (found.resolver, found.uid) == ("target address", "nic-2")


def test_text_without_a_host_is_ambiguous() -> None:
    assert asked("Custom7", "Interface eth0 down").uids == ("nic-1", "nic-2")


def test_a_pattern_may_name_the_host_too() -> None:
    both = Mapping(
        re.compile(".*"), kinds=("Nic",), text=re.compile(r"(?P<host>h\d) (?P<name>e\S+)")
    )
    alert = Alert({"alertname": "X", "host": "h2"}, {"summary": "no", "description": "h1 eth0"})
    assert resolve(alert, both, INDEX).uid == "nic-1"


@pytest.mark.parametrize("host", ["h1", "h99"])
def test_the_interface_of_another_host_is_never_taken(host: str) -> None:
    assert asked("Custom7", "Interface eth9 down", host=host).uids == ()
    assert asked("Custom7", "Interface eth9 down", host="h2").uid == "nic-2b"


def test_pools_of_one_name_are_told_apart_by_their_host() -> None:
    assert asked("StoragePoolFull", pool="default", instance="h1:9177").uid == "pool-1"
    assert asked("StoragePoolFull", pool="default").uids == ("pool-1", "pool-2")


def test_a_device_that_is_not_known_leaves_the_host() -> None:
    found = asked("NodeNetworkInterfaceFlapping", device="eth7", instance="h1:9100")
    assert found.uid == "host-1"


def test_a_unit_of_a_host_is_no_guest() -> None:
    found = asked("HostUnitCrashed", name="nginx.service", instance="h1:9100")
    assert found.uid == "host-1"


def test_what_was_looked_up_is_told_once() -> None:
    found = asked("GuestDown", domain="gone", guest="lost", host="h1")
    assert found == Resolution("", (), ("domain=gone", "guest=lost", "host=h1"))


def test_the_caller_is_a_service_rather_than_a_guest_of_that_name() -> None:
    alert = Alert({"alertname": "ServiceErrors", "service": "api", "caller": "web"})
    assert caller_of(alert, PACKS.match(alert), INDEX) == "service-web"


@pytest.mark.parametrize("caller", ["eth0", "nobody-knows"])
def test_a_caller_that_is_no_single_entity_is_still_somebody_else(caller: str) -> None:
    alert = Alert({"alertname": "ServiceErrors", "caller": caller})
    assert caller_of(alert, PACKS.match(alert), INDEX) == caller


def test_an_explicit_label_that_nothing_answers_to_is_not_found_and_never_guessed() -> None:
    alert = Alert({"alertname": "HostDown", "kgraph_entity": "no-such", "host": "h1"})
    found = resolve(alert, PACKS.match(alert), INDEX)
    assert (found.uids, found.tried) == ((), ("kgraph_entity=no-such",))


PODS = [
    Entity(uid, "Pod", "shop/db-0", labels={"namespace": "shop", "cluster": cluster})
    for uid, cluster in (("pod-prod", "prod"), ("pod-test", "test"))
]


@pytest.mark.parametrize(
    ("cluster", "uids"),
    [
        ("prod", ("pod-prod",)),
        ("test", ("pod-test",)),
        ("elsewhere", ("pod-prod", "pod-test")),
        ("", ("pod-prod", "pod-test")),
    ],
)
def test_what_two_clusters_have_under_one_name_is_told_apart_by_the_alerts_cluster(
    cluster: str, uids: tuple[str, ...]
) -> None:
    said = {"namespace": "shop", "pod": "db-0"} | ({"cluster": cluster} if cluster else {})
    alert = Alert({"alertname": "KubePodCrashLooping", **said})
    assert resolve(alert, PACKS.match(alert), index_of(*PODS)).uids == uids


def test_an_alert_of_a_deployment_or_a_claim_finds_what_kubernetes_tells_of() -> None:
    labels = {"namespace": "shop", "cluster": "prod"}
    index = index_of(
        Entity("app", "Application", "shop/web", labels=labels),
        Entity("pv", "Volume", "pv1", (Key("name", "shop/data"),)),
    )
    for name, said, uid in (
        ("KubeDeploymentReplicasMismatch", {"deployment": "web"}, "app"),
        ("KubePersistentVolumeFillingUp", {"persistentvolumeclaim": "data"}, "pv"),
    ):
        alert = Alert({"alertname": name, **labels, **said})
        assert resolve(alert, PACKS.match(alert), index).uid == uid


LABELS = st.sampled_from(
    [*GUESTS, *HOSTS, *TARGETS, *SERVICES, *UUIDS, "kgraph_entity", "namespace", "caller", "pool"]
)
VALUES = st.text() | st.sampled_from(
    ["web", "h1", "h1.dc1:9100", "[fd00::1]:9", "eth0", "api", "Host/h3", "a://", "[", "::", "."]
)
MAPPINGS = st.sampled_from((*PACKS.entries, UNMAPPED, GUEST))


@given(
    labels=st.dictionaries(LABELS | st.text(), VALUES, max_size=6),
    notes=st.dictionaries(st.sampled_from(["summary", "description"]), VALUES),
    mapping=MAPPINGS,
)
def test_any_labels_give_entities_of_the_asked_kinds_or_nothing(
    labels: dict[str, str], notes: dict[str, str], mapping: Mapping
) -> None:
    alert = Alert(labels, notes)
    PACKS.match(alert)
    caller_of(alert, mapping, INDEX)
    found = resolve(alert, mapping, INDEX)
    assert bool(found.resolver) == bool(found.uids)
    assert len(set(found.uids)) == len(found.uids)
    kinds = {INDEX.entities[uid].kind for uid in found.uids}
    if mapping.kinds and found.resolver not in {"explicit label", "UUID label"}:
        assert kinds <= set(mapping.kinds)
    assert kinds <= set(KINDS)


def test_a_probed_address_that_nothing_answers_to_is_the_service_that_the_label_names() -> None:
    said = {"service": "api", "namespace": "shop", "job": "blackbox"}
    assert asked("ProbeFailed", instance="https://api.example.org", **said).uid == "service-shop"
    assert asked("ProbeFailed", instance="10.0.1.7:443", **said).uid == "vm-mail"


@pytest.mark.parametrize("label", ["server", "name", "exported_instance"])
def test_a_label_that_nobody_thought_of_still_names_the_one_machine(label: str) -> None:
    found = asked("SomethingDown", **{label: "mail"})
    assert found == Resolution("any label", ("vm-mail",), (f"{label}=mail",))


def test_labels_that_name_two_machines_are_ambiguous() -> None:
    assert asked("LinkOdd", left="mail", right="h3").uids == ("vm-mail", "host-3")


def test_a_url_names_the_service_it_leads_to() -> None:
    index = index_of(entity("service-pay", "Service", "pay"))
    found = asked("HealthFailed", "", index, url="https://pay:8443/health")
    assert (found.resolver, found.uid) == ("any label", "service-pay")


@pytest.mark.parametrize("label", ["cluster", "team", "rack", "env"])
def test_what_says_where_or_whose_it_is_names_nothing(label: str) -> None:
    assert asked("SomethingDown", **{label: "mail"}).uids == ()


def test_an_entry_that_names_its_labels_is_asked_for_those_alone() -> None:
    assert asked("NodeDiskIOSaturation", server="mail").uids == ()


def test_the_exporter_of_a_guest_speaks_of_the_guest() -> None:
    assert asked("InstanceDown", instance="mail:9100", job="node").uid == "vm-mail"


DB_1 = (
    entity("vm-db", "VirtualMachine", "db-1"),
    entity("db-pg", "Database", "orders-postgres"),
    entity("service-cache", "Service", "redis6.service"),
)
THERE = EstateIndex.of(
    Subgraph(
        (*ENTITIES, *DB_1),
        (*RELATIONS, *(Relation(each.uid, "RUNS_ON", "vm-db") for each in DB_1[1:])),
    )
)


@pytest.mark.parametrize(
    ("alert", "uids"),
    [
        ("PostgresqlDown", ("db-pg",)),
        ("RedisDown", ("service-cache",)),
        ("MysqlDown", ("db-pg",)),  # the one database there
        ("NginxDown", ()),  # no web server is known there, and nothing is called so
        ("HostOomKillDetected", ("vm-db",)),
    ],
)
def test_the_exporter_of_a_database_does_not_speak_of_its_machine(
    alert: str, uids: tuple[str, ...]
) -> None:
    assert asked(alert, "", THERE, instance="db-1:9187").uids == uids


@pytest.mark.parametrize(
    ("alert", "running", "uids"),
    [
        ("RedisDown", ("cache",), ("cache",)),
        ("RedisDown", ("cache", "sessions"), ()),  # it may be either
        ("MongodbDown", ("cache",), ()),  # neither is called so
    ],
)
def test_on_a_machine_that_is_called_like_the_software_it_is_the_one_thing_there(
    alert: str, running: tuple[str, ...], uids: tuple[str, ...]
) -> None:
    there = [entity(name, "Service", name) for name in running]
    index = EstateIndex.of(
        Subgraph(
            (entity("vm-redis", "VirtualMachine", "redis1"), *there),
            tuple(Relation(name, "RUNS_ON", "vm-redis") for name in running),
        )
    )
    assert asked(alert, "", index, instance="redis1:9121").uids == uids


def test_a_member_of_etcd_that_is_a_pod_is_found_by_its_label() -> None:
    pods = [entity(f"pod-{name}", "Pod", name) for name in ("etcd-m1", "kube-apiserver-m1")]
    index = EstateIndex.of(
        Subgraph(
            (entity("vm-m1", "VirtualMachine", "m1"), *pods),
            tuple(Relation(pod.uid, "RUNS_ON", "vm-m1") for pod in pods),
        )
    )
    labels = {"job": "etcd", "pod": "etcd-m1", "instance": "m1:2381"}
    found = asked("etcdHighFsyncDurations", "", index, **labels)
    assert found.uids == ("pod-etcd-m1",)


@pytest.mark.parametrize("kind", ["PowerFeed", "StorageExport", "Bmc"])
def test_an_alert_that_no_entry_knows_finds_whatever_has_a_name_of_its_own(kind: str) -> None:
    index = index_of(entity("it", kind, "pdu1"))
    assert asked("InputLost", "", index, instance="pdu1").uids == ("it",)


def test_a_machine_is_not_down_since_a_database_on_it_is_that_nobody_knows() -> None:
    assert asked("PostgresqlDown", instance="mail:9187").uids == ()


def test_what_has_moved_is_found_where_it_is_now() -> None:
    moved = Subgraph((DB_1[1],), (Relation("db-pg", "RUNS_ON", "vm-mail"),))
    index = THERE.patched((), moved)
    assert asked("PostgresqlDown", "", index, instance="mail:9187").uids == ("db-pg",)
    assert asked("PostgresqlDown", "", index, instance="db-1:9187").uids == ()
    assert asked("RedisDown", "", index, instance="db-1:9187").uids == ("service-cache",)


@pytest.mark.parametrize("alert", ["InterfaceDown", "SwitchPortDown", "IfOperStatusDown"])
def test_a_port_that_is_down_is_not_its_switch(alert: str) -> None:
    switch = entity("tor-1", "Switch", "tor-1"), entity("swp7", "SwitchPort", "tor-1/swp7")
    index = index_of(*switch)
    assert asked(alert, "", index, instance="tor-1:161", ifName="swp7").uid == "swp7"
    assert asked(alert, "", index, instance="tor-1:161", ifName="swp8").uids == ()
    assert asked(alert, "", index, instance="h2:9100", device="eth0").uid == "nic-2"


def test_a_daemon_is_found_by_the_name_that_its_own_software_gives_it() -> None:
    osd = Entity("osd", "ServiceInstance", "h1/ceph-osd@3.service", props={"alertName": "osd.3"})
    other = Entity(
        "other", "ServiceInstance", "h2/ceph-osd@3.service", props={"alertName": "osd.3"}
    )
    labels = {"ceph_daemon": "osd.3", "instance": "h1.dc1:9283"}
    assert asked("CephOSDDown", "", index_of(osd), **labels).uid == "osd"
    assert asked("CephOSDDown", **labels).uid is None  # and never the manager that tells it
    assert asked("CephOSDDown", "", index_of(osd, other), **labels).uids == ("osd", "other")


def test_a_certificate_is_found_by_its_name_and_else_where_it_is_shown() -> None:
    index = index_of(
        entity("cert", "ConfigItem", "shop-tls"),
        entity("front", "Endpoint", "https://shop.example/"),
    )
    shown = {"instance": "https://shop.example/"}
    assert asked("CertificateExpiry", "", index, secret="shop-tls", **shown).uid == "cert"
    assert asked("CertificateExpiry", "", index, **shown).uid == "front"


@pytest.mark.parametrize("alert", ["NodeNetworkInterfaceFlapping", "NodeNetworkReceiveErrs"])
def test_a_part_that_a_guest_tells_of_is_never_its_hosts(alert: str) -> None:
    """`eth9` is the name of one thing in the graph, and of that of another machine."""
    assert asked(alert, device="eth9", instance="10.0.1.7:9100").uid == "vm-mail"
    assert asked(alert, device="eth9", instance="10.0.1.7:9100", host="h2").uid == "vm-mail"
    assert asked(alert, device="eth9", instance="h2:9100").uid == "nic-2b"


def test_a_file_system_is_the_pool_that_is_mounted_there() -> None:
    images = Entity("pool-3", "StoragePool", "images", props={"path": "/srv/vm"})
    tied = (*RELATIONS, Relation("pool-3", "USES", "host-2"))
    index = EstateIndex.of(Subgraph((*ENTITIES, images), tied))
    for alert in ("NodeFilesystemAlmostOutOfSpace", "NodeFilesystemFull"):
        found = {
            instance: asked(alert, "", index, instance=instance, mountpoint="/srv/vm").uid
            for instance in ("h2:9100", "h3:9100", "10.0.1.7:9100")
        }
        assert found == {"h2:9100": "pool-3", "h3:9100": "host-3", "10.0.1.7:9100": "vm-mail"}
        assert asked(alert, "", index, instance="h2:9100", mountpoint="/").uid == "host-2"


def test_a_switch_that_its_exporter_does_not_reach_is_found() -> None:
    index = index_of(entity("sw", "Switch", "sw1.dc1"), entity("bmc", "Bmc", "h1-bmc"))
    assert asked("TargetDown", "", index, instance="sw1.dc1:161", job="snmp").uid == "sw"
    assert asked("InstanceDown", "", index, instance="h1-bmc", job="ipmi").uid == "bmc"


@pytest.mark.parametrize("alert", ["NovaComputeDown", "NovaAgentDown", "OpenstackNovaComputeDown"])
def test_a_machine_is_not_down_since_an_agent_on_it_has_stopped_reporting(alert: str) -> None:
    host = entity("cmp1", "Host", "cmp1")
    agent = entity("agent", "ServiceInstance", "cmp1/nova-compute")
    there = EstateIndex.of(Subgraph((host, agent), (Relation("agent", "RUNS_ON", "cmp1"),)))
    bare = EstateIndex.of(Subgraph((host,), ()))
    labels = {"hostname": "cmp1", "service": "nova-compute", "instance": "ctl1:9180"}
    assert asked(alert, "", there, **labels).uids == ("agent",)
    assert asked(alert, "", bare, **labels).uids == ()


@pytest.mark.parametrize("alert", ["BGPPeerFlapping", "BGPPeerDown"])
def test_a_balancer_that_announces_addresses_itself_is_found_by_its_neighbours(alert: str) -> None:
    index = index_of(entity("lb", "LoadBalancer", "lb1"))
    assert asked(alert, "", index, instance="lb1:7472").uid == "lb"
