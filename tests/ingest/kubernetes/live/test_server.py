"""A real API server, furnished, read, and refused: `make test-kubernetes`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ingest.kubernetes.events import RESOURCE
from ingest.kubernetes.objects import RESOURCES
from kgraph.schema import SourceError
from kgraph.sourcekit.machines import Told
from tests.ingest.kubernetes.live.cluster import Cluster, cluster
from tests.ingest.kubernetes.live.estate import assert_furnished, furnish, node
from tests.ingest.readings import found, well, wrong

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

RECORDED = Path(__file__).parents[1] / "recorded.json"


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with TemporaryDirectory(prefix="kgk-") as folder, cluster(Path(folder)) as started:
        furnish(started)
        yield started


def _read(running: Cluster, who: str = "admin", *, events: bool = False) -> list[Told]:
    credentials = running.kubeconfig(who)
    return list(found("kubernetes", cluster="prod", kubeconfig=credentials, events=events).items)


def test_a_real_server_is_read_and_what_it_answered_is_what_the_other_tests_are_served(
    running: Cluster,
) -> None:
    assert_furnished(_read(running))
    if os.environ.get("KGRAPH_TEST_RECORD"):
        RECORDED.write_text(running.kubectl("get", ",".join(RESOURCES), "-A", "-o", "json"))


def test_a_reader_without_rights_is_told_and_one_with_those_of_the_docs_reads_all(
    running: Cluster,
) -> None:
    with pytest.raises(SourceError, match="forbidden") as caught:
        _read(running, "reader")
    assert "\n" not in str(caught.value)
    assert "token-of-reader" not in str(caught.value)
    role = ["create", "clusterrole", "kgraph", "--verb=get,list"]
    running.kubectl(*role, f"--resource={','.join((*RESOURCES, RESOURCE))}")
    running.kubectl(
        "create", "clusterrolebinding", "kgraph", "--clusterrole=kgraph", "--user=reader"
    )
    assert_furnished(_read(running, "reader", events=True))


def test_a_kubelet_that_falls_silent_makes_its_node_unreachable(running: Cluster) -> None:
    silent = node("n2", ready="Unknown")
    running.status("Node", silent["metadata"], silent["status"])
    items = _read(running)
    told = wrong(items)["node:prod/n2", "unreachable"]
    assert told == "its kubelet is silent: NodeStatusUnknown"
    assert ("node:prod/n2", "unreachable") not in well(items)


def test_a_server_that_is_not_there_is_one_line(running: Cluster, tmp_path: Path) -> None:
    text = running.kubeconfig().read_text()
    port = next(word for word in text.split() if word.startswith("https://")).rsplit(":")[-1]
    elsewhere = tmp_path / "kubeconfig"
    elsewhere.write_text(text.replace(f":{port}", ":9"))
    with pytest.raises(SourceError, match="refused") as caught:
        list(found("kubernetes", cluster="prod", kubeconfig=elsewhere).items)
    assert "\n" not in str(caught.value)
