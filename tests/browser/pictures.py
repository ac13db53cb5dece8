"""The pictures of the page in the documentation, taken anew: `make screenshot`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from kgraph.app.service.tokens import Role

from .looking import PHONE, Window, browser, lacking
from .site import broken, token_for


def main(folder: Path) -> None:
    """Take them while an incident is opened, approved and healed."""
    with tempfile.TemporaryDirectory() as made, browser() as chromium, broken(Path(made)) as site:
        url, token = site.served.url, token_for(Path(made), Role.OPERATOR)
        window, dark = Window(chromium, url), Window(chromium, url, colours="dark")
        for shown, name in ((window, "page"), (dark, "page-dark")):
            shown.log_in(token, "/incidents/INC-0001")
            shown.drawn()
            take(shown, folder / f"{name}.png", whole=True)
        phone = Window(chromium, url, PHONE)
        phone.log_in(token, "/incidents/INC-0001")
        phone.drawn()
        phone.page.get_by_role("button", name="Split…").click()
        phone.page.get_by_label("VirtualMachine web-000").check()
        take(phone, folder / "page-split.png")
        page = window.page
        # Drawn anew: a picture of the whole page has changed the window's size meanwhile.
        window.go("/incidents/INC-0001")
        window.drawn()
        page.get_by_role("button", name="Approve…").click()
        page.get_by_role("button", name="Approve and run").click()
        page.get_by_text("Running:").wait_for()
        take(window, folder / "page-running.png")
        page.get_by_text("Done, and it helped.").wait_for()
        page.get_by_text("Healed:").wait_for()
        window.go("/estate?text=vmstore")
        page.get_by_role("link", name="vmstore").click()
        page.get_by_role("region", name="History").get_by_role("listitem").first.wait_for()
        take(window, folder / "page-entity.png", whole=True)


def take(window: Window, file: Path, *, whole: bool = False) -> None:
    """Take a picture once nothing moves any longer."""
    window.page.mouse.move(0, 0)
    window.page.wait_for_timeout(1_500)  # the canvas is drawn coarsely first
    window.page.screenshot(path=str(file), full_page=whole)


if __name__ == "__main__":
    missing = lacking()
    if missing:
        raise SystemExit(f"pictures need {', '.join(missing)}: make test-deps")
    main(Path(sys.argv[1]))
