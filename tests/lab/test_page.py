"""From the browser to real hypervisors: an export dies, a person says yes, it heals."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingest.libvirt.states import DomainState
from kgraph.app.service.tokens import Role
from tests.browser.looking import Window, needed_browser
from tests.browser.site import token_for
from tests.kgraph.server.serving import Served, running, waited
from tests.lab.lab.laboratory import Lab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

pytestmark = [pytest.mark.lab, pytest.mark.browser]
_SHIPPED = Path(__file__).parents[2] / "remedies" / "catalogue"
_HEALED = 120_000  # ms; QEMU connects anew in its own time


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with needed_browser() as opened:
        yield opened


def settings(lab: Lab, folder: Path) -> str:
    """The lab with its sources and means to act; the shipped actions, but quicker verified."""
    (folder / "own").mkdir()
    for actions in _SHIPPED.glob("actions-*.yaml"):
        quick = re.sub(r"settleSeconds: \d+", "settleSeconds: 4", actions.read_text())
        (folder / "own" / actions.name).write_text(quick)
    sources = "".join(
        f'[[sources]]\ntype = "libvirt"\nuri = "{uri}"\nevery = 2\n' for uri in lab.uris
    )
    return (
        f'[log]\nlevel = "info"\n[folders]\ncatalogue = ["own"]\n[watch]\ntick = 0.2\n{sources}'
        '[[sources]]\ntype = "nbd"\nevery = 1\n'
        '[[endpoints]]\nname = "guests"\ntype = "libvirt"\nselect = {kind = "VirtualMachine"}\n'
        '[[endpoints]]\nname = "storage"\ntype = "systemd"\nselect = {kind = "StorageExport"}\n'
        f"unit = {json.dumps(lab.export_unit)}\nvia = {json.dumps(lab.via)}\n"
    )


def _signature(served: Served) -> str:
    """What kgraph knows of the export's content; nothing at first."""
    rows = served.client.get("/api/v1/entities?kind=StorageExport").json()["items"]
    seen = [served.client.get(f"/api/v1/entities/{row['uid']}").json()["props"] for row in rows]
    return "".join(str(props.get("signature", "")) for props in seen)


def _approve(plan: Locator) -> None:
    """Approve until it begins: as more becomes known, another plan may take its place meanwhile.

    Raises:
        AssertionError: it does not; with what the page says of it.
    """
    ran_out = import_module("playwright.sync_api").TimeoutError
    begun = plan.get_by_text(re.compile(r"^(Running:|All \d+ steps done\.|Done)"))
    waits = plan.get_by_text(re.compile(r"^Approved\."))
    asked = plan.get_by_role("button", name="Approve…")
    sure = plan.get_by_role("button", name="Approve and run")
    for _ in range(20):
        with contextlib.suppress(ran_out):
            begun.or_(waits).or_(asked).or_(sure).first.wait_for(timeout=5_000)
            if asked.is_visible():
                asked.click(timeout=5_000)
            if sure.is_visible():
                sure.click(timeout=5_000)
            begun.wait_for(timeout=5_000)
            return
    raise AssertionError(f"it did not begin; the page says:\n{plan.inner_text()}")


def _lost(served: Served) -> list[str]:
    """Return the plans that were approved, and gave way to another one without a word of why."""
    plans = served.client.get("/api/v1/plans?state=superseded").json()["items"]
    known = [row["id"] for row in plans if "before that: " not in row["because"]]
    found = {each: served.client.get(f"/api/v1/plans/{each}").json() for each in known}
    return [each for each, plan in found.items() if plan["document"].get("bound")]


@contextlib.contextmanager
def _told(served: Served) -> Iterator[None]:
    """Say of a failure what has become of the plans: no later run may fail again."""
    try:
        yield
    except Exception as error:
        plans = served.client.get("/api/v1/plans").json().get("items", [])
        rows = [f"{row['id']} {row['state']}: {row['because']}" for row in plans]
        error.add_note("\n".join(["its plans, newest first:", *rows]))
        raise


def test_a_killed_export_is_healed_from_the_browser(
    lab: Lab, chromium: Browser, tmp_path: Path
) -> None:
    hurt = lab.guests_on_export()
    with running(tmp_path, "", settings(lab, tmp_path)) as served, _told(served):
        served.client.headers["Authorization"] = f"Bearer {token_for(tmp_path, Role.OPERATOR)}"
        # What the export holds while all is well: the plan compares its size and signature.
        waited(lambda: _signature(served))
        window = Window(chromium, served.url)
        page = window.page
        window.log_in(token_for(tmp_path, Role.OPERATOR))
        page.get_by_role("heading", name="Nothing is wrong").wait_for()
        lab.kill_export()
        # The list follows by itself.
        page.get_by_role("link", name=re.compile(rf"{len(hurt)} VMs paused")).click()
        plan = page.get_by_role("region", name="Plan", exact=True)
        plan.get_by_text(f"resume {len(hurt)} VMs").wait_for()
        _approve(plan)
        page.get_by_text("Done, and it helped.").wait_for(timeout=_HEALED)
        page.get_by_text("Healed:").wait_for()
        assert _lost(served) == []
        # What was approved a moment after another plan had taken its place is refused.
        assert [said for said in window.complaints if "409 (Conflict)" not in said] == []
        window.close()
    assert all(lab.guests[name].is_in(DomainState.RUNNING) for name in hurt)
