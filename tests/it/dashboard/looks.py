"""Both themes at seven widths: nothing sticks out, and axe finds nothing serious."""

from pathlib import Path

import axe_playwright_python
from browser import browser, expect, generate, keep, post, rows, settled, visit

WIDTHS = [(320, 640), (390, 780), (768, 1000), (900, 1100), (1280, 900), (1920, 1080), (2560, 1300)]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


def accessible(page, what):
    """Through the debugger, since the page's own policy lets no other script in."""
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": AXE})
    found = page.evaluate("() => axe.run()")
    serious = [
        (rule["id"], [node["html"][:160] for node in rule["nodes"][:3]])
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    ]
    assert not serious, (what, serious)


def fits(page, what):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{what} is wider than its window"


if __name__ == "__main__":
    with browser() as chromium:
        for n in range(12):
            generate(["Why is the sky blue?", "Write code", "List it"][n % 3] + f" {n}", ["talk", "coder", "missing"][n % 3])
        post("/api/chat", {"model": "thinker", "messages": [{"role": "user", "content": "What is the weather?"}]})
        settled(13)
        for scheme in ["light", "dark"]:
            for width, height in WIDTHS:
                what = f"{scheme}-{width}"
                with visit(chromium, color_scheme=scheme, reduced_motion="reduce", viewport={"width": width, "height": height}) as page:
                    expect(rows(page)).to_have_count(13)
                    expect(page.locator("#by-model tbody tr").first).to_be_visible()
                    fits(page, what)
                    accessible(page, what)
                    keep(page, what)
                    if width <= 860:
                        page.get_by_role("button", name="Messages", exact=True).click()
                        fits(page, f"{what}, the messages")
                        accessible(page, f"{what}, the messages")
                        keep(page, f"{what}-list")
                    page.locator("#rows a").first.click()
                    expect(page.locator(".waterfall")).to_be_visible()
                    fits(page, what)
                    panel = page.locator("#detail .body")
                    assert panel.evaluate("body => body.scrollWidth <= body.clientWidth"), f"{what}: the panel is too narrow"
                    accessible(page, f"{what} with a message")
                    keep(page, f"{what}-message")
        with visit(chromium, color_scheme="light") as page:
            ground = "getComputedStyle(document.body).backgroundColor"
            bright = page.evaluate(ground)
            page.get_by_label("Colours: system").click()
            page.get_by_label("Colours: light").click()
            assert page.evaluate(ground) != bright
            page.reload()
            assert page.evaluate(ground) != bright  # it is remembered
            page.get_by_label("Colours: dark").click()
            assert page.evaluate(ground) == bright
