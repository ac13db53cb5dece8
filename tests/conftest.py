"""Tests marked `libvirt` or `neo4j` need what those names say; without it they say so."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from tests.neo4j.served import Served, lacking, served

# How many examples a property gets that asks for no number itself; `make soak` takes its time.
settings.register_profile("quick", max_examples=40)
settings.register_profile("soak", max_examples=2_000, deadline=None)
settings.load_profile("quick")


# A store waits for the disk at every commit: in memory, where the machine lends enough, none does.
_MEMORY, _ENOUGH = "/dev/shm", 4 << 30  # noqa: S108 - pytest makes a folder of our own in it


def pytest_configure() -> None:
    try:
        lent = os.statvfs(_MEMORY)
    except OSError:
        return
    if lent.f_bavail * lent.f_frsize >= _ENOUGH and not lent.f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", _MEMORY)


_BESIDE = ("neo4j", "served", "sources", "monitoring", "browser")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the real parts into two processes: those of the lab, and those that run beside it.

    Try a wait for a real part that ran out once more: ten processes share what CI has. Nothing
    else: what was found to be wrong fails at once. The summary tells what ran twice.
    """
    for item in items:
        lab = item.get_closest_marker("lab") is not None
        if lab or any(item.get_closest_marker(marker) for marker in _BESIDE):
            item.add_marker(pytest.mark.xdist_group("lab" if lab else "beside"))
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=["LabError: .*: not within"]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let what runs beside the lab give way to it from now on: the lab is timed."""
    group = item.get_closest_marker("xdist_group")
    if "PYTEST_XDIST_WORKER" in os.environ and group is not None and group.args == ("beside",):
        os.nice(19)


@pytest.fixture(autouse=True)
def _binding(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("libvirt") and not importlib.util.find_spec("libvirt"):
        _absent("the libvirt binding is missing: make test-deps, then make test")


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Let no test log to a stream of another: one that runs the program sets the log up."""
    _log_plainly()
    yield
    structlog.reset_defaults()


def _log_plainly() -> None:
    """Log as structlog does, but for its drawings of exceptions, which take seconds."""
    structlog.reset_defaults()
    *others, _ = structlog.get_config()["processors"]
    drawn = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[*others, drawn])


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real Neo4j that asks for a password; one for the whole run."""
    missing = lacking()
    if missing:
        _absent(f"a real Neo4j needs {', '.join(missing)}: make test-deps, then make test")
    with served(tmp_path_factory.mktemp("neo4j")) as server:
        yield server


@pytest.fixture
def neo4j_database(neo4j_server: Served) -> Served:
    """That server with an empty database."""
    neo4j_server.wipe()
    return neo4j_server


def _absent(line: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(line, pytrace=False)
    pytest.skip(line)
