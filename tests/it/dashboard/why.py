"""The findings: in the panel, in the list and in a message; hidden, and shown again."""

import re

from browser import address, browser, expect, get, keep, rows, visit
from looks import accessible, fits

PANEL = "#why"
CUT = "talk saw only 4,096 of 9,812 tokens"
KEY = "context_cut.messages.sure.talk"


def items(page):
    return page.locator("#why-list > li")


def cut(page):
    return items(page).filter(has_text="Context cut")


def told(page):
    """The panel is the first thing on the page, and says what happened, what to do, and to whom."""
    panel = page.locator(PANEL)
    expect(panel.get_by_role("heading")).to_have_text("Why it was slow or wrong")
    for text in ["Context cut", CUT, "set num_ctx to 16384", "1 request of python-httpx", "the last at"]:
        expect(cut(page)).to_contain_text(text)
    assert page.evaluate("document.querySelector('main > :not([hidden])').id") == "why"
    expect(page.locator("#announcer")).to_contain_text("7 findings")
    expect(items(page)).to_have_count(3)
    more = page.get_by_role("button", name="Show all 7 findings")
    more.focus()
    page.keyboard.press("Enter")
    expect(items(page)).to_have_count(7)
    expect(more).to_have_count(0)
    assert page.evaluate("document.activeElement.closest('#why-list > li:nth-child(4)') !== null")
    likely = items(page).filter(has_text="(likely)")
    expect(likely).to_have_count(1)
    expect(likely).to_contain_text("CPU fallback")


def listed(page):
    """A message shows its first finding, and how many more it has."""
    row = rows(page).filter(has_text="cut and slow")
    expect(row.locator(".badge.finding")).to_have_text("Context cut")
    expect(row).to_contain_text("+2")
    expect(rows(page).filter(has_text="whole").locator(".badge")).to_have_count(0)
    page.get_by_role("link", name="List them: Context cut of talk").click()
    assert address(page) == "?model=talk&finding=context_cut%3Asure", address(page)
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_label("Findings")).to_have_value("context_cut:sure")
    page.get_by_label("Model", exact=True).select_option("")
    page.get_by_label("Findings").select_option("any")
    expect(rows(page)).to_have_count(5)
    page.get_by_role("button", name="Clear filters").first.click()
    expect(rows(page)).to_have_count(6)


def opened(page):
    """A message has all of its findings, and what its time went into."""
    page.get_by_role("link", name="Look at one: Context cut of talk").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".findings li")).to_have_count(3)
    expect(dialog.locator(".findings")).to_contain_text("set num_ctx to 16384")
    for part in ["Queue", "Load", "Prompt", "Generation", "Other"]:
        expect(dialog.locator(".waterfall dt").filter(has_text=part)).to_have_count(1)
    expect(dialog.locator(".waterfall")).to_contain_text(re.compile(r"Queue.*7.5\ss.*Load.*1\ss.*Prompt.*1\ss", re.DOTALL))
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def hiding(page):
    """By keys alone: hidden without a question, and shown again at once."""
    hide = page.get_by_role("button", name="Hide: Context cut of talk")
    hide.focus()
    page.keyboard.press("Enter")
    undo = page.get_by_role("button", name="Undo: Context cut of talk")
    expect(undo).to_be_focused()
    expect(page.locator("#announcer")).to_have_text("Hidden for 30 days")
    expect(cut(page)).to_contain_text("Hidden until")
    assert get("/analytics/why")["hidden"] == 1
    page.keyboard.press("Enter")
    expect(hide).to_be_focused()
    assert get("/analytics/why")["hidden"] == 0
    page.keyboard.press("Enter")
    expect(undo).to_be_focused()
    page.reload()
    expect(page.get_by_role("button", name="1 hidden, show")).to_be_visible()
    expect(page.locator(PANEL)).not_to_contain_text(CUT)
    expect(items(page)).to_have_count(3)
    page.get_by_role("button", name="1 hidden, show").click()
    expect(cut(page)).to_contain_text("hidden until")
    page.get_by_role("button", name="Show again: Context cut of talk").click()
    expect(page.get_by_role("button", name="1 hidden")).to_have_count(0)
    assert get("/analytics/why")["hidden"] == 0


def refused(page):
    """What cannot be hidden stays, and says why."""
    page.route("**/analytics/why/hide*", lambda route: route.fulfill(status=503, json={"error": "hide findings: no room"}))
    page.get_by_role("button", name="Hide: Context cut of talk").click()
    expect(cut(page).get_by_role("alert")).to_have_text("hide findings: no room")
    expect(cut(page)).to_contain_text(CUT)
    page.unroute("**/analytics/why/hide*")


def all_hidden(page):
    """Where all is hidden there is no panel, but a way back."""
    page.get_by_role("button", name="Show all 7 findings").click()
    for hidden in range(1, 8):
        page.get_by_role("button", name=re.compile("^Hide:")).first.click()
        expect(page.get_by_role("button", name=re.compile("^Undo:"))).to_have_count(hidden)
    page.reload()
    expect(page.get_by_role("button", name="7 hidden, show")).to_be_visible()
    expect(page.locator("#why-title")).to_be_hidden()
    keep(page, "why-hidden")
    page.get_by_role("button", name="7 hidden, show").click()
    expect(page.get_by_role("heading", name="Why it was slow or wrong")).to_be_visible()
    expect(items(page)).to_have_count(3)


def nothing(page):
    """Where nothing was found there is nothing to see."""
    expect(rows(page)).to_have_count(1)
    expect(page.locator(PANEL)).to_be_hidden()


if __name__ == "__main__":
    with browser() as chromium:
        with visit(chromium) as page:
            told(page)
            listed(page)
            opened(page)
            hiding(page)
        with visit(chromium, expected=("503",)) as page:
            refused(page)
        with visit(chromium, reduced_motion="reduce") as page:
            expect(items(page)).to_have_count(3)
            for scheme in ["light", "dark"]:
                page.emulate_media(color_scheme=scheme)
                for width in [360, 1280]:
                    page.set_viewport_size({"width": width, "height": 900})
                    fits(page, "the panel")
                    accessible(page, "the panel")
                    keep(page, f"why-{scheme}-{width}")
        with visit(chromium) as page:
            all_hidden(page)
        with visit(chromium, "?model=whole") as page:
            nothing(page)
