"""Texts that would be markup, code or a broken page are shown as the texts they are."""

from browser import browser, expect, generate, rows, settled, visit

EVIL = [
    "<script>window.harm = 1</script>",
    '"><img src=x onerror="window.harm = 1">',
    "<svg onload=window.harm=1><style>*{display:none}</style>",
    "javascript:window.harm=1//</script></style><!--",
    "{{script}} ${window.harm = 1} {{constructor.constructor('window.harm=1')()}}",
    "\u202eright to left override \u2066 שלום مرحبا",
    "a\u0000b\u001b[31m\u2028\u2029",
]
LONG = "one megabyte of <b>words</b> " * 36_000


def listed(page):
    expect(rows(page)).to_have_count(len(EVIL) + 3)
    for text in EVIL[:5]:
        expect(rows(page).filter(has_text=text)).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a text makes the page wider than its window"


def control_characters_are_seen(page):
    for panel in ["#by-model", "#rows"]:
        expect(page.locator(f"{panel} .control[data-code='U+202E']").first).to_be_visible()


def opened(page):
    page.locator("#rows a").last.click()
    dialog = page.get_by_role("dialog")
    for text in EVIL:
        expect(dialog.locator("pre").first).to_have_text(text, use_inner_text=False)
        page.keyboard.press("k")
    expect(dialog.locator("pre").first).to_contain_text("one megabyte of <b>words</b>")


def long(page):
    """A megabyte shows its beginning at once and all of itself when asked."""
    dialog = page.get_by_role("dialog")
    assert len(dialog.locator("pre").first.text_content()) == 20_000
    dialog.get_by_role("button", name="Show all").first.click()
    assert dialog.locator("pre").first.text_content() == LONG
    page.keyboard.press("k")
    expect(dialog.locator("#detail-title")).to_have_text("<img src=x onerror=window.harm=1>")


def told(page):
    """Characters that turn or hide the words around them are shown by their code, in the list and in the panel."""
    row = rows(page).filter(has_text="right to left override")
    expect(row.locator(".c-text .control").first).to_have_attribute("data-code", "U+202E")
    assert row.locator(".c-text .control").first.evaluate("node => getComputedStyle(node, '::before').content") == '"U+202E"'
    expect(rows(page).filter(has_text="[31m").locator(".c-text .control").first).to_have_attribute("data-code", "U+0000")


with browser() as chromium:
    for text in EVIL:
        generate(text)
    generate(LONG)
    generate("named", model="<img src=x onerror=window.harm=1>", agent="<script>window.harm=1</script>")
    generate("turned", model="\u202eevil")
    settled(len(EVIL) + 3)
    with visit(chromium) as page:
        listed(page)
        control_characters_are_seen(page)
        opened(page)
        long(page)
        told(page)
        assert page.evaluate("window.harm") is None
    with visit(
        chromium, "?model=%3Cimg+src%3Dx+onerror%3Dwindow.harm%3D1%3E&text=%22%3E%3Cscript%3Ewindow.harm%3D1%3C%2Fscript%3E"
    ) as page:
        expect(page.locator("#messages-blank")).to_contain_text("No message matches")
        assert page.evaluate("window.harm") is None
