"""A long list on a busy tap: it has no end, no gap, and nobody loses their place in it."""

from browser import IS_LONG, TAP, browser, expect, generate, get, held, rests, rows, settled, visit

SEEDS = get("/analytics/stats")["records"]
NEWS = 120
IN_SIGHT = """() => [...document.querySelectorAll('#rows tr')].find(row => row.getBoundingClientRect().top > 140).dataset.id"""
MARKED = "# The sky\n\nIt is **blue**:\n\n1. light\n   - short waves\n2. air\n\n| a | b |\n|---|---|\n| 1 | `2` |\n\n[more](https://example.org/x)\n\n```rust\nfn main() {}\n```"


def whole(page):
    """Every message of a long history can be scrolled to, while only those near the window are there."""
    expect(page.locator("#messages-aside")).to_have_text(f"1–50 of {SEEDS:,}")
    expect(page.locator("#export-label")).to_have_text(f"Export {SEEDS:,}")
    expect(page.locator(".kpi").first.locator(".value")).to_have_text(f"{SEEDS:,}")  # the oldest one counts, too
    page.evaluate("() => { window.longest = 0; new PerformanceObserver(list => list.getEntries().forEach(task => longest = Math.max(longest, task.duration))).observe({ type: 'longtask' }) }")
    page.get_by_role("button", name="Show older messages").click()
    older = page.get_by_role("button", name="Show older messages")
    while older.is_visible():
        loaded = page.locator("#messages-aside").text_content()
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        expect(page.locator("#messages-aside")).not_to_have_text(loaded)
        assert page.locator("#rows tr").count() < 260
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.locator("#messages-aside")).to_have_text(f"all {SEEDS:,}")
    expect(rows(page).last).to_contain_text("seed 1 ")
    if IS_LONG:  # on a machine that has nothing else to do
        assert page.evaluate("longest") < 100, page.evaluate("longest")


def reading(page):
    """What comes in while one reads waits behind a button: nothing moves, and nothing is missing afterwards."""
    page.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
    page.wait_for_function("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
    link = page.locator(f'#rows tr[data-id="{page.evaluate(IN_SIGHT)}"] a')
    link.evaluate("node => node.focus({ preventScroll: true })")
    place = link.evaluate("node => node.getBoundingClientRect().top")
    for n in range(NEWS):
        generate(f"new {n}")
    settled(SEEDS + NEWS)
    page.get_by_role("button", name="Refresh now").dispatch_event("click")
    news = page.locator("#news")
    expect(news).to_have_text(f"{NEWS} new")
    expect(page.locator("#messages-aside")).to_have_text(f"1–{SEEDS:,} of {SEEDS + NEWS:,}")
    assert abs(link.evaluate("node => node.getBoundingClientRect().top") - place) < 2
    assert link.evaluate("node => node === document.activeElement")
    news.click()
    expect(news).to_be_hidden()
    expect(rows(page).first).to_contain_text(f"new {NEWS - 1}")
    expect(page.locator("#messages-aside")).to_have_text(f"all {SEEDS + NEWS:,}")


def sorted_by(page):
    """The list is sorted by time, duration or tokens of all messages, not of those that are loaded."""
    for head, first in [("Duration", SEEDS // 2), ("Tokens in / out", SEEDS // 2 + 1)]:
        page.get_by_role("button", name=head).click()
        expect(rows(page).first).to_contain_text(f"seed {first} of")
        expect(page.get_by_role("columnheader", name=head)).to_have_attribute("aria-sort", "descending")
        expect(page.locator("#table [aria-sort]")).to_have_count(1)
    page.go_back()
    expect(rows(page).first).to_contain_text(f"seed {SEEDS // 2} of")
    page.get_by_role("button", name="Show older messages").click()
    expect(rows(page)).to_have_count(150)
    page.get_by_role("button", name="Time").click()
    expect(rows(page).first).to_contain_text(f"new {NEWS - 1}")


def chosen(page):
    """Minimal durations and numbers of tokens are filters, too."""
    for name, least, only in [("Minimal duration", "60", SEEDS // 2), ("Minimal tokens", "5000", SEEDS // 2 + 1)]:
        page.get_by_label(name).select_option(least)
        expect(rows(page)).to_have_count(1)
        expect(rows(page)).to_contain_text(f"seed {only} of")
        page.get_by_label(name).select_option("")
    page.goto(f"{TAP}/analytics?range=all&min_duration=98.5&min_tokens=7")  # others can be said in the address
    expect(rows(page)).to_have_count(1)
    expect(page.locator("#chips")).to_contain_text("≥ 98.5\u00a0s")
    expect(page.get_by_label("Minimal tokens")).to_have_value("7")
    page.goto(f"{TAP}/analytics?range=all&q=SAID:+new+11")  # which only replies say
    expect(rows(page)).to_have_count(11)
    assert page.evaluate("[...CSS.highlights.get('hit')].every(place => place.toString() === 'said: new 11')")
    expect(page.locator("#messages-aside")).to_have_text("all 11")
    page.goto(f"{TAP}/analytics?range=all&q=of+many")  # more than a list counts by itself
    expect(page.locator("#messages-aside")).to_have_text(f"1–50 of {SEEDS:,}")
    expect(page.locator("#export-label")).to_have_text(f"Export {SEEDS:,}")


def by_keys(page):
    """Keys work on the page and in the panel, load older messages, and explain themselves."""
    page.keyboard.press("?")
    help = page.get_by_role("dialog", name="Keys")
    expect(help).to_contain_text("Next message")
    page.keyboard.press("Escape")
    expect(help).to_be_hidden()
    rows(page).first.locator("a").focus()
    page.keyboard.press("j")
    expect(page.locator(":focus")).to_contain_text(f"new {NEWS - 2}")
    page.keyboard.press("o")
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text(f"You said: new {NEWS - 2}")
    page.keyboard.press("k")
    expect(panel).to_contain_text(f"You said: new {NEWS - 1}")
    expect(page.locator("#announcer")).to_contain_text(f"1 of {SEEDS + NEWS:,}: talk, new {NEWS - 1}")
    for n in range(55):
        page.keyboard.press("j")
        expect(panel.locator("pre").first).to_have_text(f"new {NEWS - 2 - n}")
    expect(rows(page)).to_have_count(150)
    other = rows(page).filter(has_text="new 70")
    other.locator("a").click()  # the list stays usable beside the panel
    expect(panel).to_contain_text("You said: new 70")
    expect(other).to_have_attribute("aria-current", "true")
    page.keyboard.press("/")
    expect(page.get_by_label("Find in prompts")).to_be_focused()
    expect(panel).to_be_visible()
    panel.locator(".body").focus()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator(":focus")).to_contain_text("new 70")


def by_link(page):
    """A message that is opened by its address can be left in both directions once the list is there, though that comes later."""
    with held(page, "**/analytics/messages?*limit=50*"):
        page.reload()
        expect(page.locator(".waterfall")).to_be_visible()
    expect(rows(page)).to_have_count(50)
    expect(page.get_by_label("Newer message")).to_be_enabled()
    expect(page.get_by_label("Older message")).to_be_enabled()


def by_old_link(page, n):
    """A message that is further down than the list goes is left in both directions, too."""
    panel = page.get_by_role("dialog")
    expect(page.get_by_label("Newer message")).to_be_enabled()
    page.keyboard.press("j")
    expect(panel.locator("pre").first).to_have_text(f"new {n - 1}")
    page.keyboard.press("k")
    expect(panel.locator("pre").first).to_have_text(f"new {n}")
    page.keyboard.press("k")
    expect(panel.locator("pre").first).to_have_text(f"new {n + 1}")


def drawn(page):
    """A reply is drawn, and is there as it came."""
    panel = page.get_by_role("dialog")
    reply = panel.locator("section", has=page.get_by_role("heading", name="Reply"))
    expect(reply.get_by_role("heading", name="The sky")).to_be_visible()
    expect(reply.locator("ol > li")).to_have_count(2)
    expect(reply.locator("ol ul li")).to_have_text("short waves")
    expect(reply.locator("td code")).to_have_text("2")
    expect(reply.locator("strong")).to_have_text("blue")
    expect(reply.locator(".address")).to_have_text("(https://example.org/x)")
    assert reply.locator("a").count() == 0
    reply.get_by_role("button", name="Copy code").click()
    assert page.evaluate("navigator.clipboard.readText()") == "fn main() {}"
    reply.get_by_role("button", name="Raw").click()
    expect(reply.locator("pre")).to_contain_text("**blue**")
    page.keyboard.press("c")
    expect(page.locator("#announcer")).to_have_text("Reply copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"You said: \n{MARKED}"
    panel.get_by_role("button", name="Copy as curl").click()
    command = page.evaluate("navigator.clipboard.readText()")
    assert command.startswith(f"curl {TAP}/api/generate -H 'Content-Type: application/json' -d '{{"), command


def spoken(page):
    """New messages are said to screen readers only if that is wanted."""
    page.locator("summary", has_text="View").click()
    page.get_by_role("button", name="Say new messages").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Say new messages")).to_be_hidden()
    page.locator("#announcer").evaluate("node => node.textContent = ''")
    generate("unsaid")
    page.get_by_role("button", name="Refresh now").click()
    expect(rows(page).first).to_contain_text("unsaid")
    expect(page.locator("#announcer")).to_have_text("")
    page.reload()
    page.locator("summary", has_text="View").click()
    expect(page.get_by_role("button", name="Say new messages")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Rows of one line").click()
    assert rows(page).first.evaluate("row => row.getBoundingClientRect().height") < 40


def on_a_phone(page):
    """Two tabs, and nothing that is touched is too small for a finger."""
    expect(rows(page).first).to_be_hidden()
    page.get_by_role("button", name="Messages", exact=True).tap()
    expect(rows(page).first).to_be_visible()
    small = "[...document.querySelectorAll('button, select, summary, #messages input')].filter(one => one.checkVisibility() && one.getBoundingClientRect().height < 43)"
    assert page.evaluate(f"{small}.map(one => one.outerHTML.slice(0, 80))") == []
    page.get_by_label("Order").select_option("duration")
    expect(rows(page).first).to_contain_text(f"seed {SEEDS // 2} of")
    rows(page).first.tap()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("Close").tap()
    rows(page).first.tap()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("/")  # what covers the search makes room for it
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_label("Find in prompts")).to_be_focused()
    page.get_by_role("button", name="Overview").tap()
    expect(page.locator("#kpis")).to_be_visible()


with browser() as chromium:
    with visit(chromium, "?range=all") as page:
        page.locator("#interval").select_option("0")
        whole(page)
        reading(page)
    with visit(chromium, "?range=all") as page:
        page.locator("#interval").select_option("0")
        sorted_by(page)
        chosen(page)
    with visit(chromium, "?range=all") as page:
        page.locator("#interval").select_option("0")
        by_keys(page)
    some = get("/analytics/search?prompt_search=new+100")[0]["interaction_id"]
    with visit(chromium, f"?id={some}") as page:
        by_link(page)
    old = get("/analytics/search?prompt_search=new+20")[0]["interaction_id"]
    with visit(chromium, f"?id={old}&range=all") as page:
        by_old_link(page, 20)
    generate(f"\n{MARKED}")
    settled(SEEDS + NEWS + 1)
    marked = get("/analytics/search?limit=1")[0]["interaction_id"]
    with visit(chromium, f"?id={marked}", permissions=["clipboard-read", "clipboard-write"]) as page:
        drawn(page)
    with visit(chromium) as page:
        expect(rows(page).first.locator(".newline")).not_to_have_count(0)  # of a prompt of several lines
        spoken(page)
    with visit(chromium, "?range=all", has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844}) as page:
        on_a_phone(page)
