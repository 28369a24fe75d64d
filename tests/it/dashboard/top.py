"""One bar that filters everything, time that can be grabbed, and what the numbers say when they are late or old."""

import re
from urllib.parse import parse_qs, urlsplit

from browser import TAPS, browser, expect, generate, held, keep, rests, rows, settled, until, visit

TAP, GONE = TAPS


def parameters(page):
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def requests_card(page):
    return page.locator(".kpi").first.locator(".value")


def everything_follows_a_filter(page):
    expect(requests_card(page)).to_have_text("9")
    page.locator("#by-model").get_by_role("button", name="coder").click()
    expect(requests_card(page)).to_have_text("4")
    expect(rows(page)).to_have_count(4)
    expect(page.locator("#by-client tbody tr")).to_have_count(1)
    expect(page.locator("#by-model tbody tr")).to_have_count(3)  # the panel of the models leaves the choice of others
    expect(page).to_have_title("coder · Ollama Tap")
    page.locator("#by-category").get_by_role("button", name="Code write").click()
    expect(page.locator("#by-category li")).to_have_count(1)
    page.get_by_role("button", name="Remove filter coder").click()
    expect(page.locator("#by-category li")).to_have_count(2)  # nor does that of the categories leave others out
    expect(requests_card(page)).to_have_text("4")
    page.get_by_role("button", name="Remove filter Code write").click()
    expect(requests_card(page)).to_have_text("9")
    expect(page.locator("#young")).to_contain_text("The history begins at")
    expect(page).to_have_title("Ollama Tap")


def numbers_do_not_wait(page):
    """They are asked for with the list, and not only once the tap has said what the history holds."""
    rests(page)
    with held(page, "**/analytics/stats"), page.expect_request("**/stats/enhanced?*model=coder*"):
        page.locator("#by-model").get_by_role("button", name="coder").click()
    expect(requests_card(page)).to_have_text("4")
    page.go_back()
    expect(requests_card(page)).to_have_text("9")


def a_choice_is_taken_back(page):
    """Numbers that are asked for are not drawn once the choice that they are of is gone: they are given up."""
    rests(page)
    with held(page, "**/stats/enhanced?*model=coder*") as routes:
        page.locator("#by-model").get_by_role("button", name="coder").click()
        until(page, lambda: routes)
        expect(page.locator("#kpis")).to_have_attribute("aria-busy", "true")
        with page.expect_event("requestfailed", lambda request: request == routes[0].request):
            page.go_back()
        routes.clear()
    expect(page.locator("#kpis")).to_have_attribute("aria-busy", "false")
    expect(requests_card(page)).to_have_text("9")


def a_list_that_fails_is_not_waited_for(page):
    page.route("**/analytics/messages?*status=error*", lambda route: route.fulfill(status=503, json={"error": "the list is away"}))
    page.get_by_label("Status").select_option("error")
    expect(page.locator("#banner")).to_contain_text("the list is away")
    expect(page.locator("#table")).to_have_attribute("aria-busy", "false")
    page.unroute("**/analytics/messages?*status=error*")
    page.go_back()
    expect(rows(page)).to_have_count(9)
    expect(page.locator("#banner")).to_be_hidden()


def clients_can_be_chosen(page):
    page.locator("#by-client").get_by_role("button", name=re.compile("curl")).click()
    expect(requests_card(page)).to_have_text("1")
    assert parameters(page)["client"].startswith("curl")
    page.get_by_role("button", name="Clear filters").first.click()


def failures_are_grouped(page):
    cause = page.locator("#by-error li")
    expect(cause).to_have_count(1)
    expect(cause).to_contain_text("not found")
    expect(cause.locator("b")).to_have_text("2")
    cause.get_by_role("button").click()
    expect(rows(page)).to_have_count(2)
    assert parameters(page) == {"status": "error", "q": "not found"}
    cause.get_by_role("button").click()
    assert parameters(page) == {}


def one_cause_after_another(chromium):
    """The panel of the causes leaves the choice of others, with their counts."""
    generate("Why?", "broken")
    settled(10)
    with visit(chromium) as page:
        causes = page.locator("#by-error li")
        for wanted, number in [("not found", 2), ("terminated", 1)]:
            causes.filter(has_text=wanted).get_by_role("button").click()
            expect(causes.filter(has_text=wanted).get_by_role("button")).to_have_attribute("aria-pressed", "true")
            expect(rows(page)).to_have_count(number)
            expect(causes).to_have_count(2)
            expect(page.locator("#errors-aside")).to_have_text("3 failed")


def each_status_can_be_chosen_whichever_is(page):
    """The card of the successes ignores the status, and what fails says that it is left out."""
    success = page.locator(".kpi").nth(1)
    success.get_by_role("button", name="failed").click()
    assert parameters(page) == {"status": "error"}
    expect(requests_card(page)).to_have_text("2")
    expect(success.locator(".value")).to_have_text("77.8%")
    expect(success.get_by_role("button", name="failed")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Status").select_option("success")
    expect(requests_card(page)).to_have_text("7")
    page.locator("#by-error").get_by_role("button", name="Show 2 failed").click()
    assert parameters(page) == {"status": "error"}
    page.get_by_role("button", name="Clear filters").first.click()


def tables_are_sorted(page):
    table = page.locator("#by-model table")
    expect(table.locator("th[aria-sort=descending]")).to_contain_text("Requests")
    table.get_by_role("button", name="Tokens out").click()
    expect(table.locator("th[aria-sort=descending]")).to_contain_text("Tokens out")
    table.get_by_role("button", name="Tokens out").click()
    expect(table.locator("th[aria-sort=ascending]")).to_contain_text("Tokens out")
    expect(table.get_by_role("button", name="Tokens out")).to_be_focused()
    table.get_by_role("button", name="Requests").click()


def two_models_are_compared(page):
    page.get_by_label("Compare talk").click()
    page.get_by_label("Compare coder").click()
    expect(page.locator("#compare thead th")).to_have_text(["talk", "coder"])
    expect(page.locator("#compare")).to_contain_text("Too few to compare")
    expect(page.locator("#trend-legend li")).to_have_count(4)
    another_is_compared(page)
    page.get_by_role("button", name="End the comparison").click()
    expect(page.locator("#comparison")).to_be_hidden()


def another_is_compared(page):
    """A name never stands beside the numbers of another model."""
    rests(page)
    with held(page, "**/stats/enhanced?**") as routes:
        page.get_by_label("Compare missing").click()
        until(page, lambda: len(routes) == 3)
        expect(page.locator("#compare")).to_have_text("Counting…")
        expect(page.locator("#trend-legend li").first).to_have_text("talk p50")
    expect(page.locator("#compare thead th")).to_have_text(["coder", "missing"])
    expect(page.locator("#trend-legend li").first).to_have_text("coder p50")


def time_can_be_grabbed(page):
    chart = page.locator("#requests-chart")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 8, box["y"] + 60, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile("from=.*to="))
    expect(page.locator("#range input:checked")).to_have_count(0)  # a preset is no longer what is shown
    page.go_back()
    expect(page.get_by_label("24 h", exact=True)).to_be_checked()
    page.go_forward()
    expect(page).to_have_url(re.compile("from="))
    expect(page.locator("#requests-chart svg")).to_be_visible()
    page.locator("#requests-chart svg").dblclick()
    expect(page).not_to_have_url(re.compile("from="))
    chart.focus()
    page.keyboard.press("End")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("from=.*to="))
    page.get_by_role("button", name="Clear filters").first.click()


def times_in_the_wrong_order(page):
    page.goto(page.url.split("?")[0] + "?from=2031-01-01T00:00&to=2020-01-01T00:00")
    expect(page.locator("#moments-fault")).to_be_visible()
    expect(rows(page)).to_have_count(9)
    expect(page.locator("#zone")).to_contain_text("Europe/Rome")
    page.get_by_label("Yesterday").check(force=True)
    assert parameters(page) == {"range": "yesterday"}
    expect(page.locator("#messages-blank")).to_be_visible()


# What can be touched and is lower than a finger is wide; the larger field of some is their `::after`.
TOO_LOW = """() => [...document.querySelectorAll('button, select, summary, .segments label, a:not(.skip), input:not([type="radio"])')].filter(one => {
    const after = getComputedStyle(one, '::after');
    const field = after.position === 'absolute' ? parseFloat(after.height) || 0 : 0;
    const { width, height } = one.getBoundingClientRect();
    return width > 0 && one.checkVisibility({ visibilityProperty: true }) && Math.max(height, field) < 43.9;
}).map(one => one.outerHTML)"""


def touch(chromium):
    """The first tap shows the values, the second one zooms."""
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    with visit(chromium, **phone) as page:
        expect(page.locator("#filters-toggle")).to_have_text("24 h · filters")
        chart = page.locator("#requests-chart")
        expect(chart.locator("svg")).to_be_visible()
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        spot = (box["x"] + box["width"] - 8, box["y"] + 60)
        page.touchscreen.tap(*spot)
        expect(page.locator("#tooltip")).to_contain_text("Total")
        assert "from=" not in page.url
        page.touchscreen.tap(*spot)
        expect(page).to_have_url(re.compile("from="))
        for tab in ("Messages", "Overview"):
            page.locator("#tabs").get_by_role("button", name=tab).tap()
            assert page.evaluate(TOO_LOW) == [], tab


def a_scale_can_be_logarithmic(page):
    chart = page.locator("#requests-chart")
    page.locator("#interval").select_option("0")
    rests(page)
    heights = "all => all.map(one => Math.round(one.getBoundingClientRect().height))"
    linear = chart.locator("rect.error").evaluate_all(heights)
    button = page.get_by_role("button", name="Logarithmic scale of requests")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(chart.locator("text.axis", has_text=re.compile("^10$"))).to_be_visible()
    assert chart.locator("rect.error").evaluate_all(heights) != linear
    button.click()
    assert chart.locator("rect.error").evaluate_all(heights) == linear
    page.locator("#interval").select_option("5")


def marks_lie_beside_each_other(page):
    """Of what began shortly after another only the last is named on the chart, and all where they are pointed at."""

    def with_changes(route):
        answer = route.fetch().json()
        began = answer["timeline"][len(answer["timeline"]) // 3]["timestamp"]
        changes = [{"timestamp": began + n, "changed": "version", "model": None, "from": "0.32.0", "to": f"0.33.{n}"} for n in range(3)]
        route.fulfill(json={**answer, "changes": changes})

    page.route("**/stats/enhanced?**", with_changes)
    page.get_by_label("1 h", exact=True).check(force=True)
    chart = page.locator("#requests-chart")
    expect(chart.locator("line.mark")).to_have_count(3)
    expect(chart.locator("text.mark")).to_have_text(["Ollama 0.33.2"])
    box = chart.locator("line.mark").last.bounding_box()
    page.mouse.move(box["x"] + 1, box["y"] + 40)
    expect(page.locator("#tooltip")).to_contain_text("Ollama 0.33.0 · Ollama 0.33.1 · Ollama 0.33.2")
    page.mouse.move(0, 0)
    page.unroute("**/stats/enhanced?**")
    page.get_by_label("24 h", exact=True).check(force=True)
    expect(chart.locator("line.mark")).to_have_count(0)


def charts_point_at_the_same_time(page):
    page.locator("#requests-chart").focus()
    page.keyboard.press("End")
    cursors = [page.locator(f"#{name}-chart .cursor") for name in ["requests", "tokens", "spent"]]
    for cursor in cursors:
        expect(cursor).to_have_attribute("visibility", "visible")
    assert len({cursor.get_attribute("x") for cursor in cursors}) == 1
    page.keyboard.press("Escape")
    for cursor in cursors:
        expect(cursor).to_have_attribute("visibility", "hidden")


def enlarge(route):
    """The answer for a history of millions."""
    answer = route.fetch()
    numbers = answer.json()
    for group in [numbers["totals"], *numbers["by_status"], *numbers["by_model"], *numbers["by_client"]]:
        for name in ["requests", "success", "error", "cancelled", "prompt_tokens", "generated_tokens", "cold_starts"]:
            group[name] = group[name] * 8_765_432
        group["duration_seconds"] = {name: 4567.8 for name in group["duration_seconds"]}
    numbers["previous"] = {**numbers["totals"], "requests": 3, "prompt_tokens": 3}
    for slot in numbers["timeline"]:
        slot["requests"] *= 8_765_432
        slot["duration_p50"] = slot["duration_p95"] = 4567.8
    route.fulfill(response=answer, json=numbers)


def nothing_is_cut(chromium):
    cut = """() => [...document.querySelectorAll('.kpi :is(.value, .below, .change b), .plot svg text')].filter(one => {
        const [box, own] = [one.closest('.kpi, .plot').getBoundingClientRect(), one.getBoundingClientRect()];
        return one.scrollWidth > one.clientWidth + 1 && !one.closest('svg') || own.left < box.left - 1 || own.right > box.right + 1;
    }).map(one => one.outerHTML)"""
    with visit(chromium) as page:
        page.route("**/stats/enhanced?**", enlarge)
        page.get_by_label("All", exact=True).check(force=True)
        expect(requests_card(page)).to_have_text("78.9M")
        for width in [320, 390, 768, 1241, 1280, 1366, 1440, 1536, 1600, 1920, 2560]:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
            keep(page, f"millions-{width}")
            assert not page.evaluate(cut), (width, page.evaluate(cut))


def high_contrast(chromium):
    with visit(chromium, forced_colors="active") as page:
        chosen = page.locator("#range :checked + span")
        assert chosen.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
        assert page.locator("#requests-legend .swatch").first.evaluate("one => getComputedStyle(one).forcedColorAdjust") == "none"


def slow_numbers(chromium):
    """Numbers that take long raise no alarm, and are asked for once."""
    asked = []
    with visit(chromium) as page:
        expect(requests_card(page)).to_have_text("9")
        rests(page)
        page.clock.install()
        page.route("**/stats/enhanced?**", lambda route: asked.append(route))
        page.get_by_label("7 d", exact=True).check(force=True)
        until(page, lambda: asked)
        page.clock.run_for(5000)
        with page.expect_response("**/analytics/stats"):  # the rest is asked for again meanwhile
            page.clock.run_for(5000)
        expect(page.locator("#slow")).to_contain_text("The numbers take longer")
        expect(page.get_by_role("alert")).to_be_hidden()
        assert len(asked) == 1, asked
        asked[0].continue_()
        page.unroute("**/stats/enhanced?**")
        expect(page.locator("#slow")).to_be_empty()


def gone(chromium):
    """What is shown is old when the tap is gone, and says so."""
    generate("Why?", tap=GONE)
    settled(1, GONE)
    with visit(chromium, tap=GONE, expected=("ERR_FAILED",)) as page:
        expect(page.locator("#fresh")).to_contain_text("updated")
        page.route("**/*", lambda route: route.abort())
        page.get_by_label("Refresh now").click()
        expect(page.locator("#fresh")).to_contain_text("as of")
        assert page.locator("#fresh").evaluate("words => getComputedStyle(words).animationName") == "none"
        expect(page.locator("html")).to_have_attribute("data-gone", "")
        expect(page).to_have_title(re.compile("⚠"))
        keep(page, "gone")
        page.unroute("**/*")
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#fresh")).to_contain_text("updated")


with browser() as chromium:
    for prompt, model, agent in [
        *[("Why?", "talk", "tests/1.0")] * 3,
        *[("Write code", "coder", "tests/1.0")] * 3,
        ("Write code", "CODER:latest", "tests/1.0"),  # is the same model
        ("Why?", "missing", "curl/8.5.0"),
        ("Why?", "missing", "tests/1.0"),
    ]:
        generate(prompt, model, agent=agent)
    settled(9)
    with visit(chromium, timezone_id="Europe/Rome", expected=("503",)) as page:
        for step in [
            everything_follows_a_filter,
            numbers_do_not_wait,
            a_choice_is_taken_back,
            a_list_that_fails_is_not_waited_for,
            clients_can_be_chosen,
            failures_are_grouped,
            each_status_can_be_chosen_whichever_is,
            a_scale_can_be_logarithmic,
            marks_lie_beside_each_other,
            charts_point_at_the_same_time,
            tables_are_sorted,
            two_models_are_compared,
            time_can_be_grabbed,
            times_in_the_wrong_order,
        ]:
            step(page)
    touch(chromium)
    nothing_is_cut(chromium)
    high_contrast(chromium)
    slow_numbers(chromium)
    one_cause_after_another(chromium)
    gone(chromium)
