"""What is new comes into the list, whatever became of the place up to which it was known."""

import itertools

from browser import browser, expect, generate, get, held, rests, rows, settled, until, visit

SEEDS = 60
SINCE = "**/analytics/messages?*since=*"


def without_cursor(page):
    """A tap that was started anew knows no cursor of before: what came meanwhile is found all the same."""
    asked = []
    page.route(SINCE, lambda route: (asked.append(route), route.fulfill(status=410, json={"error": "this cursor is gone"})))
    generate("after the start")
    settled(SEEDS + 1)
    page.get_by_role("button", name="Refresh now").click()
    expect(rows(page).first).to_contain_text("after the start")
    expect(page.locator("#messages-aside")).to_have_text(f"1–51 of {SEEDS + 1}")
    assert asked
    page.unroute(SINCE)


def shared(page):
    """With Loki, what other taps wrote is looked for every half minute, and there is no order but that of time."""
    page.clock.install()
    page.route("**/analytics/stats", lambda route: route.fulfill(json={**get("/analytics/stats"), "backend": "loki"}))
    page.route(SINCE, lambda route: route.fulfill(json=[], headers={"Ollama-Tap-Cursor": "this tap wrote nothing"}))
    page.reload()
    expect(page.get_by_role("button", name="Duration")).to_be_disabled()
    generate("by another tap")
    settled(SEEDS + 2)
    refresh = page.get_by_role("button", name="Refresh now")
    refresh.click()
    rests(page)
    expect(rows(page).first).to_contain_text("after the start")
    page.clock.fast_forward(31_000)
    refresh.click()
    expect(rows(page).first).to_contain_text("by another tap")
    expect(page.locator("#messages-aside")).to_have_text(f"1–51 of {SEEDS + 2}")


def far_behind(page):
    """Where more is new than can be told apart, the list begins anew when one goes to it."""
    record = get("/analytics/messages?limit=1")[0]
    numbers = itertools.count()
    many = lambda route: route.fulfill(json=[{**record, "interaction_id": f"{next(numbers):016x}"} for _ in range(100)], headers={"Ollama-Tap-Cursor": "further"})
    page.route(SINCE, many)
    news = page.locator("#news")
    for look in [overtaken, lambda page, news: None]:
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.get_by_role("button", name="Refresh now").dispatch_event("click")
        expect(news).to_have_text("More than 2,000 new")
        expect(rows(page)).to_have_count(50)
        look(page, news)
    page.unroute(SINCE)
    generate("newest of all")
    settled(SEEDS + 3)
    news.click()
    expect(news).to_be_hidden()
    expect(rows(page).first).to_contain_text("newest of all")
    expect(page.locator("#messages-aside")).to_have_text(f"1–50 of {SEEDS + 3}")


def in_turn(page):
    """What takes the history long is asked for last, one thing after the other: numbers and list are there before."""
    rests(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url.partition("/analytics/")[2]))
    page.reload()
    expect(page.locator("#messages-aside")).to_have_text(f"1–50 of {SEEDS}")
    rests(page)
    at = lambda *words: next(n for n, address in enumerate(asked) if all(word in address for word in words))
    order = [at("messages?", "limit=50"), at("stats/enhanced?"), at("messages?", "count=true"), at("why?")]
    assert order == sorted(set(order)), asked


def overtaken(page, news):
    """A new list that comes after another choice was made is not drawn."""
    with held(page, "**/analytics/messages?*limit=50*") as lists:
        news.click()
        until(page, lambda: lists)
        page.get_by_label("Status").select_option("error")
        until(page, lambda: len(lists) == 2)
        lists.pop().continue_()
        expect(page.locator("#messages-blank")).to_contain_text("No message matches")
        late = lists.pop()
        with page.expect_response(lambda answer: answer.request == late.request):
            late.continue_()
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(rows(page)).to_have_count(0)
    expect(page.locator("#table")).to_have_attribute("aria-busy", "false")
    page.get_by_role("button", name="Clear filters").first.click()
    expect(rows(page)).to_have_count(50)


with browser() as chromium:
    for n in range(SEEDS):
        generate(f"seed {n}")
    settled(SEEDS)
    for test, expected in [(in_turn, []), (without_cursor, ["410"]), (shared, []), (far_behind, [])]:
        with visit(chromium, "?range=all", expected=expected) as page:
            page.locator("#interval").select_option("0")
            expect(rows(page)).to_have_count(50)
            test(page)
