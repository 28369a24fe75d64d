"""An Ollama that does not answer is one card, which says what is known and what to do."""

import re

from browser import browser, expect, generate, keep, rows, settled, visit


def card(page):
    down = page.locator("#down")
    expect(down).to_contain_text(re.compile(r"does not answer at http://127\.0\.0\.1:\d+ since \d"))
    expect(down).to_contain_text("refused")
    expect(down).to_contain_text("ollama serve")
    expect(down.get_by_role("button", name="Copy")).not_to_have_count(0)
    expect(page.locator("#health")).to_have_text("Ollama is down")
    expect(page).to_have_title("⚠ Ollama is down Ollama Tap")
    expect(page.locator("#notice")).to_be_hidden()  # nobody is told to send requests
    expect(page.locator("#now")).not_to_contain_text("odel")
    expect(page.get_by_role("alert")).to_have_count(1)
    keep(page, "down")


def refusals_are_no_latencies(page):
    for _ in range(3):
        generate("Why?")
    settled(3)
    page.get_by_label("Refresh now").click()
    expect(rows(page)).to_have_count(3)
    cards = page.locator(".kpi")
    expect(cards.nth(1).locator(".value")).to_have_text("0%")
    for n in [3, 4, 5]:
        expect(cards.nth(n).locator(".value")).to_have_text("–")
    expect(page.locator("#latency-chart")).to_contain_text("No successful request")
    expect(page.locator("#by-error li")).to_have_count(1)
    expect(page.locator("#down")).to_be_visible()


with browser() as chromium:
    with visit(chromium) as page:
        card(page)
        refusals_are_no_latencies(page)
