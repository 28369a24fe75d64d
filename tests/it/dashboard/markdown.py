"""Replies that are drawn from markdown: no letter of a text is lost, and none takes long, whatever is in it."""

import random
import re
import time

from browser import browser, expect, generate, get, settled, visit

# Random texts are made of these; each letter of theirs is drawn as a letter.
PIECES = ["# ", "## ", "- ", "  - ", "* ", "1. ", "10) ", "> ", ">> ", "```sh", "```", "~~~", "    ", "\t", "---", "***", "| ", " | ", "|---|:--:|", "\n", "\n\n"]
PIECES += ["**", "*", "_", "__", "~~", "`", "``", "[", "](", ")", "!", "<b>", "&amp;", "\\", "alpha", "beta ", "gamma.", " delta", "ωmega", "שלום"]
TEXTS = 60
# Each would take some patterns time that grows with the square of its length.
SLOW = ["**a " * 24_000, "`a``b" * 19_000, "[a" * 49_000, "_a " * 33_000, "a |" * 9_000 + "\n|" + " " * 70_000 + "x", ">" * 98_000, "- " * 49_000, "# a" + " #" * 48_000 + "b"]
SLOW += ["~~~\n" * 24_000, "a\n\n" * 33_000]  # more blocks than a browser lays out at once
MAX_SECONDS = 10  # each takes a fraction of one, and would take minutes
DRAWN = """panel => {
    const copy = panel.querySelector('.drawn').cloneNode(true);
    for (const node of copy.querySelectorAll('button, .code-head span')) if (node.tagName === 'BUTTON' || node.textContent === 'code') node.remove();
    return copy.textContent;
}"""


def letters(text):
    return re.sub(r"[\W\d_]", "", text)


def open_reply(page, text, records):
    """Gets a reply that has this text, opens it, and returns the panel and the record."""
    generate(text)
    settled(records)
    record = get("/analytics/search?limit=1")[0]
    page.evaluate("id => { history.pushState(null, '', `?id=${id}`); dispatchEvent(new PopStateEvent('popstate')) }", record["interaction_id"])
    panel = page.locator(f"#detail:has-text('{record['interaction_id']}')")
    expect(panel.locator(".drawn")).to_be_visible()
    return panel, record


def whole(page, seed):
    """No letter is lost, and all stay in their order."""
    choose = random.Random(seed)
    for n in range(TEXTS):
        text = "".join(choose.choice(PIECES) for _ in range(choose.randint(1, 60)))
        panel, record = open_reply(page, text, n + 2)
        assert letters(panel.evaluate(DRAWN)) == letters(record["response_full"]), (seed, record["response_full"])


def quick(page):
    """A text that is made to be slow is drawn as soon as any other."""
    for n, text in enumerate(SLOW):
        begun = time.monotonic()
        open_reply(page, text, TEXTS + n + 2)
        assert time.monotonic() - begun < MAX_SECONDS, text[:20]


with browser() as chromium:
    generate("first")
    settled(1)
    with visit(chromium, "?range=all") as page:
        page.locator("#interval").select_option("0")
        seed = random.randrange(2**32)
        whole(page, seed)
        quick(page)
