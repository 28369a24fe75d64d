"""A real browser at the page, and a client at the tap. The page is watched: it may complain of nothing and ask nobody else."""

import contextlib
import json
import os
import re
import shutil
import sys
import time
import urllib.error
import urllib.request

from playwright.sync_api import expect, sync_playwright

TAPS = [f"http://{address}" for address in sys.argv[1:]]
TAP = TAPS[0]
PATIENCE = 20_000  # milliseconds
IS_LONG = os.environ.get("OLLAMA_TAP_TEST_LONG") == "1"  # the whole is asked for, not a sample

expect.set_options(timeout=PATIENCE)

# Tells a violation of the policy where errors are looked for.
WATCH = "addEventListener('securitypolicyviolation', e => console.error('policy', e.violatedDirective, e.blockedURI, e.sample))"


def post(path, body, tap=None, agent="tests/1.0"):
    """Sends a request through the tap and reads the reply; an error of Ollama's is a reply."""
    headers = {"Content-Type": "application/json", "User-Agent": agent}
    request = urllib.request.Request((tap or TAP) + path, json.dumps(body).encode(), headers)
    try:
        return urllib.request.urlopen(request, timeout=60).read()
    except urllib.error.HTTPError as error:
        return error.read()


def generate(prompt, model="talk", tap=None, agent="tests/1.0"):
    return post("/api/generate", {"model": model, "prompt": prompt}, tap, agent)


def asked(address):
    """A question with the token, which the tap that has one wants of this machine too."""
    return urllib.request.Request(address, headers={"Authorization": "Bearer open-sesame"})


def get(path, tap=None):
    with urllib.request.urlopen(asked((tap or TAP) + path), timeout=60) as answer:
        return json.load(answer)


def settled(records, tap=None):
    """Waits until so many records are in the history."""
    deadline = time.monotonic() + PATIENCE / 1000
    while get("/analytics/stats", tap)["records"] != records:
        assert time.monotonic() < deadline, get("/analytics/stats", tap)
        time.sleep(0.01)


@contextlib.contextmanager
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@contextlib.contextmanager
def visit(chromium, address="", tap=None, expected=(), **options):
    """The page, opened. What the console says is a failure unless it holds one of the `expected` words."""
    tap = tap or TAP
    context = chromium.new_context(locale="en-GB", accept_downloads=True, **{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    troubles = []
    page.add_init_script(WATCH)
    page.on("console", lambda message: message.type in ("error", "warning") and troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(f"{error}\n{error.stack}"))
    page.on("request", lambda request: request.url.startswith((tap, "blob:", "data:")) or troubles.append(f"asked {request.url}"))
    page.goto(f"{tap}/analytics{address}")
    try:
        expect(page.locator("html")).not_to_have_attribute("data-state", "loading")
        yield page
    except Exception:
        print(f"the page complained: {troubles}", file=sys.stderr)
        raise
    told = [trouble for trouble in troubles if not any(word in trouble for word in expected)]
    assert not told, told
    context.close()


def rows(page):
    return page.locator("#rows tr")


def rests(page):
    """Waits until the round of questions that is under way has ended."""
    expect(page.locator("#progress")).not_to_have_class(re.compile("active"))


@contextlib.contextmanager
def held(page, address):
    """Holds back the answers to what is asked at this address; they go on at the end."""
    routes = []
    page.route(address, lambda route: routes.append(route))
    yield routes
    while routes:
        routes.pop(0).continue_()
    page.unroute(address)


def until(page, is_so, otherwise="it never was so"):
    """Waits for something that is noticed outside of the page."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not is_so():
        assert time.monotonic() < deadline, otherwise
        page.wait_for_timeout(10)


def address(page):
    return page.url.removeprefix(page.url.split("/analytics")[0] + "/analytics")


def keep(page, name):
    """A screenshot, in the folder that OLLAMA_TAP_TEST_SCREENSHOTS names."""
    folder = os.environ.get("OLLAMA_TAP_TEST_SCREENSHOTS")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png")
