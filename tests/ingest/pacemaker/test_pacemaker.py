"""Recorded answers of Pacemaker 2.1.5; the resources of a larger cluster are put in by hand."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

import pytest

from ingest.pacemaker.normalise import normalise
from ingest.pacemaker.resources import cluster
from kgraph.app.reading.sync import Commitment, Reading, keep, unshown
from kgraph.app.sources.machines import known
from kgraph.app.watch.facts import owners
from kgraph.schema import Key, Record, RelationRecord, Snapshot, SourceError
from kgraph.sourcekit import settled
from kgraph.sourcekit.machines import Told
from remedies.guards import judge
from tests.ingest.readings import HERE, NOW, machines, records, relations, well, wrong
from tests.remedies.fake_estate import RESUME
from tests.remedies.test_guards import FACTS, PLAN, WELL
from tests.stores import new_store

STATUS = """\
<pacemaker-result api-version="2.25" request="crm_mon --one-shot --inactive --output-as xml">
  <pacemakerd sys_from="pacemakerd" state="running" last_updated="2026-11-28 14:28:14Z"/>
  <summary>
    <stack type="corosync"/>
    <cluster_options stonith-enabled="true" symmetric-cluster="true" no-quorum-policy="stop"
      maintenance-mode="false" stop-all-resources="false"/>
  </summary>
  <nodes>
    <node name="h1" id="1" online="true" standby="false" maintenance="false" is_dc="true"/>
    <node name="h2" id="2" online="false" standby="false" maintenance="true" is_dc="false"/>
  </nodes>
  <resources>
    <resource id="vm-web" resource_agent="ocf:heartbeat:VirtualDomain" role="Started"
      active="true" managed="true" failed="false"><node name="h1" id="1" cached="true"/></resource>
    <resource id="mail" resource_agent="ocf:heartbeat:VirtualDomain" role="Stopped"
      active="false" managed="false" failed="false"/>
    <group id="store" number_resources="2" managed="true">
      <resource id="disk" resource_agent="systemd:nbd1" role="Started" active="true"
        managed="true" failed="false"><node name="h1" id="1" cached="true"/></resource>
      <resource id="ip" resource_agent="ocf:heartbeat:IPaddr2" role="Started" active="true"
        managed="true" failed="true"><node name="h1" id="1" cached="true"/></resource>
    </group>
    <clone id="pings" multi_state="false" managed="true">
      <resource id="ping" resource_agent="ocf:pacemaker:ping" role="Stopped" active="false"
        managed="true" failed="false"/>
    </clone>
    <resource id="fence-h1" resource_agent="stonith:fence_ipmilan" role="Started" active="true"
      managed="true" failed="false"><node name="h1" id="1" cached="true"/></resource>
  </resources>
  <status code="0" message="OK"/>
</pacemaker-result>
"""
CONFIGURATION = """\
<resources>
  <primitive id="vm-web" class="ocf" provider="heartbeat" type="VirtualDomain">
    <instance_attributes id="vm-web-p">
      <nvpair id="vm-web-c" name="config" value="/etc/libvirt/qemu/web-1.xml"/>
    </instance_attributes>
  </primitive>
  <primitive id="fence-h1" class="stonith" type="fence_ipmilan">
    <instance_attributes id="fence-h1-p">
      <nvpair id="fence-h1-s" name="password" value="hunter2"/>
    </instance_attributes>
  </primitive>
</resources>
"""
OURS = {"managedBy": "Pacemaker"}


def items(status: str = STATUS) -> list[Told]:
    return list(normalise(cluster(status, CONFIGURATION, "here"), "c1", HERE))


def test_guests_units_services_and_nodes_carry_who_takes_care_of_them() -> None:
    labels = {key: dict(row.labels) for key, row in records(items()).items()}
    assert labels == {
        "machine:h1": OURS,
        "machine:h2": {},  # under maintenance
        "guest:web-1": OURS,
        "guest:mail": {},  # a person has taken it out of Pacemaker's hands
        "unit:h1/nbd1.service": OURS,
        "resource:c1/ip": OURS,
        "resource:c1/ping": OURS,
    }
    assert {row.kind for row in machines(items()).values()} == {"", "VirtualMachine"}
    assert ("unit:h1/nbd1.service", "RUNS_ON", "machine:h1") in relations(items())


def test_a_guest_that_libvirt_told_of_is_left_to_pacemaker_by_the_guards(tmp_path: Path) -> None:
    with closing(new_store(tmp_path / "kgraph.db")) as store:
        reading = Reading(store, NOW, Commitment.COMMIT, unshown)
        guests = [_guest("web-1"), _guest("wiki")]
        keep(reading, Snapshot("libvirt", "h1", complete=True, items=iter(guests)))
        told = settled(items(), known(store, items()), "dc1").items
        keep(reading, Snapshot("pacemaker", "c1", complete=True, items=iter(told)))
        graph = store.graph()
    of = {each.name: each.uid for each in graph.entities if each.kind == "VirtualMachine"}
    assert sorted(of) == ["mail", "web-1", "wiki"]  # the same web-1, not a second one
    facts = replace(FACTS, owners=owners(graph))
    world = replace(WELL, facts=facts)
    resume = {name: replace(RESUME, entity=uid) for name, uid in of.items()}
    said = {name: [row.why for row in judge(PLAN, step, world)] for name, step in resume.items()}
    assert said["wiki"] == said["mail"] == []
    assert ["Pacemaker" in why for why in said["web-1"]] == [True]


def _guest(name: str) -> Record:
    keys = (Key("vmUuid", str(uuid5(NAMESPACE_DNS, name))), Key("name", name, "dc1"))
    return Record(name, "VirtualMachine", name, keys)


def test_in_maintenance_nothing_is_in_its_hands() -> None:
    told = items(STATUS.replace('maintenance-mode="false"', 'maintenance-mode="true"'))
    assert [key for key, row in records(told).items() if row.labels] == []


def test_a_failed_resource_is_seen_and_a_stopped_one_is_unknown() -> None:
    assert wrong(items()) == {("resource:c1/ip", "down"): "Pacemaker: ip has failed"}
    assert well(items()) == set()


CLONE = """\
    <clone id="pings" multi_state="false" managed="true">
      <resource id="ping" resource_agent="ocf:pacemaker:ping" role="Started" active="true"
        managed="true" failed="true"><node name="h1" id="1" cached="true"/></resource>
      <resource id="ping" resource_agent="ocf:pacemaker:ping" role="Started" active="true"
        managed="true" failed="false"><node name="h2" id="2" cached="true"/></resource>
      <resource id="ping" resource_agent="ocf:pacemaker:ping" role="Stopped" active="false"
        managed="true" failed="false"/>
    </clone>
    <bundle id="web" type="docker" image="web" managed="true"><replica id="0">
      <resource id="httpd" resource_agent="ocf:heartbeat:apache" role="Started" active="true"
        managed="true" failed="false"><node name="web-0" id="web-0" cached="true"/></resource>
    </replica></bundle>
  </resources>
"""


def test_one_instance_of_a_clone_that_has_failed_is_seen_beside_those_that_work() -> None:
    told = items(STATUS.replace("  </resources>\n", CLONE))
    assert wrong(told)["resource:c1/ping", "down"] == "Pacemaker: ping has failed"
    assert not {("resource:c1/ping", "down")} & well(told)
    ties = {i for i in told if isinstance(i, RelationRecord) and i.dependent == "resource:c1/ping"}
    assert {(tie.dependency, tie.group, tie.need) for tie in ties} == {
        ("machine:h1", "nodes", 1),
        ("machine:h2", "nodes", 1),
    }


def test_what_runs_on_a_node_in_maintenance_or_in_a_bundle_leads_nowhere_that_is_not_told() -> (
    None
):
    told = items(STATUS.replace("  </resources>\n", CLONE))
    ends = {end for tie in relations(told) for end in (tie[0], tie[2])}
    assert ends <= set(records(told))
    assert ("resource:c1/httpd", "down") in well(told)


def test_no_parameter_of_a_resource_leaves_the_configuration() -> None:
    assert "hunter2" not in repr(items())


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("crm_mon: not found", "no XML"),
        ("<html/>", "<html> is no status of a cluster"),
        (
            '<pacemaker-result><status code="102" message="Not connected"/></pacemaker-result>',
            "it says: Not connected",
        ),
    ],
)
def test_what_is_no_answer_of_a_cluster_is_refused_in_one_line(status: str, said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        cluster(status, CONFIGURATION, "here")
    assert "\n" not in str(caught.value)
