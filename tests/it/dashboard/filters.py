"""Filters by clicks, by typing and by address."""

import re

from browser import TAPS, address, browser, expect, generate, rests, rows, settled, visit

INDEXED = TAPS[1]


def clicks(page):
    page.locator("#by-model").get_by_role("button", name="coder").click()
    expect(rows(page)).to_have_count(2)
    assert address(page) == "?model=coder"
    expect(page.get_by_label("Model", exact=True)).to_have_value("coder")
    page.get_by_label("Status").select_option("error")
    expect(page.locator("#messages-blank")).to_contain_text("No message matches")
    page.locator("#messages-blank button").click()
    assert address(page) == ""
    page.get_by_label("Category", exact=True).select_option("list")
    expect(rows(page)).to_have_count(1)
    page.go_back()
    page.go_back()
    expect(page.get_by_label("Status")).to_have_value("error")
    assert address(page) == "?model=coder&status=error"


def typing(page):
    page.keyboard.press("/")
    page.keyboard.type("SKY %_")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("the sky %_ <b>")
    assert address(page) == "?q=SKY+%25_"
    page.get_by_role("button", name="Clear filters").first.click()
    expect(page.get_by_label("Find in prompts")).to_have_value("")


def replies_and_errors_are_searched(page):
    search = page.get_by_label("Find in prompts")
    search.fill("you said: the sky")
    search.press("Enter")
    expect(rows(page)).to_have_count(1)
    search.fill("NOT FOUND")
    search.press("Enter")
    expect(rows(page).first).to_contain_text("not found")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Clear filters").first.click()


def a_search_that_reads_everything_waits_for_enter(page):
    page.clock.install()
    search = page.get_by_label("Find in prompts")
    expect(search).to_have_attribute("placeholder", re.compile("Enter"))
    search.type("sky")
    page.clock.run_for(2000)
    assert "q=" not in page.url


def a_search_with_an_index_follows_typing(chromium):
    generate("the sky", tap=INDEXED)
    generate("the sea", tap=INDEXED)
    settled(2, INDEXED)
    with visit(chromium, tap=INDEXED) as page:
        expect(rows(page)).to_have_count(2)
        page.get_by_label("Find in prompts").type("sky")
        expect(page).to_have_url(re.compile("q=sky"))
        expect(rows(page)).to_have_count(1)


def times(page):
    """A click on the timeline chooses its piece of time."""
    bar = page.locator("#requests-chart rect.success").first.bounding_box()
    page.mouse.click(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    expect(page).to_have_url(re.compile(r"from=20\d\d-.*&to=20\d\d-"))
    expect(page.locator("input[name=from]")).to_have_value(re.compile(r"^20\d\d-\d\d-\d\dT"))
    expect(rows(page).first).to_be_visible()
    page.locator("input[name=to]").fill("2020-01-01T00:00:00")
    page.locator("input[name=from]").fill("2019-01-01T00:00:00")
    page.locator("input[name=from]").press("Enter")
    expect(page.locator("#messages-blank")).to_contain_text("No message matches")


def older(page):
    expect(rows(page)).to_have_count(50)
    page.get_by_role("button", name="Show older messages").click()
    expect(rows(page)).to_have_count(65)
    expect(page.get_by_role("button", name="Show older messages")).to_be_hidden()
    page.get_by_role("button", name="Refresh now").click()
    rests(page)
    expect(rows(page)).to_have_count(65)


with browser() as chromium:
    for n in range(60):
        generate(f"number {n}")
    for prompt, model in [
        ("List it", "coder"),
        ("Write code", "coder"),
        ("the sky %_ <b>", "talk"),
        ("Why?", "missing"),
        ("empty", "talk"),
    ]:
        generate(prompt, model)
    settled(65)
    with visit(chromium) as page:
        clicks(page)
    with visit(chromium) as page:
        typing(page)
        replies_and_errors_are_searched(page)
        times(page)
    with visit(chromium) as page:
        a_search_that_reads_everything_waits_for_enter(page)
    a_search_with_an_index_follows_typing(chromium)
    with visit(chromium) as page:
        older(page)
    with visit(chromium, "?model=coder&category=list&range=7d&text=it") as page:
        expect(rows(page)).to_have_count(1)
        assert page.get_by_label("7 d", exact=True).is_checked()
        expect(page.get_by_label("Category", exact=True)).to_have_value("list")
        expect(page.get_by_label("Find in prompts")).to_have_value("it")
    with visit(chromium, "?range=nonsense&from=nonsense&category=nonsense", expected=("400",)) as page:
        expect(page.locator("#banner")).to_contain_text("prompt_category")
        page.get_by_role("button", name="Clear filters").first.click()
        expect(rows(page)).to_have_count(50)
