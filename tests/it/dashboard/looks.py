"""Both themes at seven widths: nothing sticks out, and axe finds nothing."""

import time
from pathlib import Path

import axe_playwright_python
from browser import IS_LONG, PATIENCE, browser, expect, generate, keep, post, rests, rows, settled, until, visit

WIDTHS = [(320, 640), (390, 780), (768, 1000), (900, 1100), (1280, 900), (1920, 1080), (2560, 1300)]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
CONTRASTS = [390, 1280]  # a width chooses what is seen, no colours: these two see everything
TABS_UNTIL = 860  # pixels of width: there the page has two tabs, and a message covers it


def accessible(page, what, with_contrast=True):
    """Through the debugger, since the page's own policy lets no other script in. The contrast of all texts takes longer than the rest."""
    if not page.evaluate("'axe' in window"):
        session = page.context.new_cdp_session(page)
        session.send("Runtime.evaluate", {"expression": AXE})
        session.detach()
    rules = {"color-contrast": {"enabled": with_contrast}}
    deadline = time.monotonic() + PATIENCE / 1000
    while True:  # numbers that are asked anew are pale until they are there
        rests(page)
        found = page.evaluate("rules => axe.run({ resultTypes: ['violations'], rules })", rules)
        faults = [(rule["id"], [node["html"][:160] for node in rule["nodes"][:3]]) for rule in found["violations"]]
        if not faults:
            return
        assert time.monotonic() < deadline, (what, faults)
        page.wait_for_timeout(100)


def fits(page, what):
    """A chart follows another width in the next frame."""
    until(page, lambda: page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{what} is wider than its window")


def looked_at(page, width, what):
    fits(page, what)
    accessible(page, what, with_contrast=IS_LONG or width in CONTRASTS)
    keep(page, what)


def at_width(page, width, what):
    """The overview, the list where that is apart, and a message."""
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator("#by-model tbody tr").first).to_be_visible()
    looked_at(page, width, what)
    if width <= TABS_UNTIL:
        page.get_by_role("button", name="Messages", exact=True).click()
        looked_at(page, width, f"{what}-list")
    rows(page).first.locator("a").click()
    expect(page.locator(".waterfall")).to_be_visible()
    looked_at(page, width, f"{what}-message")
    panel = page.locator("#detail .body")
    assert panel.evaluate("body => body.scrollWidth <= body.clientWidth"), f"{what}: the panel is too narrow"
    page.get_by_label("Close").click()
    if width <= TABS_UNTIL:
        page.get_by_role("button", name="Overview").click()


def chosen(page, what):
    """One model is chosen: the others step back, and can still be read."""
    page.locator("#by-model").get_by_role("button", name="talk").click()
    expect(page.locator("#by-model tr.faint .fault")).to_have_text("100%")
    expect(rows(page)).to_have_count(4)
    accessible(page, f"{what} with a chosen model")
    keep(page, f"{what}-chosen")
    page.get_by_role("button", name="Clear filters").first.click()
    expect(rows(page)).to_have_count(13)


def themes(page):
    """The theme is chosen, and remembered."""
    ground = "getComputedStyle(document.body).backgroundColor"
    bright = page.evaluate(ground)
    page.get_by_label("Colours: system").click()
    page.get_by_label("Colours: light").click()
    assert page.evaluate(ground) != bright
    page.reload()
    assert page.evaluate(ground) != bright
    page.get_by_label("Colours: dark").click()
    assert page.evaluate(ground) == bright


if __name__ == "__main__":
    with browser() as chromium:
        for n in range(12):
            generate(["Why is the sky blue?", "Write code", "List it"][n % 3] + f" {n}", ["talk", "coder", "missing"][n % 3])
        post("/api/chat", {"model": "thinker", "messages": [{"role": "user", "content": "What is the weather?"}]})
        settled(13)
        with visit(chromium, reduced_motion="reduce") as page:
            expect(rows(page)).to_have_count(13)
            for scheme in ["dark", "light"]:
                page.emulate_media(color_scheme=scheme)
                for width, height in WIDTHS:
                    page.set_viewport_size({"width": width, "height": height})
                    at_width(page, width, f"{scheme}-{width}")
                    if width == 1280:
                        chosen(page, f"{scheme}-{width}")
            themes(page)
