"""Incidents by hand on the page: acknowledged, split, merged and closed in real Chromium."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kgraph.app.service.tokens import Role

from .looking import LAPTOP, PHONE, Window
from .site import Site, broken, token_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.served]
DEEDS = ("Acknowledge", "Close", "Merge", "Split")


def opened(
    chromium: Browser,
    site: Site,
    token: str,
    size: tuple[int, int] = LAPTOP,
    colours: str = "light",
) -> Window:
    window = Window(chromium, site.served.url, size, colours)  # type: ignore[arg-type]
    window.log_in(token, "/incidents/INC-0001")
    window.page.get_by_role("heading", name="8 VMs paused", level=1).wait_for()
    return window


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize(("size", "colours"), [(LAPTOP, "light"), (PHONE, "dark")])
def test_each_form_is_readable_has_the_keyboard_and_is_left_by_escape(
    chromium: Browser, site: Site, folder: Path, size: tuple[int, int], colours: str
) -> None:
    window = opened(chromium, site, token_for(folder, Role.RESPONDER), size, colours)
    page = window.page
    for deed in DEEDS:
        press(page, f"{deed}…")
        page.wait_for_function("() => document.activeElement.closest('form.deed')")
        if deed == "Merge":  # there is nothing to merge it into, and nothing to send
            page.get_by_text("There is no other open incident.").wait_for()
            assert page.locator("form.deed button").all_inner_texts() == ["Cancel"]
        assert window.violations("form.deed") == [], deed
        assert window.overflow <= 0, deed
        page.keyboard.press("Escape")
        back = "(name) => document.activeElement.textContent === name"
        page.wait_for_function(back, arg=f"{deed}…")
    assert window.complaints == []
    window.close()


def test_a_viewer_is_offered_none_of_it(chromium: Browser, site: Site, folder: Path) -> None:
    window = opened(chromium, site, token_for(folder, Role.VIEWER))
    for deed in DEEDS:
        assert window.page.get_by_role("button", name=f"{deed}…").count() == 0
    window.close()


def test_what_cannot_be_done_is_told_and_what_was_typed_stays(
    chromium: Browser, site: Site, folder: Path
) -> None:
    window = opened(chromium, site, token_for(folder, Role.RESPONDER))
    page = window.page
    press(page, "Split…")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_label("A remark").fill("another disk")
    press(page, "Split off")
    page.get_by_role("alert").get_by_text("nothing of INC-0001 would be left").wait_for()
    assert page.get_by_label("A remark").input_value() == "another disk"
    window.complaints.clear()  # the browser tells of the 409
    press(page, "Cancel")
    assert page.get_by_role("alert").count() == 0
    press(page, "Close…")
    page.get_by_label("Why?").fill("   ")
    press(page, "Close it")
    assert page.get_by_label("Why?").is_visible()  # a reason of blanks is not sent
    assert window.complaints == []
    window.close()


def test_an_incident_is_taken_on_split_merged_again_and_closed(
    chromium: Browser, tmp_path: Path
) -> None:
    with broken(tmp_path) as site:  # one of its own: it is another one afterwards
        taken_split_merged_and_closed(chromium, site, tmp_path)


def taken_split_merged_and_closed(chromium: Browser, site: Site, folder: Path) -> None:
    window = opened(chromium, site, token_for(folder, Role.RESPONDER))
    other = opened(chromium, site, token_for(folder, Role.VIEWER))
    page, seen = window.page, other.page

    press(page, "Acknowledge…")
    page.keyboard.type("at stor1")
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("has it since").wait_for()
    seen.get_by_role("status").get_by_text("at stor1").wait_for()  # by itself
    assert page.get_by_role("button", name="Acknowledge…").count() == 0
    other.go("/")
    seen.get_by_text(re.compile("^responder .*has it$")).wait_for()
    held: list[Route] = []
    # Playwright wants a function of Python here, not one of C.
    page.route("**/acknowledgement", lambda route: held.append(route))  # noqa: PLW0108
    press(page, "Take the acknowledgement back")
    press(page, "Split…")
    held[0].continue_()  # an answer that is late closes no form that was opened since
    page.get_by_role("status").get_by_text("has it since").wait_for(state="detached")
    page.wait_for_function("() => !document.querySelector('form.deed .first')?.disabled")

    page.get_by_label("VirtualMachine web-000").check()
    page.get_by_label("VirtualMachine web-001").check()
    page.get_by_label("A remark").fill("their own disk")
    press(page, "Split off")
    page.get_by_role("heading", name="6 VMs paused", level=1).wait_for()
    seen.get_by_role("heading", name="2 open incidents").wait_for()
    page.get_by_role("list", name="Merged and split").get_by_role("link", name="INC-0002").click()
    page.get_by_role("heading", name="2 VMs paused", level=1).wait_for()
    assert page.get_by_text("splits it off INC-0001").first.is_visible()

    press(page, "Merge…")
    page.get_by_label("Into").select_option("INC-0001")
    page.get_by_label("A remark").fill("one disk after all")
    press(page, "Merge")
    page.get_by_text(re.compile("merged it into INC-0001 at .*: one disk after all")).wait_for()
    seen.get_by_role("heading", name="1 open incident").wait_for()
    page.get_by_role("link", name="INC-0001").first.click()
    page.get_by_role("heading", name="8 VMs paused", level=1).wait_for()

    press(page, "Close…")
    page.keyboard.type("a planned move")
    page.keyboard.press("Enter")
    page.get_by_text(re.compile("closed it at .*: a planned move")).wait_for()
    seen.get_by_role("heading", name="Nothing is wrong").wait_for()
    times = page.get_by_role("region", name="Time line")
    assert times.get_by_text("closes it: a planned move").is_visible()
    assert site.asked == []  # nothing of it has touched the estate
    assert window.complaints == other.complaints == []
    window.close()
    other.close()
