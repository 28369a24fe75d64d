"""The twelve questions that the page is there for, each by at most two clicks from the opened page."""

import re
import threading
import time

from browser import TAP, browser, expect, generate, rests, rows, visit

# A zone in which it is the afternoon, whenever this runs: an hour ago is today, 24 hours ago is yesterday.
AHEAD = min(14, 15 - time.gmtime().tm_hour)
AFTERNOON = f"Etc/GMT{-AHEAD:+d}" if AHEAD else "Etc/GMT"


def opened(page, *clicks):
    """The page, opened anew, after these clicks."""
    assert len(clicks) <= 2
    page.goto(f"{TAP}/analytics")
    expect(page.locator("#by-model tbody tr").first).to_be_visible()
    for click in clicks:
        rests(page)  # nobody clicks at numbers that are about to be others
        click(page)


def choose(name):
    return lambda page: page.locator("#range").get_by_text(name, exact=True).click()


def press(panel, name):
    return lambda page: page.locator(panel).get_by_role("button", name=name).first.click()


def card(page, name):
    return page.locator(".kpi").filter(has=page.get_by_role("heading", name=name, exact=False)).first


def which_model_is_slowest_today(page):
    opened(page, choose("Today"), press("#by-model", "p50"))
    expect(page.locator("#by-model tbody tr").first).to_contain_text("slow")


def what_was_answered_yesterday(page):
    bar = lambda page: page.locator("#requests-chart rect.success").first.click(force=True)
    opened(page, choose("Yesterday"), bar)
    expect(page).to_have_url(re.compile("from=.*to="))
    expect(rows(page)).to_have_count(16)
    expect(rows(page).first).to_contain_text("It is blue.")


def who_uses_the_most_tokens(page):
    opened(page, press("#by-client", "Tokens out"))
    expect(page.locator("#by-client tbody tr").first).to_contain_text("glutton")


def why_did_it_fail(page):
    opened(page)
    expect(page.locator("#by-error li")).to_contain_text("model '…' not found")
    page.locator("#by-error").get_by_role("link").click()
    expect(page.locator("#detail")).to_contain_text("model 'nope' not found")


def what_is_loaded_again_and_again(page):
    opened(page)
    expect(page.locator("#loads")).to_contain_text("2 cold starts, 14 s waited")
    expect(page.locator("#loads")).to_contain_text("another model needed the room")


def where_does_the_time_go(page):
    opened(page)
    for part in ["Queue", "Load", "Prompt", "Generation"]:
        expect(page.locator("#spent-sums")).to_contain_text(re.compile(rf"{part}\s*[\d.]+%"))


def is_it_slower_this_week(page):
    opened(page, choose("7 d"))
    expect(card(page, "Tokens/s").locator(".change")).to_have_text(re.compile(r"▼ 25% ?vs week before"))
    expect(card(page, "Tokens/s").locator(".worse")).to_be_visible()
    expect(card(page, "Tokens/s").locator(".spark title")).to_have_text(re.compile(r"^\d+ to \d+ in 3"))
    assert card(page, "Tokens/s").locator(".spark polyline").count() > 1  # nothing is drawn where nobody asked
    expect(page.locator("#requests-chart rect.partial")).not_to_have_count(0)  # this slot goes on


def days_are_those_of_the_reader(page):
    opened(page, choose("30 d"))
    expect(page.locator("#zone")).to_contain_text(AFTERNOON)
    expect(card(page, "Requests").locator(".value")).to_have_text("405")
    page.locator("#requests-chart").focus()
    page.keyboard.press("End")
    today = page.evaluate("new Date().toLocaleDateString(undefined, { weekday: 'short', day: 'numeric', month: 'short' })")
    expect(page.locator("#tooltip strong")).to_have_text(f"{today} (a part of it)")
    expect(page.locator("#tooltip")).to_contain_text("Total")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"from=\d+-\d+-\d+T00%3A00%3A00&to=\d+-\d+-\d+T00%3A00%3A00"))
    expect(rows(page)).to_have_count(16)


def what_runs_now(page):
    opened(page)
    held = threading.Thread(target=generate, args=("hold", "quick"))
    held.start()
    expect(page.locator("#living tr")).to_contain_text("quick")
    expect(page.locator("#living tr")).to_contain_text("tests")
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    generate("release")
    held.join()


def where_was_that_word(page):
    opened(page)
    page.keyboard.press("/")
    page.keyboard.type("zebrafish")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    rows(page).get_by_role("link").click()
    expect(page.locator("#detail")).to_contain_text("zebrafish")
    expect(page.locator("#detail").get_by_role("button", name="Copy").first).to_be_visible()


def how_do_two_models_compare(page):
    opened(page, lambda page: page.get_by_label("Compare quick").click(), lambda page: page.get_by_label("Compare slow").click())
    expect(page.locator("#compare .verdict")).to_have_text(re.compile(r"^slow writes 4\.0× slower .*than quick \(15 against 60 tokens/s"))


def how_many_tokens_today_and_yesterday(page):
    opened(page, choose("Today"))
    expect(card(page, "Tokens").locator(".change")).to_have_text(re.compile("▲ .*vs yesterday"))


def is_the_context_too_short(page):
    opened(page)
    expect(page.locator("#why")).to_contain_text("slow saw only 4,096 of 9,812 tokens")
    expect(page.locator("#why")).to_contain_text("set num_ctx to 16384")


with browser() as chromium, visit(chromium, timezone_id=AFTERNOON) as page:
    for question in [
        which_model_is_slowest_today,
        what_was_answered_yesterday,
        who_uses_the_most_tokens,
        why_did_it_fail,
        what_is_loaded_again_and_again,
        where_does_the_time_go,
        is_it_slower_this_week,
        where_was_that_word,
        how_do_two_models_compare,
        how_many_tokens_today_and_yesterday,
        is_the_context_too_short,
        days_are_those_of_the_reader,
        what_runs_now,
    ]:
        question(page)
