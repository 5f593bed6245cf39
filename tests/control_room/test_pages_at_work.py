"""What people do and read on pages beside the board: mutes, what was typed, who was told, giving away."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from service.alerts.actors import ActorRole
from service.ledger.consulted import Consulted, Look, Purpose, read_consulted
from service.ledger.tables import outbox
from tests.control_room.browsing import DESK, FORCE, WAIT_MS, Site, hours_ago

READER = (*DESK, ActorRole.AUDITOR)
TOLD_WITHIN_MS = 30_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    """A service with two reports whose deadlines have passed; people are told within a second."""
    made = Site(tmp_path_factory.mktemp("site"), RECOUNT_PLAN_EVERY="0.2")
    made.begin()
    made.promise()
    for ref in ("R-1", "R-2"):
        made.report(ref, hours_ago(25), qualifiers=["domestic abuse"])
    made.promise()
    yield made
    assert made.running.stop() == 0


@pytest.fixture
def page(site: Site, browser: Browser) -> Iterator[Page]:
    made = site.page(browser, roles=READER)
    yield made
    made.context.close()


def local(hours: float) -> str:
    """So many hours from now, as a form has it."""
    return hours_ago(-hours).strftime("%Y-%m-%dT%H:%M")


def test_a_mute_is_made_with_a_reason_and_ended(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/mutes")
    make = page.locator("form[action^='/act/mute/']")
    make.locator("[name=until]").fill(local(5))
    make.locator("[name=comment]").fill("works at the depot")
    make.get_by_role("button", name="Mute").click()
    expect(page.get_by_role("alert")).to_contain_text("Say what is to be muted")
    expect(make.locator("[name=comment]")).to_have_value("works at the depot")
    make.get_by_label("Kind of crime").select_option(label="Vehicle crime")
    make.get_by_label("High harm").select_option(label="not high harm")
    make.get_by_role("button", name="Mute").click()
    expect(page.locator("[role=status].problem")).to_contain_text("Done: Mute")
    expect(page.locator("#running")).to_contain_text("Vehicle crime, not high harm")
    page.locator("#running").get_by_role("link", name="Why").click()
    expect(page.locator("dl.typed")).to_contain_text("works at the depot")
    page.go_back()
    page.locator("#running").get_by_role("button", name="End it").click()
    expect(page.locator("#running")).to_contain_text("Nothing is muted")
    expect(page.locator("#over")).to_contain_text("Vehicle crime")


def test_what_was_typed_is_read_back_by_those_with_the_right(
    site: Site, browser: Browser, page: Page
) -> None:
    page.goto(f"{site.url}/reports/{FORCE}/R-1")
    page.get_by_text("Ask registrar: delay…").click()
    page.locator("#hold-until").fill(local(5))
    page.locator("#hold-comment").fill("taken ill on the way")
    page.locator("#hold").get_by_role("button", name="Ask").click()
    expect(page.locator("[role=status].problem")).to_contain_text("Ask registrar")
    expect(page.locator("main")).not_to_contain_text("taken ill")
    page.get_by_role("link", name="Read what was typed").click()
    expect(page.locator("dl.typed")).to_contain_text("taken ill on the way")
    handler = site.page(browser, "handler-9", roles=(ActorRole.CALL_HANDLER,))
    handler.goto(f"{site.url}/reports/{FORCE}/R-1")
    expect(handler.get_by_role("link", name="Read what was typed")).to_have_count(0)
    refused = handler.goto(f"{site.url}/typed/{FORCE}/R-1")
    assert refused is not None
    assert refused.status == 403
    expect(handler.get_by_role("heading", level=1)).to_have_text("Not for you")
    assert not Axe().run(handler).response["violations"]
    handler.context.close()
    read = {(look.actor_id, look.view, look.allowed) for look in looks(site, "R-1")}
    assert {("officer-1", "typed", True), ("handler-9", "typed", False)} <= read


def looks(site: Site, ref: str) -> list[Consulted]:
    """Who looked at a report."""
    ledger = site.running.ledger()
    with ledger.reading() as connection:
        found = read_consulted(connection, forces=None, ref=ref)
    ledger.close()
    return found


def test_giving_a_report_away_is_noted_before_with_whom_and_why(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/reports/{FORCE}/R-2")
    page.get_by_text("Give it to somebody outside…").click()
    form = page.locator("form[action^='/disclose/']")
    form.get_by_label("Why").select_option("complaint")
    form.get_by_label("Their file or case number").fill("Somebody By Name")
    form.get_by_role("button", name="Note that it is given").click()
    assert page.evaluate("!document.querySelector('[name=recipient]').validity.valid")
    form.get_by_label("Their file or case number").fill("CASE-2026/117")
    form.get_by_role("button", name="Note that it is given").click()
    expect(page.locator("[role=status].problem")).to_contain_text("Noted as given")
    page.goto(f"{site.url}/audit?show=looks&ref=R-2")
    expect(page.locator("#looks")).to_contain_text("disclosed to CASE-2026/117")
    expect(page.locator("#looks")).to_contain_text("a complaint or an appeal by the victim")
    disclosed = (each for each in looks(site, "R-2") if each.look is Look.DISCLOSURE)
    given = [(each.purpose, each.recipient) for each in disclosed]
    assert given == [(Purpose.COMPLAINT, "CASE-2026/117")]


def test_a_report_says_who_was_told_by_receiver_and_never_by_address(
    site: Site, page: Page
) -> None:
    site.report("R-3", hours_ago(21), qualifiers=["domestic abuse"])
    site.promise()
    page.goto(f"{site.url}/reports/{FORCE}/R-3")
    expect(page.locator("#knows ul.told")).to_contain_text("bureau", timeout=TOLD_WITHIN_MS)
    expect(page.locator("#knows")).not_to_contain_text("@")
    page.goto(f"{site.url}/notifications")
    message = page.locator("#messages tr", has_text="R-3").first
    message.locator("summary").click()
    expect(message.locator("pre")).to_contain_text("R-3")
    expect(page.locator("main")).not_to_contain_text("@")


def test_messages_about_reports_not_for_a_reader_stand_without_them(
    site: Site, browser: Browser
) -> None:
    site.report("R-9", hours_ago(21), "rape")
    site.promise()
    plain = site.page(browser, "officer-8", special=())
    plain.goto(f"{site.url}/notifications")
    not_for = plain.locator("#messages tr", has_text="about reports that are not for you")
    expect(not_for.first).to_be_visible(timeout=TOLD_WITHIN_MS)
    expect(plain.locator("main")).not_to_contain_text("R-9")
    plain.context.close()


def test_an_open_page_that_renews_itself_is_one_look(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/reports/{FORCE}/R-2")
    expect(page.locator("#live")).to_contain_text("LIVE, updated", timeout=WAIT_MS)
    for n in range(3):
        with page.expect_response(lambda answer: "/reports/33/R-2" in answer.url):
            site.report(f"N-{n}", hours_ago(1), "nobody knows this either")
    read = [(each.view, each.look) for each in looks(site, "R-2")]
    assert read.count(("report", Look.CONSULTATION)) == 1


def test_a_person_sees_who_they_are_and_signs_out(site: Site, browser: Browser) -> None:
    page = site.page(browser, "officer-4", special=())
    page.get_by_role("link", name="You").click()
    expect(page.locator("main")).to_contain_text("officer-4")
    expect(page.locator("main")).to_contain_text("none: referrals")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Signed out")
    page.goto(f"{site.url}/board")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.context.close()


def test_what_is_not_there_is_said_on_a_page(site: Site, page: Page) -> None:
    for path, title in {
        "nothing": "Not found",
        f"reports/{FORCE}/R-404": "Not found",
        "audit?show=xyz": "This address cannot be read",
        "board?force=44": "Not for you",
    }.items():
        page.goto(f"{site.url}/{path}")
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        assert not Axe().run(page).response["violations"]
    page.get_by_role("link", name="To the board").click()
    expect(page).to_have_url(f"{site.url}/board")


def test_nothing_waits_for_a_broker_where_there_is_none(site: Site) -> None:
    ledger = site.running.ledger()

    def none_waits() -> bool:
        with ledger.reading() as connection:
            return connection.execute(outbox.select().limit(1)).first() is None

    site.running.await_that(none_waits, "an empty outbox")
    ledger.close()
