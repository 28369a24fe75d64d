"""What the page costs: to load, and for every refresh of a tab that is left open."""

import gzip
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from browser import IS_LONG, TAP, browser, expect, generate, rests, rows, settled, visit

REFRESHES = 24  # two minutes of five seconds each
MAX_REFRESH = 2048  # bytes from the tap, heads included
MAX_DOCUMENT = 80 * 1024  # bytes, gzipped
ROUND = 250  # requests between two looks: ten seconds of a busy tap
FULL = 5  # rounds after which the list has grown to its end
LATER = 60 if IS_LONG else 3  # further rounds
MAX_GROWTH = 1.15  # of the heap in them


def document():
    request = urllib.request.Request(f"{TAP}/analytics", headers={"Accept-Encoding": "gzip"})
    body = urllib.request.urlopen(request, timeout=60).read()
    assert len(body) < MAX_DOCUMENT, len(body)
    assert b"Ollama Tap" in gzip.decompress(body)


def watch_costs(page):
    """By request: its address, and the bytes of the answer's head, then of all of it; a 304 has a head alone."""
    costs = {}

    def begins(event):
        costs[event["requestId"]] = [event["response"]["url"], event["response"]["encodedDataLength"]]

    session = page.context.new_cdp_session(page)
    session.on("Network.responseReceived", begins)
    session.on("Network.loadingFinished", lambda event: costs[event["requestId"]].append(event["encodedDataLength"]))
    session.send("Network.enable")
    return costs


def idle(page):
    """A tab over a history in which nothing happens."""
    expect(rows(page)).to_have_count(50)
    expect(page.locator("#by-model tbody tr")).to_have_count(1)
    rests(page)
    page.clock.install()
    costs = watch_costs(page)
    for _ in range(REFRESHES):
        with page.expect_response("**/analytics/stats"):
            page.clock.run_for(5000)
        rests(page)
    expect(rows(page)).to_have_count(50)
    asked = [(address.removeprefix(TAP), max(lengths)) for address, *lengths in costs.values()]
    assert len(asked) >= 3 * REFRESHES, asked
    assert not any("/why" in address for address, _ in asked), "the findings, which take every message to be read"
    assert sum(cost for _, cost in asked) < MAX_REFRESH * REFRESHES, sorted(asked, key=lambda one: -one[1])[:12] + asked[-6:]


def drawn(page):
    """Charts are drawn without asking how large they are: each time, that would lay out the whole page."""
    page.locator("#interval").select_option("0")
    rests(page)
    page.evaluate("""() => {
        const own = Object.getOwnPropertyDescriptor(Element.prototype, 'clientWidth').get;
        window.asked = 0;
        Object.defineProperty(Element.prototype, 'clientWidth', { get() { asked += this.matches('.plot'); return own.call(this); } });
    }""")
    page.get_by_label("1 h", exact=True).check(force=True)
    rests(page)
    expect(page.locator("#kpis")).to_have_attribute("aria-busy", "false")
    assert page.evaluate("asked") == 0


def heap(session):
    session.send("HeapProfiler.collectGarbage")
    return session.send("Runtime.getHeapUsage")["usedSize"]


def busy(page):
    """A tab over a history to which requests are added all the time."""
    page.locator("#interval").select_option("0")
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    for n in range(FULL + LATER):
        with ThreadPoolExecutor(8) as clients:
            list(clients.map(generate, [f"busy round {n}"] * ROUND))
        settled(60 + ROUND * (n + 1))
        page.get_by_label("Refresh now").click()
        expect(rows(page).first).to_contain_text(f"busy round {n}")
        rests(page)
        if n == FULL:
            early = heap(session)
    late = heap(session)
    assert late < early * MAX_GROWTH, (early, late)


if __name__ == "__main__":
    with browser() as chromium:
        document()
        for n in range(60):
            generate(f"number {n}")
        settled(60)
        with visit(chromium) as page:
            idle(page)
        with visit(chromium) as page:
            drawn(page)
        with visit(chromium) as page:
            busy(page)
