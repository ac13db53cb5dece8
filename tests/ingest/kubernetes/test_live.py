"""A real cluster, where `KUBECONFIG` names one that we may read; elsewhere it is left out."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.ingest.readings import found, machines, records, relations

pytestmark = [
    pytest.mark.sources,
    pytest.mark.skipif(not os.environ.get("KUBECONFIG"), reason="KUBECONFIG names no cluster"),
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl"),
]


def test_a_real_cluster_has_nodes_and_every_pod_that_runs_is_on_one() -> None:
    items = list(found("kubernetes", cluster="live").items)
    nodes = machines(items)
    assert nodes
    assert all(node.uuid for node in nodes.values()), "each tells the UUID of its firmware"
    pods = {key for key, row in records(items).items() if row.kind == "Pod"}
    links = relations(items)
    placed = {one for one, type_, other in links if type_ == "RUNS_ON" and other in nodes}
    waiting = {key for key in pods if key not in placed}
    assert len(waiting) < max(1, len(pods)), "not all of them wait for a node"
