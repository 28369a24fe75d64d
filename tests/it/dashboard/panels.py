"""Every panel has data, and follows what happens."""

import re
import threading

from browser import browser, expect, generate, get, post, rests, rows, settled, visit

SEEN_OR_NOT = "document.dispatchEvent(new Event('visibilitychange'))"


def traffic():
    generate("Why is the sky blue?")
    generate("Why not?", agent="curl/8.5.0")
    generate("Write some code", model="coder")
    generate("List it", model="coder", agent="curl/8.5.0")
    generate("Explain it", model="missing")
    post("/api/chat", {"model": "thinker", "messages": [{"role": "user", "content": "What is the weather?"}]})
    settled(6)


def numbers(page):
    cards = page.locator(".kpi")
    expect(cards).to_have_count(6)
    for name, value in [
        ("Requests", "6"),
        ("Success", "83.3%"),
        ("Tokens", "60"),
        ("Tokens/s", "68"),
        ("First token", "ms"),
        ("Duration", "ms"),
    ]:
        card = cards.filter(has=page.get_by_role("heading", name=name))
        expect(card.first).to_contain_text(value)
    for bar in [
        "#requests-chart rect.success",
        "#requests-chart rect.error",
        "#tokens-chart rect.prompt",
        "#tokens-chart rect.generated",
        "#latency-chart rect.spread",
    ]:
        expect(page.locator(bar)).not_to_have_count(0)
    page.locator("#latency").get_by_text("First token").click()
    expect(page.locator("#latency-chart text.percentile")).not_to_have_count(0)
    expect(page.locator("#latency-chart")).to_have_attribute("aria-label", re.compile("spread: p50"))


def groups(page):
    for panel, names in [
        ("#by-model", ["talk", "coder", "thinker", "missing"]),
        ("#by-category", ["Question", "Code write", "List", "Explain"]),
    ]:
        for name in names:
            expect(page.locator(panel).get_by_text(name, exact=True)).to_be_visible()
    places = [page.locator(f"#by-{one} thead th").evaluate_all("all => all.map(head => head.getBoundingClientRect().right)") for one in ["model", "client"]]
    assert all(abs(one - other) < 3 for one, other in zip(*places)), f"their columns are not in line: {places}"
    for client in ["tests", "curl"]:
        expect(page.locator("#by-client").get_by_text(re.compile(f"^{client}"))).to_be_visible()


def charts_by_keys(page):
    page.locator("#requests-chart").focus()
    page.keyboard.press("End")
    expect(page.locator("#tooltip")).to_contain_text("Success")
    expect(page.locator("#announcer")).to_contain_text(re.compile(r"Error \d, Cancelled 0, Success \d"))
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#requests-chart .cursor")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#tooltip")).to_be_hidden()


def running(page):
    now = page.locator("#now")
    expect(now.locator(".loaded .name")).to_have_text("talk")
    expect(now).to_contain_text("3 GB of 4 GB in VRAM")
    expect(now).to_contain_text("stays")
    expect(page.locator("#health")).to_have_text("Ollama 0.33.0")
    held = threading.Thread(target=generate, args=("hold", "coder"))
    held.start()
    expect(now).to_contain_text("1active request")
    expect(now.locator(".chips")).to_contain_text("coder")
    generate("release")
    held.join()
    expect(now).to_contain_text("0active requests")


def live(page):
    """What is new comes in on top, and the focus stays where it was."""
    settled(8)
    expect(rows(page)).to_have_count(8)
    link = page.locator("#rows a").last
    link.focus()
    generate("Something new")
    expect(rows(page)).to_have_count(9)
    expect(rows(page).first).to_contain_text("Something new")
    look = "row => [getComputedStyle(row).animationName, getComputedStyle(row).fontSize]"
    (fresh, size), (_, other) = rows(page).first.evaluate(look), rows(page).last.evaluate(look)
    assert fresh == "arrive" and size == other, (fresh, size, other)
    assert link.evaluate("node => node === document.activeElement")
    expect(page.locator(".kpi").first).to_contain_text("9")


def focus_stays(page):
    """What is drawn anew gives the focus back to the control that had it."""
    focused = "document.activeElement.dataset.control"
    places = ["#by-model .sort", "#by-model .pick", "#by-model input", "#by-client .pick", "#kpis button", "#by-error button", "#by-error a", "#by-category button"]
    for n, place in enumerate(places):
        control = page.locator(place).last
        control.focus()
        name = page.evaluate(focused)
        assert name, place
        control.evaluate("control => { window.before = control }")
        generate("More")
        page.wait_for_function("() => !window.before.isConnected")
        assert page.evaluate(focused) == name, (place, name, page.evaluate("document.activeElement.outerHTML.slice(0, 99)"))
    page.locator("#by-model .pick").first.press("Enter")
    chip = page.get_by_role("button", name="Remove filter talk")
    chip.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("24 h", exact=True)).to_be_focused()


def unseen(chromium):
    """A tab that nobody sees asks nothing; seen again, it asks at once. `Off` asks nothing either."""
    with visit(chromium) as page:
        page.clock.install()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        with page.expect_response("**/analytics/stats"):
            page.clock.run_for(5000)
        page.evaluate(f"Object.defineProperty(document, 'hidden', {{ value: true, configurable: true }}); {SEEN_OR_NOT}")
        rests(page)
        asked.clear()
        page.clock.run_for(120_000)
        assert not asked, asked
        with page.expect_response("**/analytics/stats"):
            page.evaluate(f"delete document.hidden; {SEEN_OR_NOT}")
        page.locator("#interval").select_option("0")
        rests(page)
        asked.clear()
        page.clock.run_for(120_000)
        assert not asked, asked


with browser() as chromium:
    traffic()
    with visit(chromium) as page:
        numbers(page)
        groups(page)
        charts_by_keys(page)
        page.locator("#interval").select_option("1")
        running(page)
        live(page)
        focus_stays(page)
        page.get_by_label("1 h", exact=True).check(force=True)
        expect(page).to_have_url(re.compile(r"\?range=1h$"))
    unseen(chromium)
    assert get("/analytics/stats/enhanced?hours=1")["by_client"][0]["name"] == "tests"
