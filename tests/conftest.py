"""Tests marked `libvirt` or `neo4j` need what those names say; without it they say so."""

from __future__ import annotations

import gc
import importlib.util
import os
import signal
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from kgraph import logs
from kgraph.undisturbed import undisturbed
from tests.neo4j.served import Served, lacking, served
from tests.real import absent

# How many examples a property gets that asks for no number itself; `make soak` takes its time.
# A machine that is busy is no fault of a property: neither is timed.
_UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", max_examples=40, **_UNTIMED)
settings.register_profile("soak", max_examples=2_000, **_UNTIMED)
settings.load_profile("quick")


# A store waits for the disk at every commit: in memory, where the machine lends enough, none does.
_MEMORY, _ENOUGH = "/dev/shm", 4 << 30  # noqa: S108 - pytest makes a folder of our own in it


def pytest_configure() -> None:
    # A shell lets what it starts in the background ignore Ctrl-C, and so would what tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        lent = os.statvfs(_MEMORY)
    except OSError:
        return
    if lent.f_bavail * lent.f_frsize >= _ENOUGH and not lent.f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", _MEMORY)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep modules and items from the garbage collector: half a million objects that stay.

    Of what a test makes little is in cycles: it is looked for a tenth as often as usual.
    """
    with undisturbed():
        found = yield
    gc.freeze()
    gc.set_threshold(10 * gc.get_threshold()[0], *gc.get_threshold()[1:])
    return found


_REAL = ("lab", "neo4j", "served", "sources", "monitoring", "browser")
# These start no daemon, and fail for a reason: they are not tried twice.
_LONG = ("worlds", "processes")
# How much each part of them gives way to the others: what happens in the lab is timed.
_NICE = {"lab": 0, "campaign": 5, "server": 19, "beside": 19}
# Who needs a real Neo4j, but for the lab, which has one of its own: it is started once for these.
_SERVER = (
    "tests/neo4j/",
    "tests/conformance/",
    "tests/cypher/",
    "tests/browser/test_neo4j_browser.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a test of a real part that failed once more: ten processes share what CI has.

    Of what runs in this process alone nothing is tried twice.
    """
    for item in items:
        if _is_real(item):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show in full what failed at first: it may be a race of ours, and is to be looked into."""
    for report in terminalreporter.stats.get("rerun", ()):
        terminalreporter.section(f"failed at first: {report.nodeid}", sep="_")
        terminalreporter.write_line(report.longreprtext)


def _is_real(item: pytest.Item) -> bool:
    return _is_any(item, _REAL)


def _is_any(item: pytest.Item, markers: tuple[str, ...]) -> bool:
    return any(item.get_closest_marker(marker) for marker in markers)


def part(nodeid: str) -> str:
    """Sort the real parts: the lab, a campaign on a second one, who needs Neo4j, the others."""
    if nodeid.startswith("tests/lab/"):
        return "campaign" if "/test_campaign.py::" in nodeid else "lab"
    return "server" if nodeid.startswith(_SERVER) else "beside"


class _Parts(LoadScopeScheduling):
    """Each part in a process of its own."""

    def _split_scope(self, nodeid: str) -> str:
        return part(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    return _Parts(config, log) if config.getoption("dist") == "loadscope" else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("libvirt") and not importlib.util.find_spec("libvirt"):
        absent("the libvirt binding is missing: make test-deps, then make test")
    beside = _is_real(item) or _is_any(item, _LONG)
    if "PYTEST_XDIST_WORKER" in os.environ and beside:
        os.nice(max(0, _NICE[part(item.nodeid)] - os.nice(0)))


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Let no test log to a stream of another: one that runs the program sets the log up."""
    _log_plainly()
    yield
    structlog.reset_defaults()


def _log_plainly() -> None:
    """Log as structlog does, but for its drawings of exceptions, which take seconds."""
    structlog.reset_defaults()
    logs._configure.clear()
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
        absent(f"a real Neo4j needs {', '.join(missing)}: make test-deps, then make test")
    with served(tmp_path_factory.mktemp("neo4j")) as server:
        yield server


@pytest.fixture
def neo4j_database(neo4j_server: Served) -> Served:
    """That server with an empty database."""
    neo4j_server.wipe()
    return neo4j_server
