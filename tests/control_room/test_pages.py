"""The pages as people use them: a real browser before a real service."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from service.alerts.actors import ActorRole
from tests.control_room.browsing import FORCE, WAIT_MS, Site, hours_ago

ALL_PAGES = (
    "board",
    "wall",
    "worklist?choice=past_due",
    "worklist?choice=all",
    "handover",
    "sources",
    "notifications",
    "mutes",
    "you",
    f"typed/{FORCE}/R-1",
    "audit",
    "audit?show=said",
    "audit?show=looks",
    "statistics",
    f"reports/{FORCE}/R-1",
)


TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > innerWidth && !e.closest(".wide"))
    .map((e) => e.outerHTML.slice(0, 100))"""
"""What makes a page scroll sideways; a table may, within itself."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    """A service with a few days of reports: some missed, one due, one recorded, one with no crime."""
    made = Site(tmp_path_factory.mktemp("site"))
    made.begin()
    domestic: dict[str, Any] = {"qualifiers": ["domestic abuse"]}
    made.report("R-1", hours_ago(40), **domestic)
    for n in range(2, 8):
        made.report(f"R-{n}", hours_ago(30 + n))
    made.report("R-20", hours_ago(22), "burglary dwelling")
    made.report("R-21", hours_ago(21), **domestic)
    made.record("C-21", "R-21", hours_ago(20))
    made.report("R-22", hours_ago(3), "nobody knows this")
    made.promise()
    yield made
    assert made.running.stop() == 0


@pytest.fixture
def page(site: Site, browser: Browser) -> Iterator[Page]:
    """Somebody at a desk, signed in."""
    made = site.page(browser)
    yield made
    made.context.close()


def live(page: Page) -> None:
    """Wait until the page says that it is."""
    expect(page.locator("#live")).to_contain_text("LIVE, updated", timeout=WAIT_MS)


def test_a_stranger_sees_a_demonstration_come_alive(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    demo = Site(tmp_path_factory.mktemp("demo"), "--demo", "--speed", "14400")
    try:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(demo.running.link)
        expect(page.locator(".demonstration")).to_have_text("DEMONSTRATION DATA")
        live(page)
        expect(page.locator("#groups tbody tr")).to_have_count(5)
        expect(page.locator("#groups td.amber").first).to_be_visible(timeout=60_000)
        expect(page.locator("#next tr[data-key]").first).to_be_visible()
        page.context.close()
    finally:
        demo.running.end()


def test_a_miss_appears_without_a_reload(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/board")
    live(page)
    page.evaluate("window.stillTheSamePage = true")
    site.report("R-30", hours_ago(25), qualifiers=["domestic abuse"])
    site.promise()
    expect(page.locator("#next")).to_contain_text("R-30")
    assert page.evaluate("window.stillTheSamePage")


def test_new_rows_wait_while_somebody_points_at_the_list(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/worklist?choice=past_due")
    live(page)
    page.locator("#rows tr[data-key='R-2'] td").nth(2).hover()
    before = page.locator("#rows tr[data-key]").count()
    site.report("R-31", hours_ago(26))
    site.promise()
    waiting = page.get_by_role("button", name="1 new")
    expect(waiting).to_be_visible()
    assert page.locator("#rows tr[data-key]").count() == before
    waiting.click()
    expect(page.locator("#rows tr[data-key='R-31']")).to_be_visible()


def test_a_report_is_acknowledged_by_keyboard(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/worklist?choice=past_due&ref=R-3")
    page.keyboard.press("j")
    expect(page.locator("tr.here")).to_have_count(1)
    page.keyboard.press("a")
    expect(page.locator("[role=status].problem")).to_contain_text("1 of 1 acknowledged")
    page.goto(f"{site.url}/worklist?choice=mine")
    expect(page.locator("#rows")).to_contain_text("R-3")


def test_keys_open_help_and_the_report_in_hand(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/worklist?choice=past_due")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/reports/33/"))


def test_a_decision_that_lacks_something_says_what_and_keeps_the_rest(
    site: Site, page: Page
) -> None:
    page.goto(f"{site.url}/reports/{FORCE}/R-4")
    page.keyboard.press("c")
    form = page.locator("#decide")
    form.get_by_label("Not a notifiable crime").check()
    expect(form.locator("textarea[name=rationale]")).to_be_visible()
    expect(form.locator("textarea[name=evidence_what]")).to_be_hidden()
    form.locator("textarea[name=rationale]").fill("seen by the unit")
    form.get_by_role("button", name="Decide not to record").click()
    said = page.get_by_role("alert")
    expect(said).to_contain_text("Something is missing")
    expect(said).to_contain_text("Victim or reporter told")
    expect(said).to_be_focused()
    expect(page.locator("#decide textarea[name=rationale]")).to_have_value("seen by the unit")
    told = hours_ago(1).strftime("%Y-%m-%dT%H:%M")
    page.locator("#decide input[name=told_at]").fill(told)
    page.get_by_role("button", name="Decide not to record").click()
    expect(page.locator("[role=status].problem")).to_contain_text("Decision not to record")
    expect(page.locator("#verdict")).to_contain_text("Decision not to record")
    expect(page.locator("#timeline")).to_contain_text("by you")


def test_the_second_of_two_people_is_told(site: Site, browser: Browser, page: Page) -> None:
    other = site.page(browser, "officer-2")
    for each in (page, other):
        each.goto(f"{site.url}/reports/{FORCE}/R-5")
    page.get_by_role("button", name="I will see to it").click()
    expect(page.locator("#knows")).to_contain_text("You have it in hand")
    other.get_by_text("Assign…").click()
    other.get_by_label("Collar number or id").fill("9042")
    other.get_by_role("button", name="Assign").click()
    expect(other.get_by_role("alert")).to_contain_text("Somebody else acted first")
    expect(other.locator("#knows")).to_contain_text("officer-1 has it in hand")
    other.context.close()


def test_a_role_without_the_right_is_offered_no_decision(site: Site, browser: Browser) -> None:
    handler = site.page(browser, "handler-1", roles=(ActorRole.CALL_HANDLER,))
    handler.goto(f"{site.url}/reports/{FORCE}/R-6")
    expect(handler.get_by_role("button", name="I will see to it")).to_be_visible()
    expect(handler.locator("#decide")).to_have_count(0)
    handler.context.close()


def test_a_protected_report_is_counted_and_not_shown_to_everybody(
    site: Site, browser: Browser
) -> None:
    site.report("R-40", hours_ago(26), "rape")
    site.promise()
    plain = site.page(browser, "officer-3", special=())
    plain.goto(f"{site.url}/board")
    assert int(plain.locator("#groups tbody tr").first.locator("td").first.inner_text()[0]) >= 1
    for name in ("board", "worklist?choice=past_due", "handover", "wall"):
        plain.goto(f"{site.url}/{name}")
        expect(plain.locator("main")).not_to_contain_text("R-40")
    answer = plain.goto(f"{site.url}/reports/{FORCE}/R-40")
    assert answer is not None
    assert answer.status == 403
    plain.context.close()


def test_the_wall_shows_figures_deadlines_and_feeds_alone(site: Site, page: Page) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{site.url}/wall")
    live(page)
    expect(page.locator(".five > div")).to_have_count(5)
    assert page.locator(".wall-rows tr").count() <= 7
    expect(page.locator(".wall-rows")).to_contain_text("NOT CONNECTED")
    expect(page.locator("nav")).to_be_hidden()
    size = page.locator(".five dd").first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    assert size >= 90
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_a_phone_of_320_pixels_reads_every_page(site: Site, browser: Browser) -> None:
    phone = site.page(browser, viewport={"width": 320, "height": 640})
    for name in ALL_PAGES:
        phone.goto(f"{site.url}/{name}")
        wide = phone.evaluate(TOO_WIDE)
        assert not wide, f"{name}: {wide}"
    phone.context.close()


def test_without_javascript_people_read_and_act(site: Site, browser: Browser) -> None:
    page = site.page(browser, java_script_enabled=False)
    for name in ALL_PAGES:
        answer = page.goto(f"{site.url}/{name}")
        assert answer is not None
        assert answer.status == 200, name
    page.goto(f"{site.url}/board")
    expect(page.locator("#live")).to_contain_text("as opened")
    page.goto(f"{site.url}/reports/{FORCE}/R-7")
    page.get_by_role("button", name="I will see to it").click()
    expect(page.locator("#knows")).to_contain_text("You have it in hand")
    page.context.close()


def test_a_restart_is_shown_and_survived(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/board")
    live(page)
    port = site.running.port
    site.running.kill()
    expect(page.locator("#live")).to_contain_text("NOT LIVE SINCE")
    expect(page.locator("body")).to_have_class(re.compile("stale"))
    site.running.start(port)
    live(page)
    expect(page.locator("body")).not_to_have_class(re.compile("stale"))


def test_times_are_local_or_utc_and_the_ground_light_or_night(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/board")
    page.get_by_role("link", name="UTC").click()
    expect(page.locator("#clock")).to_contain_text("UTC")
    page.get_by_role("link", name="Night").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "night")
    page.get_by_role("link", name="Local time").click()
    expect(page.locator("#clock")).not_to_contain_text("UTC")


def test_a_report_prints_on_one_sheet(site: Site, page: Page) -> None:
    site.report("R-40", hours_ago(26), qualifiers=["domestic abuse"])
    page.goto(f"{site.url}/reports/{FORCE}/R-40")
    sheet = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1


@pytest.mark.parametrize("theme", ["light", "night"])
def test_nothing_stands_in_the_way_of_anybody(site: Site, page: Page, theme: str) -> None:
    page.goto(f"{site.url}/display?theme={theme}")
    for name in ALL_PAGES:
        page.goto(f"{site.url}/{name}")
        if page.locator("#decide").count():
            page.locator("#decide summary").click()
        found = Axe().run(page).response["violations"]
        told = [(each["id"], [node["html"][:160] for node in each["nodes"]]) for each in found]
        assert not told, f"{name}: {told}"


def test_nothing_comes_from_elsewhere_and_nothing_is_inline(site: Site, page: Page) -> None:
    asked: list[str] = []
    refused: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda m: refused.append(m.text) if "Content Security" in m.text else None)
    for name in ALL_PAGES:
        page.goto(f"{site.url}/{name}")
    assert {url.split("/")[2] for url in asked} == {site.url.split("/")[2]}
    assert not refused
