"""One message, whole, by click and by address; and what can be taken away."""

import json
import re

from browser import browser, expect, generate, get, post, rests, rows, settled, visit

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


def whole(page):
    rests(page)
    page.locator("#by-model table").evaluate("table => table.isStill = true")
    rows(page).filter(has_text="What is the weather?").locator("a").click()
    dialog = page.get_by_role("dialog")
    for text in [
        "thinker",
        "Success",
        "What is the weather?",
        "get_weather",
        '"city": "Paris"',
        "api/chat",
        "tests/1.0",
        "stop",
    ]:
        expect(dialog).to_contain_text(text)
    expect(dialog).not_to_contain_text("Which city?")
    dialog.locator("summary", has_text="Thinking").click()
    expect(dialog).to_contain_text("Which city?")
    for part, time in [("Queue", "ms"), ("Load", r"100\sms"), ("Prompt", r"200\sms"), ("Generation", r"500\sms")]:
        expect(dialog.locator(".waterfall")).to_contain_text(re.compile(f"{part}.*{time}", re.DOTALL))
    expect(page).to_have_url(re.compile("id=[0-9a-f]{16}"))
    assert page.locator("#by-model table").evaluate("table => table.isStill")  # nothing else was drawn anew


def moving(page):
    """By keys to the neighbours, and back to the row of the message that was shown last."""
    dialog = page.get_by_role("dialog")
    page.keyboard.press("j")
    expect(dialog).to_contain_text("You said: second")
    page.keyboard.press("k")
    expect(dialog).to_contain_text("get_weather")
    page.get_by_label("Older message").click()
    expect(dialog).to_contain_text("You said: second")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page).not_to_have_url(re.compile("id="))
    expect(page.locator(":focus")).to_contain_text("You said: second")
    page.go_back()
    expect(dialog).to_be_visible()


def by_keyboard_alone(page):
    """A message is found, opened, read as it came, and left without a pointer."""
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the messages")).to_be_focused()
    page.keyboard.press("Enter")
    for prompt in ["third", "What is the weather?", "second"]:
        page.keyboard.press("j")
        expect(page.locator(":focus")).to_contain_text(prompt)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("You said: second")
    expect(dialog.locator(".body")).to_be_focused()
    names = []
    while "Raw" not in names:
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.closest('#detail') ? document.activeElement.ariaLabel ?? document.activeElement.textContent : 'elsewhere'"))
        assert "elsewhere" not in names, names
    page.keyboard.press("Space")
    expect(dialog.locator(".drawn pre")).to_have_text("You said: second")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(":focus")).to_contain_text("You said: second")


def taking(page, record):
    dialog = page.get_by_role("dialog")
    dialog.locator("section", has_text="Reply").get_by_role("button", name="Copy").last.click()
    assert page.evaluate("navigator.clipboard.readText()") == record["response_full"]
    dialog.get_by_role("button", name="Copy as JSON").click()
    expect(dialog).to_contain_text("Copied")
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == record
    with page.expect_download() as saved:
        dialog.get_by_role("button", name="Save as JSON").click()
    assert saved.value.suggested_filename == f"{record['interaction_id']}.json"
    assert json.load(open(saved.value.path())) == record


def in_high_contrast(page):
    """What is chosen is not told by a colour alone: forced colours take it away."""
    row = page.locator("#rows tr[aria-current]")
    assert row.evaluate("row => getComputedStyle(row).outlineStyle") == "solid"
    raw = page.get_by_role("dialog").get_by_role("button", name="Raw")
    ground = "button => getComputedStyle(button).backgroundColor"
    before = raw.evaluate(ground)
    raw.click()
    page.mouse.move(0, 0)
    assert raw.evaluate(ground) != before
    page.locator("summary", has_text="View").click()
    chosen = page.get_by_role("button", name="Say new messages")
    assert chosen.evaluate("button => getComputedStyle(button, '::before').content") == '"✓"'


def exporting(page):
    page.get_by_label("Status").select_option("error")
    expect(rows(page)).to_have_count(1)
    with page.expect_download() as saved:
        page.locator("#export-label").click()
        page.get_by_role("button", name="JSONL").click()
    lines = open(saved.value.path()).read().splitlines()
    assert [json.loads(line)["model"] for line in lines] == ["missing"], lines


with browser() as chromium:
    for prompt, model in [("first", "talk"), ("second", "talk")]:
        generate(prompt, model)
    post("/api/chat", {"model": "thinker", "messages": [{"role": "user", "content": "What is the weather?"}]})
    generate("third", "missing")
    settled(4)
    second = get("/analytics/search?prompt_search=second")[0]
    with visit(chromium) as page:
        whole(page)
        moving(page)
    with visit(chromium) as page:
        by_keyboard_alone(page)
    with visit(chromium, f"?id={second['interaction_id']}", **CLIPBOARD) as page:
        expect(page.get_by_role("dialog")).to_contain_text("You said: second")
        taking(page, second)
    with visit(chromium, f"?id={second['interaction_id']}", forced_colors="active") as page:
        in_high_contrast(page)
    with visit(chromium, "?id=ffffffffffffffff", expected=("404",)) as page:
        expect(page.get_by_role("dialog")).to_contain_text("no longer in the history")
        page.get_by_label("Close").click()
        expect(rows(page)).to_have_count(4)
        exporting(page)
