"""A message is a conversation: what was said before, what is new, all of it as one thread, and how it is forgotten."""

import json
import shlex

from browser import TAP, browser, expect, get, keep, post, rows, settled, visit
from looks import accessible, fits

SYSTEM = "You are a pirate."
ASKED = ["Where is the treasure?", "Which weather is it there?"]
CALL = {"function": {"name": "get_weather", "arguments": {"city": "Paris"}}}
RESULT = {"role": "tool", "tool_name": "get_weather", "content": "18 degrees"}


def chat(said):
    """Sends what was said, and returns it with the answer."""
    answer = json.loads(post("/api/chat", {"model": "talk", "messages": said, "stream": False}).splitlines()[0])
    return [*said, answer["message"]]


def talk():
    """Three requests of one conversation: a question, one that calls a tool, and the result of the tool.

    Each comes once the one before it is recorded: a reply that takes no time at all may be noted before the one that it follows.
    """
    said = chat([{"role": "system", "content": SYSTEM}, {"role": "user", "content": ASKED[0]}])
    settled(1)
    said = chat([*said, {"role": "user", "content": ASKED[1]}])
    settled(2)
    chat([*said, RESULT])
    settled(3)


def whole(page):
    """The panel has what is new, folds what was said before, and the system prompt."""
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("You said: 18 degrees")
    expect(panel.get_by_role("heading", name="Result of get_weather")).to_be_visible()
    earlier = panel.locator("details", has_text="Earlier in this conversation")
    expect(earlier).to_contain_text("4 turns")
    expect(earlier).not_to_contain_text(ASKED[0])
    earlier.locator("summary").first.press("Enter")
    for text in [*ASKED, f"You said: {ASKED[0]}", "get_weather", '"city": "Paris"']:
        expect(earlier).to_contain_text(text)
    system = panel.locator("details", has_text="System prompt")
    expect(system.locator("pre")).to_have_count(0)
    system.locator("summary").click()
    expect(system.locator("pre")).to_have_text(SYSTEM)
    keep(page, "conversation")


def with_parameters(route):
    answer = route.fetch()
    route.fulfill(response=answer, json={**answer.json(), "parameters": {"temperature": 0.5, "num_ctx": 2048, "keep_alive": "5m", "think": "other", "tools": ["get_weather"]}})


def as_curl(page):
    """The copied command sends what was sent, and what was set beside it as far as that is known."""
    page.route("**/analytics/messages/*", with_parameters)
    page.reload()
    expect(page.get_by_role("dialog").locator("dl.facts")).to_contain_text("temperature 0.5, num_ctx 2048, keep_alive 5m")
    page.get_by_role("dialog").get_by_role("button", name="Copy as curl").click()
    command = shlex.split(page.evaluate("navigator.clipboard.readText()"))
    assert command[:2] == ["curl", f"{TAP}/api/chat"], command
    sent = json.loads(command[-1])
    assert sent["options"] == {"temperature": 0.5, "num_ctx": 2048} and sent["keep_alive"] == "5m", sent
    assert "think" not in sent and "tools" not in sent, sent
    said = sent["messages"]
    assert [message["role"] for message in said] == ["system", "user", "assistant", "user", "assistant", "tool"], said
    assert said[4]["tool_calls"] == [CALL] and said[5] == RESULT, said
    page.unroute("**/analytics/messages/*")


def as_thread(page):
    """One thread has all requests, each with what it added; a conversation that was guessed says so."""
    panel = page.get_by_role("dialog")
    expect(panel.locator(".conversation .badge")).to_have_text("Guessed")
    panel.get_by_role("button", name="Show as one thread").click()
    requests = panel.locator(".exchange")
    expect(requests).to_have_count(3)
    for text in ASKED:
        expect(panel.locator(".said.user").filter(has_text=text)).to_have_count(1)
    expect(requests.nth(1)).to_contain_text("get_weather")
    expect(requests.nth(2)).to_contain_text("18 degrees")
    expect(requests.nth(2)).not_to_contain_text("Calls")
    expect(requests.nth(2)).to_have_attribute("aria-current", "true")
    keep(page, "thread")
    requests.first.get_by_role("link").click()
    expect(panel).to_contain_text(f"You said: {ASKED[0]}")


def too_long(page):
    """Of a conversation that is too long for a page its beginning is drawn."""
    first = json.dumps(get("/analytics/search?limit=5")[-1])
    page.route("**/analytics/export?*", lambda route: route.fulfill(body=f"{first}\n{'x' * 9_000_000}"))
    panel = page.get_by_role("dialog")
    panel.get_by_role("button", name="Show as one thread").click()
    expect(panel.locator(".thread > p")).to_have_text("the first 1 of 3 requests: the whole is too long")
    expect(panel.locator(".exchange")).to_have_count(1)
    page.unroute("**/analytics/export?*")


def listed(page):
    """The messages of a conversation can be listed alone."""
    panel = page.get_by_role("dialog")
    panel.get_by_role("button", name="List its messages").click()
    expect(rows(page)).to_have_count(3)
    page.go_back()
    expect(rows(page)).to_have_count(5)


def refused(page):
    """What cannot be deleted says why, and stays."""
    reason = "loki deletes by itself: set retention_period"
    page.route("**/analytics/messages/*", lambda route: route.fulfill(status=501, json={"error": reason}) if route.request.method == "DELETE" else route.fallback())
    panel = page.get_by_role("dialog")
    panel.get_by_role("button", name="Delete message").click()
    panel.get_by_role("button", name="Really delete message?").click()
    expect(panel.get_by_role("alert")).to_have_text(reason)
    expect(panel.get_by_role("button", name="Delete message")).to_be_enabled()
    page.unroute("**/analytics/messages/*")


def forgetting(page):
    """One message, then its whole conversation are deleted; each asks first, and the panel goes on to the next."""
    panel = page.get_by_role("dialog")
    rows(page).filter(has_text="alone").locator("a").click()
    expect(panel).to_contain_text("You said: alone")
    refused(page)
    panel.get_by_role("button", name="Delete message").click()
    panel.get_by_role("button", name="Really delete message?").click()
    expect(page.locator("#announcer")).to_contain_text("goodbye")
    expect(panel).to_contain_text("You said: goodbye")
    expect(rows(page)).to_have_count(4)
    rows(page).filter(has_text=ASKED[0]).first.locator("a").click()
    expect(panel).to_contain_text(f"You said: {ASKED[0]}")
    panel.get_by_role("button", name="Delete conversation").click()
    panel.get_by_role("button", name="Really delete conversation?").click()
    expect(rows(page)).to_have_count(1)
    expect(page.locator("#messages-aside")).to_have_text("1")
    assert [record["prompt_full"] for record in get("/analytics/search")] == ["goodbye"]


def accessible_everywhere(page, what):
    """Folded texts, the thread, menus and the keys are for everybody, and fit."""
    panel = page.get_by_role("dialog")
    for summary in panel.locator("summary").all():
        summary.click()
    panel.get_by_role("button", name="Show as one thread").click()
    expect(panel.locator(".exchange")).to_have_count(3)
    fits(page, what)
    accessible(page, f"{what}: a thread")
    assert panel.locator(".body").evaluate("body => body.scrollWidth <= body.clientWidth"), f"{what}: the panel is too narrow"
    keep(page, f"thread-{what}")
    page.get_by_label("Close").click()
    if what.endswith("390"):
        page.get_by_role("button", name="Messages", exact=True).click()
    page.locator("summary", has_text="View").click()
    accessible(page, f"{what}: a menu")
    page.get_by_role("button", name="Keys").click()
    accessible(page, f"{what}: the keys")
    keep(page, f"keys-{what}")


with browser() as chromium:
    talk()
    for text in ["goodbye", "alone"]:
        chat([{"role": "user", "content": text}])
    settled(5)
    last = get("/analytics/search?limit=3")[2]["interaction_id"]
    for scheme, width in [("light", 1280), ("dark", 390)]:
        with visit(chromium, f"?id={last}", color_scheme=scheme, reduced_motion="reduce", viewport={"width": width, "height": 900}) as page:
            accessible_everywhere(page, f"{scheme}-{width}")
    with visit(chromium, f"?id={last}", expected=("501",), permissions=["clipboard-read", "clipboard-write"]) as page:
        whole(page)
        as_curl(page)
        as_thread(page)
        too_long(page)
        listed(page)
        forgetting(page)
