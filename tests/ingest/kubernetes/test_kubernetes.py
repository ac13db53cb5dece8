from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.kubernetes.normalise import normalise
from ingest.kubernetes.objects import RESOURCES, objects
from kgraph.schema import Entity, Key, Record, RelationRecord, SourceError
from kgraph.sourcekit import settled
from kgraph.sourcekit.clocks import Clock
from kgraph.sourcekit.machines import Told
from tests.ingest.readings import (
    HERE,
    found,
    graph,
    keys,
    records,
    relations,
    well,
    written,
    wrong,
)

Object = dict[str, Any]
UUID = "5f2c3ad2-7e0d-4f44-9d3c-0a1b2c3d4e5f"


def _object(kind: str, name: str, namespace: str = "", **more: Any) -> Object:
    metadata = {"name": name, "uid": f"uid-{name}", **more.pop("metadata", {})}
    if namespace:
        metadata["namespace"] = namespace
    return {"kind": kind, "metadata": metadata, **more}


def _condition(type_: str, status: str, reason: str = "") -> Object:
    return {"type": type_, "status": status, "reason": reason}


def _node(name: str, *conditions: Object) -> Object:
    return _object(
        "Node",
        name,
        metadata={"labels": {"topology.kubernetes.io/zone": "z1"}},
        status={
            "conditions": list(conditions or [_condition("Ready", "True")]),
            "addresses": [
                {"type": "InternalIP", "address": "10.9.0.1"},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {"systemUUID": UUID.upper(), "machineID": "0" * 31 + "a"},
        },
    )


def _owner(kind: str, name: str) -> Object:
    return {"ownerReferences": [{"kind": kind, "name": name, "controller": True}]}


def _pod(name: str = "web-5d8f-a", owner: Object | None = None, **more: Any) -> Object:
    status = {
        "phase": "Running",
        "conditions": [_condition("PodScheduled", "True"), _condition("Ready", "True")],
        "containerStatuses": [{"name": "c", "ready": True, "state": {"running": {}}}],
        **more.pop("status", {}),
    }
    spec = {"nodeName": "n1", **more.pop("spec", {})}
    metadata = {**(owner or {}), **more.pop("metadata", {})}
    return _object("Pod", name, "shop", metadata=metadata, spec=spec, status=status)


CLAIM = {"volumes": [{"persistentVolumeClaim": {"claimName": "data"}}, {"emptyDir": {}}]}
ESTATE = [
    _node("n1"),
    _pod(owner=_owner("ReplicaSet", "web-5d8f"), spec=CLAIM),
    _pod("web-5d8f-b", _owner("ReplicaSet", "web-5d8f")),
    _pod("report-1", _owner("Job", "report"), status={"phase": "Succeeded"}),
    _object("ReplicaSet", "web-5d8f", "shop", metadata=_owner("Deployment", "web")),
    _object(
        "Deployment", "web", "shop",
        metadata={"labels": {"owner": "team-shop", "app": "web"}},
        spec={"replicas": 3}, status={"availableReplicas": 2},
    ),
    _object("Service", "web", "shop"),
    _object(
        "EndpointSlice", "web-x1", "shop",
        metadata={"labels": {"kubernetes.io/service-name": "web"}},
        endpoints=[
            {"targetRef": {"kind": "Pod", "name": "web-5d8f-a"}},
            {"targetRef": {"kind": "Pod", "name": "web-5d8f-b"}},
            {"targetRef": {"kind": "Pod", "name": "gone"}},
            {"addresses": ["10.0.0.99"]},
        ],
    ),
    _object(
        "Ingress", "edge", "shop",
        spec={
            "rules": [
                {
                    "host": "shop.example",
                    "http": {
                        "paths": [
                            {"backend": {"service": {"name": "web"}}},
                            {"backend": {"service": {"name": "gone"}}},
                        ]
                    },
                }
            ]
        },
    ),
    _object(
        "PersistentVolume", "pv1",
        spec={"nfs": {"server": "Stor1.", "path": "/srv/shop/"}, "capacity": {"storage": "1Gi"}},
    ),
    _object("PersistentVolumeClaim", "data", "shop", spec={"volumeName": "pv1"}),
]  # fmt: skip


def _listed(items: list[Object]) -> str:
    return json.dumps({"kind": "List", "apiVersion": "v1", "items": items})


def _items(*more: Object, base: list[Object] | None = None) -> list[Told]:
    rows = [*(ESTATE if base is None else base), *more]
    return list(normalise(objects(_listed(rows), "k8s"), "prod", HERE))


def test_a_cluster_becomes_machines_pods_workloads_services_and_storage() -> None:
    kinds = {key: row.kind for key, row in records(_items()).items()}
    assert kinds == {
        "cluster:prod": "Cluster",
        "node:prod/n1": "Host",
        "volume:prod/pv1": "Volume",
        "export:nfs://stor1/srv/shop": "StorageExport",
        "pod:prod/shop/web-5d8f-a": "Pod",
        "pod:prod/shop/web-5d8f-b": "Pod",
        "workload:prod/Deployment/shop/web": "Application",
        "service:prod/shop/web": "Service",
        "ingress:prod/shop/edge": "Endpoint",
    }


def test_what_depends_on_what_is_found_through_owners_claims_and_endpoints() -> None:
    assert {
        ("pod:prod/shop/web-5d8f-a", "RUNS_ON", "node:prod/n1"),
        ("pod:prod/shop/web-5d8f-a", "STORED_ON", "volume:prod/pv1"),
        ("volume:prod/pv1", "STORED_ON", "export:nfs://stor1/srv/shop"),
        ("workload:prod/Deployment/shop/web", "RUNS_ON", "pod:prod/shop/web-5d8f-b"),
        ("service:prod/shop/web", "RUNS_ON", "pod:prod/shop/web-5d8f-a"),
        ("ingress:prod/shop/edge", "CALLS", "service:prod/shop/web"),
    } <= relations(_items())


def test_no_relation_leads_to_what_is_not_told() -> None:
    items = _items()
    told = set(records(items))
    ends = [i for i in items if isinstance(i, RelationRecord)]
    assert {end for tie in ends for end in (tie.dependent, tie.dependency)} <= told


@pytest.mark.parametrize(
    ("owner", "group"),
    [("service:prod/shop/web", "endpoints"), ("workload:prod/Deployment/shop/web", "pods")],
)
def test_a_service_or_workload_stands_while_one_of_its_pods_does(owner: str, group: str) -> None:
    ties = [i for i in _items() if isinstance(i, RelationRecord)]
    pods = [tie for tie in ties if tie.dependent == owner and tie.type == "RUNS_ON"]
    assert {(tie.group, tie.need) for tie in pods} == {(group, 1)}
    assert len(pods) == 2


def test_strong_names_hold_across_sources() -> None:
    rows = records(_items())
    assert ("smbiosUuid", UUID.upper()) in keys(rows["node:prod/n1"])
    assert keys(rows["service:prod/shop/web"]) == {
        ("clusterService", "prod/shop/web"),
        ("serviceName", "web"),
    }
    assert ("podUid", "uid-web-5d8f-a") in keys(rows["pod:prod/shop/web-5d8f-a"])
    assert keys(rows["export:nfs://stor1/srv/shop"]) == {("exportAddress", "nfs://stor1/srv/shop")}


def test_a_volume_answers_to_the_claim_that_it_is_bound_to() -> None:
    spec = {"claimRef": {"namespace": "shop", "name": "data"}}
    rows = records(_items(base=[_object("PersistentVolume", "pv1", spec=spec)]))
    assert ("name", "shop/data") in keys(rows["volume:prod/pv1"])


def test_a_node_that_a_hypervisor_tells_of_is_that_guest() -> None:
    guest = Entity("g", "VirtualMachine", "k8s-1", (Key("vmUuid", UUID),))
    told = settled(_items(), graph([guest]), "dc1").items
    (node,) = [i for i in told if isinstance(i, Record) and i.key == "node:prod/n1"]
    assert node.kind == "VirtualMachine"
    assert ("vmUuid", UUID.upper()) in keys(node)


def test_labels_that_lead_to_people_are_kept_and_no_others() -> None:
    rows = records(_items())
    assert dict(rows["workload:prod/Deployment/shop/web"].labels) == {
        "namespace": "shop",
        "cluster": "prod",
        "owner": "team-shop",
        "managedBy": "Kubernetes",
    }


def test_pods_that_a_workload_keeps_up_are_kubernetes_to_repair_and_lone_ones_are_not() -> None:
    owners = {
        bool(row.labels.get("workload")): row.labels.get("managedBy")
        for row in records(_items(_pod("alone"))).values()
        if row.kind == "Pod"
    }
    assert owners == {True: "Kubernetes", False: None}


def test_a_workload_with_too_few_pods_is_degraded() -> None:
    assert wrong(_items()) == {
        ("workload:prod/Deployment/shop/web", "degraded"): "2 of 3 pods are available"
    }


def test_a_silent_kubelet_makes_its_node_unreachable_and_what_it_said_unknown() -> None:
    items = _items(
        base=[
            _node(
                "n1",
                _condition("Ready", "Unknown", "NodeStatusUnknown"),
                _condition("MemoryPressure", "Unknown"),
            )
        ]
    )
    assert wrong(items) == {
        ("node:prod/n1", "unreachable"): "its kubelet is silent: NodeStatusUnknown"
    }
    assert well(items) == set()


def test_a_node_under_pressure_or_not_ready_is_told() -> None:
    items = _items(
        base=[
            _node(
                "n1",
                _condition("Ready", "False", "KubeletNotReady"),
                _condition("MemoryPressure", "True", "KubeletHasInsufficientMemory"),
                _condition("DiskPressure", "False"),
            )
        ]
    )
    assert wrong(items) == {
        ("node:prod/n1", "anomaly"): "not ready: KubeletNotReady",
        ("node:prod/n1", "memory"): "MemoryPressure: KubeletHasInsufficientMemory",
    }
    assert ("node:prod/n1", "disk") in well(items)


_NOT_READY = {"conditions": [_condition("Ready", "False", "ContainersNotReady")]}


def _waiting(reason: str) -> Object:
    state = {"waiting": {"reason": reason}}
    last = {"terminated": {"reason": "OOMKilled"}}
    status = {"name": "c", "ready": False, "state": state, "lastState": last}
    return {**_NOT_READY, "containerStatuses": [status]}


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        (
            _waiting("CrashLoopBackOff"),
            {
                "down": "container c: CrashLoopBackOff",
                "killed": "a container ran out of memory",
            },
        ),
        (
            {"phase": "Pending", "conditions": [_condition("PodScheduled", "False", "too small")]},
            {"down": "no node takes it: too small"},
        ),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "low on memory", **_NOT_READY},
            {"down": "low on memory", "evicted": "low on memory"},
        ),
        (
            {
                **_NOT_READY,
                "containerStatuses": [{"name": "c", "ready": False, "state": {"running": {}}}],
            },
            {"down": "runs and is not ready: ContainersNotReady"},
        ),
        ({**_NOT_READY, "containerStatuses": []}, {}),
    ],
)
def test_what_ails_a_pod_is_told_and_one_that_starts_is_unknown(
    status: Object, seen: Mapping[str, str]
) -> None:
    items = _items(base=[_node("n1"), _pod(status=status)])
    assert wrong(items) == {
        ("pod:prod/shop/web-5d8f-a", signal): detail for signal, detail in seen.items()
    }
    assert ("pod:prod/shop/web-5d8f-a", "down") not in well(items)


@pytest.mark.parametrize("reason", ["CrashLoopBackOff", "ImagePullBackOff"])
def test_a_pod_that_does_not_get_past_its_first_containers_is_down(reason: str) -> None:
    init = {"name": "init", "ready": False, "state": {"waiting": {"reason": reason}}}
    waits = {"name": "c", "ready": False, "state": {"waiting": {"reason": "PodInitializing"}}}
    status = {**_NOT_READY, "initContainerStatuses": [init], "containerStatuses": [waits]}
    items = _items(base=[_node("n1"), _pod(status=status)])
    assert wrong(items) == {
        ("pod:prod/shop/web-5d8f-a", "down"): f"container init: {reason}",
    }


def test_a_pod_whose_first_containers_ended_well_or_go_on_beside_it_is_well() -> None:
    done = {"name": "i", "ready": True, "state": {"terminated": {"reason": "Completed"}}}
    beside = {"name": "s", "ready": True, "state": {"running": {}}}
    items = _items(base=[_node("n1"), _pod(status={"initContainerStatuses": [done, beside]})])
    assert not wrong(items)
    assert ("pod:prod/shop/web-5d8f-a", "down") in well(items)


@pytest.mark.parametrize(
    ("ended", "there"), [("2026-11-28T05:30:00Z", False), ("2026-11-28T06:50:00Z", True)]
)
def test_a_pod_that_failed_long_ago_and_was_left_lying_is_no_fault_of_today(
    ended: str,
    there: bool,  # noqa: FBT001 - a row of the table
) -> None:
    condition = {**_condition("Ready", "False"), "lastTransitionTime": ended}
    status = {"phase": "Failed", "reason": "Evicted", "conditions": [condition]}
    left = _pod(owner=_owner("ReplicaSet", "web-5d8f"), status=status)
    rows = objects(_listed([_node("n1"), left, *ESTATE[4:]]), "k8s")
    items = list(normalise(rows, "prod", HERE, Clock("cluster prod")))
    assert ("pod:prod/shop/web-5d8f-a" in records(items)) is there
    assert (("pod:prod/shop/web-5d8f-a", "evicted") in wrong(items)) is there
    ends = {end for tie in relations(items) for end in (tie[0], tie[2])}
    assert ("pod:prod/shop/web-5d8f-a" in ends) is there


def test_an_end_point_that_has_run_to_its_end_is_left_out() -> None:
    done = _pod("web-5d8f-b", status={"phase": "Succeeded"})
    assert "pod:prod/shop/web-5d8f-b" not in {
        tie[2] for tie in relations(_items(done, base=[*ESTATE[:2], *ESTATE[4:]]))
    }


def test_workloads_of_one_name_in_two_clusters_are_two() -> None:
    rows = objects(_listed(ESTATE), "k8s")
    claims = [
        keys(records(normalise(rows, cluster, HERE))[f"workload:{cluster}/Deployment/shop/web"])
        for cluster in ("prod", "test")
    ]
    assert claims[0].isdisjoint(claims[1])


def test_a_pod_that_is_being_ended_is_unknown() -> None:
    pod = _pod(metadata={"deletionTimestamp": "2026-11-28T07:00:00Z"})
    items = _items(base=[_node("n1"), pod])
    assert ("pod:prod/shop/web-5d8f-a", "down") not in {*well(items), *wrong(items)}


@pytest.mark.parametrize(
    ("spec", "end"),
    [
        ({"iscsi": {"targetPortal": "Stor1", "iqn": "iqn.x"}}, "export:iscsi://stor1:3260/iqn.x"),
        ({"nfs": {"server": "2001:db8::1", "path": "/a"}}, "export:nfs://[2001:db8::1]/a"),
    ],
)
def test_a_volume_is_on_an_export_spelled_as_elsewhere(spec: Object, end: str) -> None:
    items = _items(base=[_object("PersistentVolume", "pv", spec=spec)])
    assert relations(items) == {("volume:prod/pv", "STORED_ON", end)}


def test_a_local_volume_depends_on_its_node() -> None:
    match = {"key": "kubernetes.io/hostname", "values": ["n1", "gone"]}
    terms = [{"matchExpressions": [match]}]
    spec = {
        "local": {"path": "/mnt"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
    }
    items = _items(base=[_node("n1"), _object("PersistentVolume", "pv", spec=spec)])
    assert ("volume:prod/pv", "DEPENDS_ON", "node:prod/n1") in relations(items)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Error from server", "not JSON"),
        ('{"kind": "Status", "message": "Forbidden"}', r"the answer.kind is not List: 'Status'"),
        ('{"kind": "List", "items": [{"kind": "Pod"}]}', r"items\[0\].metadata.name is missing"),
        ('{"kind": "List", "items": {}}', r"items is not a list"),
        (_listed([_node("n1") | {"status": {"conditions": [{}]}}]), r"conditions\[0\].type is m"),
    ],
)
def test_what_is_no_list_of_objects_is_refused(text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        list(normalise(objects(text, "k8s"), "prod", HERE))


def test_recorded_objects_are_read_from_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, "prod.json", _listed(ESTATE))
    assert len(records(found("kubernetes", cluster="prod", path=path).items)) == 9
    path.write_text("{}")
    with pytest.raises(SourceError, match=f"{path}: the answer.kind is not List"):
        found("kubernetes", cluster="prod", path=path)


def test_kubectl_is_asked_with_its_own_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = written(
        tmp_path, "kubectl", f'#!/bin/sh\necho "$@" > {tmp_path}/asked\ncat {tmp_path}/told\n'
    )
    tool.chmod(0o755)
    written(tmp_path, "told", _listed(ESTATE))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    reading = found("kubernetes", cluster="prod", context="prod-admin", kubeconfig="/k")
    assert reading.scope == "prod"
    asked = f"--context=prod-admin --kubeconfig=/k get {','.join(RESOURCES)} -A -o json\n"
    assert (tmp_path / "asked").read_text() == asked


def test_a_cluster_that_refuses_is_told_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = written(tmp_path, "kubectl", "#!/bin/sh\necho 'pods is forbidden' >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SourceError, match="it ended with 1: pods is forbidden"):
        found("kubernetes", cluster="prod")


def _event(reason: str, at: str, **more: Any) -> Object:
    pod = {"kind": "Pod", "namespace": "shop", "name": "web-5d8f-a"}
    told = {"reason": reason, "message": "rpc timed out", "involvedObject": pod}
    name = f"e-{reason}-{at}"
    return _object("Event", name, "shop", **told, **({"lastTimestamp": at} | more))


_CREATING = {
    "conditions": [_condition("PodScheduled", "True"), _condition("Ready", "False")],
    "containerStatuses": [
        {"name": "c", "ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
    ],
}
POD = ("pod:prod/shop/web-5d8f-a", "down")


def _with_events(*events: Object, **status: Any) -> list[Told]:
    text = json.dumps({"kind": "List", "items": [_pod(status=status), *events]})
    return list(normalise(objects(text, "x"), "prod", HERE))


@pytest.mark.parametrize(
    "event",
    [
        _event("FailedMount", "2026-11-28T06:55:00Z"),
        _event("FailedAttachVolume", "2026-11-28T06:55:00+00:00"),
        _event("FailedMount", "", lastTimestamp=None, eventTime="2026-11-28T06:58:00.123456Z"),
        _event("FailedMount", "", series={"lastObservedTime": "2026-11-28T06:58:00.1Z"}),
    ],
)
def test_a_pod_that_waits_for_its_volume_is_down_by_its_events(event: Object) -> None:
    told = wrong(_with_events(event, **_CREATING))
    assert told[POD].endswith(": rpc timed out")


@pytest.mark.parametrize(
    "event",
    [
        _event("FailedMount", "2026-11-28T05:00:00Z"),  # long ago
        _event("Pulling", "2026-11-28T06:59:00Z"),
    ],
)
def test_other_events_leave_a_pod_that_starts_unknown(event: Object) -> None:
    items = _with_events(event, **_CREATING)
    assert POD not in wrong(items)
    assert POD not in well(items)


def test_a_pod_that_is_ready_again_is_well_whatever_its_events_say() -> None:
    assert POD in well(_with_events(_event("FailedMount", "2026-11-28T06:59:00Z")))


@pytest.mark.parametrize("minutes", [-15, 12])
def test_a_cluster_whose_clock_is_off_is_told_of_and_its_events_count_as_of_when_they_came(
    minutes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def theirs(ago: timedelta) -> str:
        return (HERE.now - ago + timedelta(minutes=minutes)).isoformat()

    beat = _condition("Ready", "True") | {"lastHeartbeatTime": theirs(timedelta(0))}
    event = _event("FailedMount", theirs(timedelta(minutes=4)))
    items = [_node("n1", beat), _pod(status=_CREATING), event]
    written(tmp_path, "told", json.dumps({"kind": "List", "items": items}))
    tool = written(tmp_path, "kubectl", f"#!/bin/sh\ncat {tmp_path / 'told'}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    reading = found("kubernetes", cluster="prod", events=True)
    (told,) = reading.findings
    way = "ahead of" if minutes > 0 else "behind"
    # Nodes tell their time every five minutes: so much later it may be.
    assert "the clock of cluster prod is about" in told
    assert f"{way} ours: its times are corrected" in told
    assert POD in wrong(reading.items)


def test_an_event_whose_writer_dates_none_is_as_old_as_its_object() -> None:
    made = {"metadata": {"name": "e", "creationTimestamp": "2026-11-28T06:58:00Z"}}
    event = _event("FailedMount", "", lastTimestamp=None, **made)
    assert wrong(_with_events(event, **_CREATING))[POD].endswith(": rpc timed out")


def test_an_event_without_a_time_is_refused() -> None:
    with pytest.raises(SourceError, match="not an object with a time"):
        _with_events(_event("FailedMount", "yesterday"), **_CREATING)
