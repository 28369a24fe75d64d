"""What runs now is on top of the list, ticks, can be cancelled, and becomes a message."""

import re
import threading

from browser import address, browser, expect, generate, get, keep, rows, settled, visit
from looks import accessible

# Notes, at each change of the list, where the request with this id is: as one that runs, and as a message.
WATCH = """id => {
    window.seen = new Set();
    const isIn = part => document.querySelector(`#${part} tr[data-id="${id}"]`) !== null;
    const note = () => seen.add(`${isIn('living') ? 'runs' : ''} ${isIn('rows') ? 'listed' : ''}`.trim());
    new MutationObserver(note).observe(document.getElementById('table'), { childList: true, subtree: true });
    note();
}"""


def begin(prompt):
    """A request that does not end by itself."""
    request = threading.Thread(target=generate, args=(prompt,), kwargs={"agent": "curl/8.5.0"})
    request.start()
    return request


def of(page, prompt):
    return page.locator("#living tr").filter(has_text=prompt)


def ticking(page):
    """A request says who asks which model, how far it is and how long it takes, though the history is still empty."""
    expect(page.locator("#living tr")).to_have_count(2)
    expect(page).to_have_title("(2) Ollama Tap")
    expect(page.locator("#notice")).to_be_hidden()
    slow = of(page, "slow")
    for text in ["Answering", "talk", "curl", "– / ~3"]:
        expect(slow).to_contain_text(text)
    expect(slow.locator(".c-duration")).to_have_text(re.compile(r"^[2-9]\ss$"))
    expect(of(page, "stuck")).to_contain_text("Waiting")
    accessible(page, "what runs")
    keep(page, "living")


def filtered(page):
    """Filters act on what runs, too."""
    page.get_by_label("Status").select_option("error")
    expect(page.locator("#living tr")).to_have_count(0)
    page.go_back()
    expect(page.locator("#living tr")).to_have_count(2)
    assert "status" not in address(page)


def cancelling(page):
    """The first press asks, the second one cancels; the keyboard does as well."""
    button = of(page, "stuck").get_by_role("button")
    expect(button).to_have_accessible_name("Cancel the request to talk")
    button.press("Enter")
    expect(button).to_have_text("Really cancel?")
    expect(page.locator("#announcer")).to_have_text("Press again to cancel the request to talk")
    assert len(get("/analytics/active")["requests"]) == 2
    button.press("Enter")
    expect(of(page, "stuck")).to_have_count(0)
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Cancelled")
    expect(rows(page)).to_contain_text("cancelled through the tap")
    expect(page).to_have_title("(1) Ollama Tap")


def becoming(page):
    """A request that ends stays in the list until its message is there: never neither, never both."""
    page.evaluate(WATCH, of(page, "slow").get_attribute("data-id"))
    generate("release")
    expect(rows(page).filter(has_text="One two three four.")).to_have_count(1)
    expect(page.locator("#living tr")).to_have_count(0)
    assert page.evaluate("[...seen].sort()") == ["listed", "runs"], page.evaluate("[...seen]")
    expect(page).to_have_title("Ollama Tap")


with browser() as chromium:
    waiting = [begin("stuck"), begin("slow")]
    with visit(chromium) as page:
        page.locator("#interval").select_option("1")
        ticking(page)
        filtered(page)
        cancelling(page)
        becoming(page)
    for request in waiting:
        request.join()
    settled(3)
