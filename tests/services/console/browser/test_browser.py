"""The pages in a real browser, on a real store."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import made_up_ward
from tests.clip_rig import OTHER_KEY, clip, film, key_file
from tests.console_rig import PASSWORD, Served, open_rig, serving
from tests.made_up_ward import fall

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHROMIUM = "/usr/bin/chromium"
SOON_MS = 10_000
BEDS_4_5 = ("bed-4", "bed-5")
PAGES = (
    *("/", "/alarms", "/subjects/bed-4", "/history", "/history?kind=events"),
    *("/coverage", "/system", "/users", "/account", "/audit"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield launched
        launched.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    console = open_rig(tmp_path, key_file=key_file(tmp_path))
    now_ns = console.utc_ns()
    console.store.live.put(made_up_ward.lives(now_ns), now_ns)
    console.store.notes.note(
        "expected sources", {name: ["camera"] for name in made_up_ward.BEDS}
    )
    with serving(console) as served:
        yield served
    console.store.close()


def context_of(browser: Browser, served: Served, **options: Any) -> BrowserContext:
    context = browser.new_context(base_url=served.url, **options)
    context.set_default_timeout(SOON_MS)
    return context


def page_of(context: BrowserContext, name: str = "kim") -> Page:
    page = context.new_page()
    page.goto("/login")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url("**/")
    return page


def test_an_alarm_appears_in_two_seconds_and_an_answer_is_seen_by_others(
    browser: Browser, served: Served
) -> None:
    store, now_ns = served.console.store, served.console.utc_ns()
    with context_of(browser, served) as one, context_of(browser, served) as other:
        kim, vera = page_of(one), page_of(other, "vera")
        expect(kim.locator("#lost")).to_be_hidden()
        alarm = fall(store, "bed-4", now_ns)
        card = f"#alarm-{alarm.alarm_id}"
        expect(kim.locator(card)).to_contain_text("bed-4: Fall", timeout=2000)
        expect(kim.locator("[data-tile='bed-4']")).to_have_class("tile alarm")
        expect(vera.locator(card)).to_be_visible()
        expect(vera.locator(card).locator("button")).to_have_count(0)
        kim.click(f"#ack-{alarm.alarm_id}")
        expect(vera.locator(card)).to_contain_text("waits for the service")
        (answer,) = store.answers.waiting(10)
        assert (answer.kind, answer.by) == ("ack", "kim")
        done = alarm.acknowledged("kim", now_ns + 1)
        store.take([], {}, now_ns, [done], outcomes={answer.number: ""})
        for page in (kim, vera):
            expect(page.locator(card)).to_contain_text("kim is on the way")
            expect(page.locator("[data-tile='bed-4']")).to_have_class("tile coming")


def test_a_note_that_is_being_written_outlives_news_of_its_alarm(
    browser: Browser, served: Served
) -> None:
    store, now_ns = served.console.store, served.console.utc_ns()
    alarm = fall(store, "bed-4", now_ns)
    with context_of(browser, served) as context:
        page = page_of(context)
        page.click(f"#resolve-{alarm.alarm_id}")
        note = page.locator(f"#note-{alarm.alarm_id}")
        note.fill("was sitt")
        longer = replace(alarm.passed(made_up_ward.RULE, now_ns + 70_000_000_000))
        store.take([], {}, now_ns, [longer])
        expect(page.locator(f"#alarm-{alarm.alarm_id}")).to_contain_text("called again")
        expect(note).to_be_focused()
        note.press_sequentially("ing")
        page.click(f"#false-{alarm.alarm_id}")
        expect(page.locator(f"#alarm-{alarm.alarm_id}")).to_contain_text("is sent")
        (answer,) = store.answers.waiting(10)
        assert answer.facts == {"verdict": "false", "note": "was sitting"}


AGAIN_MS = 30_000
"""A guard: a page waits longer after each try to connect again."""


def test_a_lost_connection_is_said_and_the_page_recovers_by_itself(
    browser: Browser, served: Served
) -> None:
    with context_of(browser, served) as context:
        page = page_of(context)
        expect(page.locator("#lost")).to_be_hidden()
        context.set_offline(True)
        expect(page.locator("#lost")).to_be_visible(timeout=AGAIN_MS)
        alarm = fall(served.console.store, "bed-4", served.console.utc_ns())
        context.set_offline(False)
        expect(page.locator(f"#alarm-{alarm.alarm_id}")).to_be_visible(timeout=AGAIN_MS)
        expect(page.locator("#lost")).to_be_hidden()


def test_a_carer_answers_by_keyboard_alone(browser: Browser, served: Served) -> None:
    alarm = fall(served.console.store, "bed-4", served.console.utc_ns())
    with context_of(browser, served) as context:
        page = page_of(context)
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        for _ in range(30):
            if page.evaluate("document.activeElement.id") == f"ack-{alarm.alarm_id}":
                break
            page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        page.keyboard.press("Enter")
        expect(page.locator(f"#alarm-{alarm.alarm_id}")).to_contain_text("is sent")


def test_the_sound_is_off_until_somebody_clicks_and_says_so(
    browser: Browser, served: Served
) -> None:
    with context_of(browser, served) as context:
        page = page_of(context)
        sound = page.locator("#sound")
        expect(sound).to_have_attribute("data-state", "off")
        sound.click()
        expect(sound).to_have_attribute("data-state", "on")
        sound.click()
        expect(sound).to_have_attribute("data-state", "off")


def test_the_poses_of_an_alarm_are_played_and_the_audit_notes_it(
    browser: Browser, served: Served
) -> None:
    store = served.console.store
    alarm = fall(store, "bed-4", served.console.utc_ns())
    store.pose_tracks.put(made_up_ward.track(alarm))
    with context_of(browser, served) as context:
        page = page_of(context)
        page.goto(f"/alarms/{alarm.alarm_id}")
        page.click("[data-load]")
        expect(page.locator("#at")).to_be_enabled()
        drawn = "document.querySelector('.replay canvas').toDataURL()"
        page.locator("#at").fill("-10")
        walking = page.evaluate(drawn)
        page.locator("#at").fill("20")
        assert page.evaluate(drawn) != walking
    assert store.audit.page(1)[0].what == "poses viewed"


def test_a_blurred_clip_is_played_and_another_key_is_said(
    browser: Browser, served: Served
) -> None:
    store = served.console.store
    seen, hidden = (fall(store, name, served.console.utc_ns()) for name in BEDS_4_5)
    store.clips.put(film(seen))
    store.clips.put(clip(hidden.alarm_id, "bed-5", key=OTHER_KEY))
    said: list[str] = []
    with context_of(browser, served) as context:
        page = page_of(context)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"/alarms/{seen.alarm_id}")
        expect(page.locator("#clip canvas")).to_be_hidden()
        page.click("#clip button")
        expect(page.locator("#clip-at")).to_be_enabled()
        drawn = "document.querySelector('#clip canvas').toDataURL()"
        page.locator("#clip-at").fill("-10")
        walking = page.evaluate(drawn)
        page.locator("#clip-at").fill("20")
        assert page.evaluate(drawn) != walking
        assert store.audit.page(1)[0].what == "clip viewed"
        page.goto(f"/alarms/{hidden.alarm_id}")
        page.click("#clip button")
        expect(page.locator("#clip .problem")).to_contain_text("with another key")
    assert said == []


def test_the_page_of_an_alarm_tells_its_history_as_it_goes_on(
    browser: Browser, served: Served
) -> None:
    store, now_ns = served.console.store, served.console.utc_ns()
    alarm = fall(store, "bed-4", now_ns)
    with context_of(browser, served) as context:
        page = page_of(context)
        page.goto(f"/alarms/{alarm.alarm_id}")
        card = page.locator(f"#alarm-{alarm.alarm_id}")
        with page.expect_event("load"):
            page.click(f"#ack-{alarm.alarm_id}")
        expect(card).to_contain_text("is sent")
        done = alarm.acknowledged("kim", now_ns + 1)
        store.take([], {}, now_ns, [done], outcomes={1: ""})
        expect(page.locator(".steps")).to_contain_text("kim is on the way")
        over = done.resolved("kim", "true", now_ns + 2)
        store.take([], {}, now_ns, [over])
        expect(page.locator(".steps")).to_contain_text("it was true")
        expect(card).to_have_count(0)


def test_a_session_that_ended_elsewhere_leads_to_the_login(
    browser: Browser, served: Served
) -> None:
    with context_of(browser, served) as context:
        page = page_of(context)
        page.goto("about:blank")  # the open page would notice too, and go there first
        context.clear_cookies()
        page.goto("/alarms")
        assert page.url.endswith("/login?next=/alarms")


def test_no_page_is_wider_than_its_screen(browser: Browser, served: Served) -> None:
    made_up_ward.fill(served.console.store, served.console.utc_ns())
    with context_of(browser, served) as context:
        page = page_of(context, "ada")
        wide = []
        for path in PAGES:
            page.goto(path)
            for width in (320, 390, 1440):
                page.set_viewport_size({"width": width, "height": 800})
                if page.evaluate("document.documentElement.scrollWidth") > width:
                    wide.append((path, width))
    assert wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_the_rules_of_accessibility(
    browser: Browser, served: Served, scheme: Any
) -> None:
    made_up_ward.fill(served.console.store, served.console.utc_ns())
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    problems = []
    with context_of(browser, served, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto("/login")
        for path in ("/login", *PAGES):
            if path == PAGES[0]:
                page = page_of(context, "ada")
            page.goto(path)
            page.evaluate(axe)
            found = page.evaluate("axe.run({resultTypes: ['violations']})")
            problems += [
                (path, rule["id"], [node["html"][:120] for node in rule["nodes"]][:3])
                for rule in found["violations"]
                if rule["impact"] in ("serious", "critical")
            ]
    assert problems == []


def test_the_pages_keep_the_security_policy(browser: Browser, served: Served) -> None:
    made_up_ward.fill(served.console.store, served.console.utc_ns())
    said: list[str] = []
    with context_of(browser, served) as context:
        page = page_of(context, "ada")
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        for path in PAGES:
            page.goto(path)
            page.wait_for_load_state()
    assert said == []
