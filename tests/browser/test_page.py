"""The page of `kgraph serve`, driven in real Chromium, in front of a real server.

The estate is simulated: see `tests.browser.site`.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kgraph.app.incidents.learning import forget
from kgraph.app.service.tokens import Role
from kgraph.store import open_store
from tests.kgraph.server.serving import Served

from .looking import LAPTOP, PHONE, Window
from .site import Site, broken, estate, token_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

pytestmark = [pytest.mark.browser, pytest.mark.served]


@pytest.fixture(scope="module")
def served(site: Site) -> Served:
    """The service of the site; the tests that use it leave the site broken."""
    return site.served


@pytest.fixture(scope="module")
def operator(folder: Path, served: Served) -> str:  # noqa: ARG001 - it makes the store
    return token_for(folder, Role.OPERATOR)


@pytest.fixture
def window(chromium: Browser, served: Served) -> Iterator[Callable[..., Window]]:
    opened: list[Window] = []

    def made(**how: object) -> Window:
        opened.append(Window(chromium, served.url, **how))  # type: ignore[arg-type]
        return opened[-1]

    yield made
    for each in opened:
        each.close()
        assert each.complaints == []


def test_from_the_list_to_the_incident_to_yes_to_healed(chromium: Browser, tmp_path: Path) -> None:
    with broken(tmp_path) as site:
        window = Window(chromium, site.served.url)
        page = window.page
        window.log_in(token_for(tmp_path, Role.OPERATOR))
        page.get_by_role("heading", name="1 open incident").wait_for()
        page.get_by_role("link", name="8 VMs paused, 1 storage export down").click()
        cause = page.get_by_role("region", name="Most likely cause")
        cause.get_by_text("vmstore down").wait_for()
        assert re.search(r"probability\s+\.9\d", cause.inner_text())
        plan = page.get_by_role("region", name="Plan", exact=True)
        plan.get_by_text("restart vmstore").wait_for()
        runbook = plan.get_by_role("region", name="Runbook")
        assert runbook.get_by_role("listitem").all_inner_texts() == [
            "what does the log of the server say of its last minute"
        ]
        plan.get_by_role("button", name="Approve…").click()
        assert site.asked == []  # it asks once more
        site.wake("web-007")  # meanwhile there is another plan, which nobody has read
        plan.get_by_text("which you were deciding on. Nothing was done.").wait_for()
        plan.get_by_role("button", name="Approve…").click()
        plan.get_by_role("button", name="Approve and run").click()
        # From here on nobody touches the page: it follows by itself.
        page.get_by_text("Done, and it helped.").wait_for()
        page.get_by_text("Healed:").wait_for()
        assert plan.get_by_text("7 of 7 done").is_visible()
        assert site.asked[0] == "restart vmstore"
        assert sorted(site.asked[1:]) == [f"resume {guest}" for guest in site.guests]
        assert site.paused == set()
        page.get_by_role("link", name="Incidents", exact=True).click()
        page.get_by_role("heading", name="Nothing is wrong").wait_for()
        assert page.get_by_text("healed by P-").is_visible()
        assert window.complaints == []
        window.close()


def test_who_approves_what_does_not_begin_reads_why(chromium: Browser, tmp_path: Path) -> None:
    with broken(tmp_path) as site:
        site.served.client.put("/api/v1/halt", json={"reason": "the storage team is at it"})
        window = Window(chromium, site.served.url)
        page = window.page
        window.log_in(token_for(tmp_path, Role.OPERATOR), "/incidents/INC-0001")
        plan = page.get_by_role("region", name="Plan", exact=True)
        plan.get_by_role("button", name="Approve…").click()
        plan.get_by_role("button", name="Approve and run").click()
        plan.get_by_text("it waits: halt: halted: the storage team is at it").wait_for()
        # One guest more needs the export meanwhile: no yes was given for that.
        more = estate(len(site.guests))
        more["entities"].append({"id": "late", "kind": "VirtualMachine", "name": "late"})
        more["relations"].append({"from": "late", "type": "STORED_ON", "to": "vmstore"})
        (tmp_path / "estate.json").write_text(json.dumps(more))
        void = "It was approved, and has not begun: what it stands on has changed"
        plan.get_by_text(void).wait_for()
        plan.get_by_role("button", name="Approve…").wait_for()
        assert site.asked == []
        assert window.complaints == []
        window.close()


def test_the_cause_is_confirmed_and_refuted(
    window: Callable[..., Window], served: Served, folder: Path, operator: str
) -> None:
    with closing(open_store(folder / "kgraph.db")) as store:
        forget(store)  # what an earlier try has said
    opened = window()
    opened.log_in(operator, "/incidents/INC-0001")
    page = opened.page
    page.get_by_role("button", name="Confirm the cause").click()
    page.get_by_text("Confirmed by operator").wait_for()
    page.get_by_role("button", name="Refute it after all").click()
    page.get_by_text("Refuted by operator").wait_for()
    (said,) = served.client.get("/api/v1/incidents/INC-0001").json()["verdicts"]
    assert said["said"] == "refuted"


def test_a_viewer_sees_everything_and_may_decide_nothing(
    window: Callable[..., Window], folder: Path
) -> None:
    opened = window()
    opened.log_in(token_for(folder, Role.VIEWER), "/incidents/INC-0001")
    page = opened.page
    page.get_by_text("Approving needs the role operator.").wait_for()
    for name in ("Approve…", "Reject…", "Confirm the cause", "Halt repairs"):
        assert page.get_by_role("button", name=name).count() == 0


def test_nothing_of_a_token_is_where_a_script_or_another_service_could_read_it(
    window: Callable[..., Window], operator: str
) -> None:
    opened = window()
    opened.log_in(operator)
    kept = opened.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
    (cookie,) = opened.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert cookie["path"] == "/api/v1"
    assert operator not in kept + cookie["value"] + "".join(opened.asked)
    # A new tab knows who asks, as a link in a chat opens one.
    tab = opened.context.new_page()
    tab.goto(f"{opened.url}/incidents/INC-0001")
    tab.get_by_role("region", name="Most likely cause").wait_for()
    opened.page.get_by_role("button", name="Log out").click()
    opened.page.get_by_label("Token").wait_for()
    assert opened.context.cookies() == []


def test_a_wrong_token_is_told_and_lets_nobody_in(window: Callable[..., Window]) -> None:
    opened = window()
    opened.go("/incidents/INC-0001")
    page = opened.page
    page.get_by_label("Token").fill("kgraph_0_0")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("no such token").wait_for()
    assert page.get_by_role("region", name="Most likely cause").count() == 0
    assert opened.violations() == []


def test_nothing_is_asked_of_another_host_and_nothing_inline_would_run(
    window: Callable[..., Window], served: Served, operator: str
) -> None:
    opened = window()
    opened.log_in(operator, "/incidents/INC-0001")
    opened.drawn()
    assert {url.split("/")[2] for url in opened.asked} == {served.url.split("/")[2]}
    policy = served.client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    opened.page.evaluate(
        "() => { const e = document.createElement('script');"
        " try { e.text = 'window.ran = 1'; document.head.append(e) } catch {} }"
    )
    assert opened.page.evaluate("() => window.ran") is None
    assert opened.complaints  # the browser has told of it
    opened.complaints.clear()


def test_a_name_does_not_turn_round_what_stands_beside_it(
    window: Callable[..., Window], operator: str
) -> None:
    opened = window()

    def renamed(route: Route) -> None:
        route.fulfill(body=route.fetch().text().replace("vmstore", "vm\\u202estore"))

    opened.page.route("**/api/v1/incidents/INC-0001/view", renamed)
    opened.log_in(operator, "/incidents/INC-0001")
    cause = opened.page.get_by_role("region", name="Most likely cause")
    cause.get_by_text("vm\ufffdstore down").wait_for()
    assert "\u202e" not in opened.page.content()


def test_the_estate_is_searched_with_the_keyboard_alone(
    window: Callable[..., Window], operator: str
) -> None:
    opened = window()
    opened.log_in(operator)
    page = opened.page
    page.get_by_role("heading", name="1 open incident").wait_for()
    page.keyboard.press("/")
    page.get_by_label("A part of a name").wait_for()
    page.wait_for_function("() => document.activeElement.id === 'search'")
    page.keyboard.type("vmst")
    page.get_by_role("link", name="vmstore").wait_for()
    page.get_by_text("1 found").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="vmstore", level=1).wait_for()
    assert page.get_by_role("region", name="Needs", exact=True).get_by_text("stor1").is_visible()
    assert page.get_by_role("region", name="Needed by").get_by_role("link").count() == 8
    history = page.get_by_role("region", name="History")
    history.get_by_role("listitem").first.wait_for()
    page.go_back()
    assert page.get_by_label("A part of a name").input_value() == "vmst"


def test_the_picture_is_walked_with_the_keyboard(
    window: Callable[..., Window], operator: str
) -> None:
    opened = window()
    opened.log_in(operator, "/incidents/INC-0001")
    opened.drawn()
    page = opened.page
    picture = page.get_by_role("application")
    picture.focus()
    page.keyboard.press("Home")
    figure = page.locator("figure")
    figure.get_by_text("power feed: beside it").wait_for()  # the uppermost layer
    for _ in range(3):  # hosts are two rows
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    figure.get_by_text("to blame, down P .9").wait_for()
    page.keyboard.press("End")
    figure.get_by_text("service: hit next").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="shop", level=1).wait_for()


def test_the_same_picture_is_a_list_with_those_that_are_well(
    window: Callable[..., Window], operator: str
) -> None:
    opened = window()
    opened.log_in(operator, "/incidents/INC-0001")
    page = opened.page
    page.get_by_text(re.compile("^The same as a list")).click()
    hosts = page.get_by_role("region", name="Hosts").get_by_role("listitem")
    assert {row.partition(" ")[2] for row in hosts.all_inner_texts()} == {
        "host: looked at and well, seen well"
    }


def test_a_server_that_falls_silent_is_told_and_found_again(
    window: Callable[..., Window], operator: str, served: Served
) -> None:
    opened = window()
    page = opened.page
    page.clock.install()
    opened.log_in(operator)
    page.get_by_text("Live", exact=True).wait_for()
    served.process.send_signal(signal.SIGSTOP)  # its connections stand, and nothing comes
    try:
        page.clock.fast_forward(45_000)
        page.get_by_text("Not live: what you see may be old").wait_for()
    finally:
        served.process.send_signal(signal.SIGCONT)
    page.clock.fast_forward(60_000)
    page.get_by_text("Live", exact=True).wait_for()


def test_the_list_says_how_old_is_what_is_known(
    window: Callable[..., Window], operator: str
) -> None:
    view = window()
    view.log_in(operator)
    view.page.get_by_text(re.compile(r"^1 source, read \d+ (s|min) ago$")).click()
    view.page.get_by_role("row", name=re.compile("^cmdb site:dc1 ")).wait_for()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_everything_is_readable_and_labelled(
    window: Callable[..., Window],
    operator: str,
    served: Served,
    size: tuple[int, int],
    colours: str,
) -> None:
    opened = window(size=size, colours=colours)
    opened.log_in(operator)
    (found,) = served.client.get("/api/v1/entities?text=vmstore").json()["items"]
    views = {
        "/": "1 open incident",
        "/incidents/INC-0001": "8 VMs paused",
        "/estate": "Estate",
        f"/entities/{found['uid']}": "vmstore",
    }
    for path, heading in views.items():
        opened.go(path)
        opened.page.get_by_role("heading", name=heading, level=1).wait_for()
        if path.startswith("/incidents"):
            opened.drawn()
            for closed in opened.page.locator("summary").all():
                closed.click()
        assert opened.violations() == [], path
        assert opened.overflow <= 0, path


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_a_long_command_is_scrolled_in_its_box_and_pushes_nothing_aside(
    window: Callable[..., Window], operator: str, size: tuple[int, int]
) -> None:
    opened = window(size=size)
    opened.log_in(operator, "/incidents/INC-0001")
    right = "() => document.querySelector('.aside').getBoundingClientRect().right"
    opened.page.locator(".command code").first.wait_for()
    before = opened.page.evaluate(right)
    opened.page.evaluate(
        "() => { document.querySelector('.command code').textContent = 'x'.repeat(300) }"
    )
    opened.page.wait_for_function(
        "() => { const e = document.querySelector('.command code');"
        " return e.scrollWidth > e.clientWidth }"
    )
    part = "() => document.querySelector('.aside .part').getBoundingClientRect().right"
    assert opened.page.evaluate(part) <= before
    assert opened.overflow <= 0


def test_light_and_dark_are_chosen_and_kept(window: Callable[..., Window], operator: str) -> None:
    opened = window()
    opened.log_in(operator)
    page = opened.page
    paper = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_label("Colours").select_option("Dark")
    dark = page.evaluate(paper)
    assert light != dark
    page.reload()
    page.get_by_role("heading", name="1 open incident").wait_for()
    assert page.evaluate(paper) == dark


def test_an_incident_that_is_not_there_is_told_in_one_line(
    window: Callable[..., Window], operator: str
) -> None:
    opened = window(expected="status of 404")  # each time that the page asks again
    opened.log_in(operator, "/incidents/INC-4711")
    opened.page.get_by_role("alert").get_by_text("no incident 'INC-4711'").wait_for()


def test_a_plan_is_rejected_with_a_reason(chromium: Browser, tmp_path: Path) -> None:
    with broken(tmp_path) as site:
        window = Window(chromium, site.served.url)
        window.log_in(token_for(tmp_path, Role.OPERATOR), "/incidents/INC-0001")
        page = window.page
        page.get_by_role("button", name="Reject…").click()
        page.keyboard.press("Escape")  # and the keyboard is where it was
        page.wait_for_function("() => document.activeElement.textContent === 'Reject…'")
        page.keyboard.press("Enter")
        page.keyboard.type("maintenance")
        page.keyboard.press("Enter")
        page.get_by_text("maintenance").wait_for()
        plans = site.served.client.get("/api/v1/plans").json()["items"]
        # There is more than one where the guests' alerts came a round after the export's.
        assert {row["state"] for row in plans} == {"superseded"}
        assert sum("maintenance" in row["because"] for row in plans) == 1
        assert site.asked == []
        window.close()
