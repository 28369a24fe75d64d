"""What the page says when there is nothing to show, and what it asks for."""

from browser import TAPS, browser, expect, generate, keep, rows, settled, visit

EMPTY, PREVIEW, TEXTLESS, PRIVATE, OFF = TAPS


def empty(chromium):
    with visit(chromium, tap=EMPTY) as page:
        expect(page.locator("#notice")).to_contain_text("Waiting for the first request")
        expect(page.locator("#notice")).to_contain_text(f"curl {EMPTY}/api/generate")
        expect(page.locator("#numbers")).to_be_hidden()
        expect(page.locator("#now .loaded .name")).to_have_text("talk")
        keep(page, "empty")
        page.locator("#interval").select_option("1")
        generate("Why?", tap=EMPTY)
        expect(rows(page)).to_have_count(1)
        expect(page.locator("#notice")).to_be_hidden()


def failing(chromium):
    with visit(chromium, tap=EMPTY, expected=("ERR_FAILED",)) as page:
        page.route("**/analytics/**", lambda route: route.abort())
        page.get_by_label("Refresh now").click()
        expect(page.get_by_role("alert")).to_contain_text("The tap does not answer")
        expect(rows(page)).to_have_count(1)  # what was known stays
        keep(page, "failing")
        page.unroute("**/analytics/**")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("alert")).to_be_hidden()


def without_text(chromium):
    text = "a long prompt " * 20
    for tap, shown in [(PREVIEW, "Only its beginning is stored"), (TEXTLESS, "The text is not stored")]:
        generate(text, tap=tap)
        settled(1, tap)
        with visit(chromium, tap=tap) as page:
            expect(rows(page)).to_contain_text(text[:90] if tap == PREVIEW else "text not stored")
            page.locator("#rows a").click()
            expect(page.get_by_role("dialog")).to_contain_text(shown)
            keep(page, "without-text")


def private(chromium):
    generate("Why?", tap=PRIVATE)
    settled(1, PRIVATE)
    with visit(chromium, tap=PRIVATE, expected=("403",)) as page:
        expect(page.locator("#notice")).to_contain_text("The history is private")
        expect(page.get_by_label("Token", exact=True)).to_be_focused()
        expect(page.locator("#messages")).to_be_hidden()
        keep(page, "token")
        page.get_by_label("Token", exact=True).fill("wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#notice")).to_contain_text("not the right one")
        asked = []
        page.on("request", lambda request: asked.append((request.url.removeprefix(PRIVATE), request.headers.get("authorization"))))
        page.get_by_label("Token", exact=True).fill("open-sesame")
        page.keyboard.press("Enter")
        expect(rows(page)).to_have_count(1)
        assert asked and all(token and path.startswith("/analytics/") for path, token in asked), asked
        page.reload()
        expect(rows(page)).to_have_count(1)  # it lasts as long as the tab
        with page.expect_download() as saved:
            page.locator("#export-label").click()
            page.get_by_role("button", name="CSV").click()
        assert saved.value.suggested_filename.endswith(".csv") and "Why?" in open(saved.value.path()).read()


def off(chromium):
    with visit(chromium, tap=OFF, expected=("404",)) as page:
        expect(page.locator("#notice")).to_contain_text("No history is kept")
        expect(page.locator("#messages")).to_be_hidden()
        expect(page.locator("#now .loaded .name")).to_have_text("talk")
        keep(page, "off")


with browser() as chromium:
    empty(chromium)
    failing(chromium)
    without_text(chromium)
    private(chromium)
    off(chromium)
