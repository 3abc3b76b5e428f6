"""The page in a real browser: it draws Slack's JSON, and its controls work."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from playwright.async_api import Page, async_playwright, expect

from sandbox.bot_faults import BotProcess
from sandbox.goldrush_causes import fitting
from sandbox.goldrush_pipelines import FIRST_BLOCK, LAST_BLOCK, Pipeline
from sandbox.redis_faults import RedisStandIn
from sandbox.server import Sandbox
from sandbox.slack.messages import Draft
from sandbox.wall_clock import ClockOffset

pytestmark = pytest.mark.page

BROWSER = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ALERTS = "C0ALERTS"
HOSTILE = "<img src=x onerror=alert(1)> <script>alert(1)</script> \N{LATIN SMALL LETTER E WITH ACUTE}"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as running:
        running.slack.limits.enabled = False
        yield running


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox with every target. `sleep` stands in for the bot's process."""
    async with a_sleeper() as process, RedisStandIn.start() as store, Sandbox.start(redis=store) as running:
        running.bot = BotProcess(process, ClockOffset(tmp_path / "hands"))
        try:
            yield running
        finally:
            running.bot.fix()


@asynccontextmanager
async def a_sleeper() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(120)")
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def page(sandbox: Sandbox) -> AsyncIterator[Page]:
    async with opened(sandbox) as page:
        yield page


@pytest.fixture
async def page_of_whole(whole: Sandbox) -> AsyncIterator[Page]:
    async with opened(whole) as page:
        yield page


@asynccontextmanager
async def opened(sandbox: Sandbox) -> AsyncIterator[Page]:
    if BROWSER is None:
        pytest.skip("no Chromium is installed (set CHROMIUM to its path)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=BROWSER, args=QUIET)
        page = await browser.new_page(viewport={"width": 1280, "height": 800}, timezone_id="Europe/Berlin")
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: errors.append(f"a dialog opened: {dialog.message}"))
        await page.goto(sandbox.url)
        await page.get_by_test_id(f"channel-{ALERTS}").wait_for()
        yield page
        await browser.close()
        assert errors == []


async def bot_posts(sandbox: Sandbox, **message: Any) -> str:
    async with httpx.AsyncClient(headers={"Authorization": "Bearer xoxb-sandbox"}) as client:
        reply = await client.post(f"{sandbox.url}/api/chat.postMessage", json={"channel": ALERTS, **message})
    assert reply.json()["ok"], reply.json()
    return str(reply.json()["ts"])


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


MRKDWN = [
    ("*bold* _it_ ~gone~", "<b>bold</b> <i>it</i> <s>gone</s>"),
    ("*bold _and_ more*", "<b>bold <i>and</i> more</b>"),
    ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
    ("`a *b* &lt;c&gt;`", '<code class="c-code">a *b* &lt;c&gt;</code>'),
    ("```x\n*y*```", '<pre class="c-pre">x\n*y*</pre>'),
    ("&lt;!channel&gt; &amp; &lt;b&gt;", "&lt;!channel&gt; &amp; &lt;b&gt;"),
    ("<!here>", '<span class="mention mention-me">@here</span>'),
    ("<@U0BOB>", '<span class="mention">@Bob Berg</span>'),
    ("<@U0ANN>", '<span class="mention mention-me">@Ann Araya</span>'),
    ("<!subteam^S0ONCALL>", '<span class="mention mention-me">@data-oncall</span>'),
    ("<#C0TEAM>", '<button type="button" class="mention">#data-team</button>'),
    (
        "<https://a.example/?x=1&amp;y=2|*A*>",
        '<a href="https://a.example/?x=1&amp;y=2" target="_blank" rel="noopener noreferrer">*A*</a>',
    ),
    ("<javascript:alert(1)|press>", "press"),
    (":no_such_emoji: 10:30:45", ":no_such_emoji: 10:30:45"),
    (
        "<!date^1392734382^{date_num} {time_secs}|then>",
        '<time class="c-date" title="then">2014-02-18 3:39:42 PM</time>',
    ),
    ("<!date^1392734382^{date}|then>", '<time class="c-date" title="then">February 18th, 2014</time>'),
    ("<!date^1392734382^{era}|then>", '<time class="c-date" title="then">then</time>'),
]


async def test_mrkdwn_is_read_as_slack_reads_it(sandbox: Sandbox, page: Page) -> None:
    await bot_posts(sandbox, text="fallback", blocks=[section(text) for text, _ in MRKDWN])

    drawn = page.locator("#conversation .section-text > div")
    await expect(drawn).to_have_count(len(MRKDWN))

    assert [await item.inner_html() for item in await drawn.all()] == [html for _, html in MRKDWN]


async def test_nothing_from_the_server_becomes_html(sandbox: Sandbox, page: Page) -> None:
    plain = {"type": "plain_text", "text": HOSTILE}
    button = {"type": "button", "action_id": "b", "text": plain, "value": HOSTILE}
    rows = [[{"type": "raw_text", "text": HOSTILE}]]
    blocks = [
        {"type": "header", "text": plain},
        section(HOSTILE) | {"fields": [plain]},
        {"type": "context", "elements": [plain]},
        {"type": "actions", "elements": [button]},
        {"type": "table", "rows": rows},
        {"type": "markdown", "text": HOSTILE + " [x](javascript:alert(1))"},
    ]
    ts = await bot_posts(sandbox, text=HOSTILE, blocks=blocks)
    sandbox.goldrush.add(name=HOSTILE, project=HOSTILE)
    sandbox.slack.say("U0BOB", ALERTS, HOSTILE)

    await expect(page.get_by_test_id("message")).to_have_count(2)
    await expect(page.locator(".pipeline-name").last).to_have_text(HOSTILE)
    await expect(page.locator(f'[data-ts="{ts}"] th')).to_have_text(HOSTILE)
    assert await page.locator("article img, article script, #goldrush img, [onerror], a[href^=javascript]").count() == 0


async def test_a_reply_sent_to_the_channel_shows_in_both_places(sandbox: Sandbox, page: Page) -> None:
    ts = await bot_posts(sandbox, text="orders-eu failed")
    await bot_posts(sandbox, text="paging", thread_ts=ts)
    await bot_posts(sandbox, text="recovered", thread_ts=ts, reply_broadcast=True)

    await expect(page.locator("#conversation").get_by_test_id("message")).to_have_count(2)
    await page.get_by_test_id("thread-open").click()

    thread = page.get_by_test_id("thread")
    await expect(thread.get_by_test_id("message")).to_have_count(3)
    await expect(thread.get_by_test_id("message").last).to_contain_text("Also sent to the channel")
    await page.keyboard.press("Escape")
    await expect(thread).to_be_hidden()


async def test_typed_text_is_sent_and_can_be_recalled(sandbox: Sandbox, page: Page) -> None:
    composer = page.get_by_test_id("composer")
    for words in ("hello @bob", "again"):
        await composer.fill(words)
        await composer.press("Enter")
    await expect(page.get_by_test_id("message").last).to_contain_text("again")
    await expect(page.get_by_test_id("message").first).to_contain_text("hello @Bob Berg")

    await composer.press("ArrowUp")
    await composer.press("ArrowUp")
    await expect(composer).to_have_value("hello @bob")
    await composer.press("ArrowDown")
    await composer.press("ArrowDown")
    await expect(composer).to_have_value("")


async def test_a_command_without_a_bot_fails_as_in_slack(page: Page) -> None:
    await page.get_by_test_id("composer").fill("/pipeline list")
    await page.get_by_test_id("send").click()

    answer = page.get_by_test_id("message").last
    await expect(answer).to_contain_text("Only visible to you")
    await expect(answer).to_contain_text("dispatch_failed")
    await answer.get_by_test_id("dismiss").click()
    await expect(answer).to_have_count(0)


async def test_a_command_that_the_bot_does_not_take_in_time_fails_as_in_slack(sandbox: Sandbox, page: Page) -> None:
    """A bot that is frozen or still starting has an open socket that it does not read."""
    link = f"{sandbox.url}/link/{sandbox.slack.delivery.sockets.issue_ticket()}"
    async with aiohttp.ClientSession() as session, session.ws_connect(link):
        await expect(page.get_by_test_id("bot-state")).to_have_text("Bot connected (Socket Mode)")
        await page.get_by_test_id("composer").fill("/pipeline list")
        await page.get_by_test_id("composer").press("Enter")
        answer = page.get_by_test_id("message")
        await expect(answer).to_contain_text('/pipeline failed with the error "operation_timeout"')
        await expect(answer).to_contain_text("Only visible to you")


async def test_the_page_shows_the_state_of_the_bots_process(whole: Sandbox, page_of_whole: Page) -> None:
    page, bot = page_of_whole, whole.bot
    assert bot is not None
    state, story = page.get_by_test_id("bot-state"), page.get_by_test_id("bot-story")
    await expect(story).to_be_hidden()
    await strike(page, "bot", "killed")
    await bot.ended()
    await expect(state).to_have_text("Bot is down")
    await expect(story).to_have_text("Ended by kill -9")
    async with a_sleeper() as another:
        bot.started_again(another)
        await expect(state).to_have_text("Bot not connected")
        await expect(story).to_have_text("Ended by kill -9, is starting again \N{HORIZONTAL ELLIPSIS}")
        link = f"{whole.url}/link/{whole.slack.delivery.sockets.issue_ticket()}"
        async with aiohttp.ClientSession() as session, session.ws_connect(link):
            await expect(story).to_have_text("Ended by kill -9, is back")


async def test_the_drawer_moves_pipelines(sandbox: Sandbox, page: Page) -> None:
    orders = sandbox.goldrush.named("orders-eu")
    row = page.get_by_test_id(f"pipeline-{orders.id}")

    await row.get_by_test_id("set-FAILED").click()
    await expect(row.get_by_test_id("phase")).to_have_text("FAILED")
    await row.get_by_test_id("vanish").click()
    await expect(row.get_by_test_id("phase")).to_have_text("VANISHED")
    await row.get_by_test_id("appear").click()
    await row.get_by_test_id("fault").click()
    await page.locator('[data-fault="server_error"]').click()

    await sandbox.until(lambda: (orders.id, None) in sandbox.goldrush.faults)
    assert orders.id in sandbox.goldrush.pipelines


def ails_from(pipeline: Pipeline, slug: str) -> bool:
    return pipeline.trouble is not None and pipeline.trouble.cause.slug == slug


async def test_a_pipeline_fails_with_each_cause_that_its_menu_offers(sandbox: Sandbox, page: Page) -> None:
    orders = sandbox.goldrush.named("orders-eu")
    button = page.get_by_test_id(f"pipeline-{orders.id}").get_by_test_id("cause")
    for slug in fitting("postgres"):
        await button.click()
        item = page.locator(f'.menu [data-cause="{slug}"]').first
        assert (await item.inner_text()) != slug
        await item.click()
        await sandbox.until(partial(ails_from, orders, slug))
    await button.click()
    await page.locator(".menu").get_by_text("with a hostile log").click()
    await sandbox.until(lambda: orders.trouble and orders.trouble.log)
    await expect(button).to_have_attribute("title", "Ails from: unknown")


async def test_the_drawer_slows_a_pipeline_edits_it_and_holds_its_chain_back(sandbox: Sandbox, page: Page) -> None:
    orders, chains = sandbox.goldrush.named("orders-eu"), sandbox.goldrush.chains
    query = orders.query
    choose = menu_of(page, orders, "work")

    await choose("it stands still")
    await sandbox.until(lambda: orders.pace == 0)
    await choose("edits its transform")
    await sandbox.until(lambda: orders.query != query)
    await choose("is half an hour late at GoldRush")
    await sandbox.until(lambda: "matic-mainnet" in chains.late)
    await choose("is on time at GoldRush")
    await sandbox.until(lambda: not chains.late)
    assert (orders.phase, orders.pace) == ("RUNNING", 0)
    await choose("it is an hour behind, and falls further")
    await sandbox.until(lambda: orders.pace == 0.5)
    assert blocks_behind(sandbox, orders) == pytest.approx(3600 / 2.1, abs=3)
    await choose("it keeps up again")
    await sandbox.until(lambda: orders.pace == 1)
    assert blocks_behind(sandbox, orders) == 0
    await choose("wants it paused")
    await sandbox.until(lambda: orders.intent == "paused")
    assert orders.phase == "RUNNING"


async def test_the_drawer_plays_a_bounded_run(sandbox: Sandbox, page: Page) -> None:
    backfill = sandbox.goldrush.named("ETH backfill 2024")
    choose = menu_of(page, backfill, "work")
    at_sixty = FIRST_BLOCK + (LAST_BLOCK - FIRST_BLOCK) * 0.6

    await choose("runs again, from 60 % on")
    await sandbox.until(lambda: backfill.phase == "RUNNING" and backfill.work.height >= int(at_sixty))
    await expect(page.get_by_test_id(f"pipeline-{backfill.id}")).to_have_attribute("data-phase", "RUNNING")
    await choose("stops at 60 %")
    await sandbox.until(lambda: backfill.phase == "STOPPED")
    assert backfill.work.height == pytest.approx(at_sixty, abs=1000)


async def test_all_pipelines_of_a_destination_fail_at_once(sandbox: Sandbox, page: Page) -> None:
    goldrush = sandbox.goldrush
    await menu_of(page, goldrush.named("orders-eu"), "cause")("all 5 that write to postgres: it is unreachable")
    await sandbox.until(lambda: sum(pipeline.phase == "FAILED" for pipeline in goldrush.pipelines.values()) == 5)
    failed = [pipeline for pipeline in goldrush.pipelines.values() if pipeline.phase == "FAILED"]
    assert {pipeline.destination_type for pipeline in failed} == {"postgres"}
    assert all(ails_from(pipeline, "unreachable") for pipeline in failed)


async def test_the_drawer_uses_up_the_credits(sandbox: Sandbox, page: Page) -> None:
    await page.get_by_test_id("credits").click()
    await page.locator(".menu").get_by_text("are used up", exact=True).click()
    await sandbox.until(lambda: sandbox.goldrush.usage.is_over_limit)


async def test_only_the_demo_lets_time_pass(page: Page) -> None:
    """This sandbox has no bot whose time it could move."""
    await expect(page.get_by_test_id("pass").first).to_be_hidden()


def menu_of(page: Page, pipeline: Pipeline, menu: str) -> Callable[[str], Awaitable[None]]:
    button = page.get_by_test_id(f"pipeline-{pipeline.id}").get_by_test_id(menu)

    async def choose(words: str) -> None:
        await button.click()
        await page.locator(".menu").get_by_text(words, exact=True).click()

    return choose


def blocks_behind(sandbox: Sandbox, pipeline: Pipeline) -> float:
    source = sandbox.goldrush.source(pipeline)
    return source.head - pipeline.progress(sandbox.goldrush.now(), source).height


async def test_the_page_says_how_to_stop_the_demos_own_changes(sandbox: Sandbox, page: Page) -> None:
    await sandbox.set_scenario(running=True)
    welcome = page.get_by_test_id("welcome").locator(".meanwhile")
    await expect(welcome).to_contain_text("moves pipelines by itself")
    named = await welcome.locator("b").inner_text()

    await page.locator("#goldrush").get_by_role("button", name=named, exact=True, pressed=True).click()
    await expect(page.get_by_test_id("scenario")).to_have_attribute("aria-pressed", "false")
    assert not sandbox.scenario_running


async def test_another_persons_eyes(sandbox: Sandbox, page: Page) -> None:
    await page.get_by_test_id("channel-G0OPS").click()
    await expect(page.locator("#channel-header h2")).to_have_text("ops-private")

    await page.get_by_test_id("user-U0CAROL").click()

    await expect(page.get_by_test_id("channel-G0OPS")).to_have_count(0)
    await expect(page.locator("#channel-header h2")).to_have_text("#data-alerts")
    await bot_posts(sandbox, text="for <@U0CAROL>", channel="C0TEAM")
    await expect(page.get_by_test_id("channel-C0TEAM")).to_have_attribute("aria-label", "data-team, channel, 1 unread")


async def strike(page: Page, target: str, fault: str) -> None:
    await page.get_by_test_id(f"break-{target}").click()
    await page.locator(f'.menu [data-fault="{fault}"]').first.click()


async def test_a_sandbox_without_redis_and_bot_offers_the_other_faults(page: Page) -> None:
    for target, there in (("goldrush", 1), ("slack", 1), ("delivery", 1), ("redis", 0), ("bot", 0)):
        await expect(page.get_by_test_id(f"break-{target}").and_(page.locator(":visible"))).to_have_count(there)


@pytest.mark.parametrize("target", ["goldrush", "slack", "delivery", "redis", "bot"])
async def test_every_item_of_every_menu_is_a_fault_that_there_is(
    whole: Sandbox, page_of_whole: Page, target: str
) -> None:
    """The test chooses each fault once. The sandbox refuses none that the page offers."""
    page = page_of_whole
    button, items = page.get_by_test_id(f"break-{target}"), page.locator(".menu [data-fault]")
    whole.slack.join(ALERTS, "U0GIL")  # a payload to repeat
    await whole.until(lambda: whole.slack.delivery.log)
    await button.click()
    count = await items.count()
    assert count >= 8
    await page.keyboard.press("Escape")
    for number in range(count):
        await button.click()
        async with page.expect_response("**/sandbox/faults") as responded:
            await items.nth(number).click()
        answer = await responded.value
        assert answer.ok, answer.request.post_data
        async with httpx.AsyncClient() as client:
            await client.delete(f"{whole.url}/sandbox/faults")


async def test_an_active_fault_is_a_chip_with_a_text_and_can_be_fixed(whole: Sandbox, page_of_whole: Page) -> None:
    page = page_of_whole
    chips = page.locator(".faults li")
    for target, fault, words in (
        ("goldrush", "gzip_bomb", "GoldRush swells to 256 MB"),
        ("slack", "strip_metadata", "Slack posts without the metadata"),
        ("slack", "revoked", "Slack has revoked the bot\N{RIGHT SINGLE QUOTATION MARK}s token"),
        ("delivery", "twice", "Events come twice at once"),
        ("redis", "full", "Redis is out of memory"),
        ("bot", "frozen", "The bot stands still for 5 s"),
        ("bot", "killed", "The bot is killed"),
        ("bot", "off", "The bot\N{RIGHT SINGLE QUOTATION MARK}s clock is an hour ahead"),
    ):
        await strike(page, target, fault)
        await expect(chips).to_have_text([words])
        await page.get_by_role("button", name=f"Fix {words}").click()
        await expect(chips).to_have_count(0)
    await strike(page, "redis", "full")
    await strike(page, "goldrush", "flood")
    await page.get_by_test_id("fix-all").click()
    await expect(chips).to_have_count(0)


@pytest.mark.parametrize("faults", [0, 1])
async def test_on_a_laptop_the_whole_drawer_is_seen(sandbox: Sandbox, page: Page, faults: int) -> None:
    await page.set_viewport_size({"width": 1280, "height": 720})
    for _ in range(faults):
        await strike(page, "goldrush", "slow")
    await expect(page.get_by_test_id("fix-all").and_(page.locator(":visible"))).to_have_count(faults)
    await expect(page.locator(".pipeline")).to_have_count(len(sandbox.goldrush.pipelines))
    for part in (page.locator(".pipeline").last, page.locator(".drawer-note")):
        await expect(part).to_be_in_viewport(ratio=1)


async def test_on_a_phone_the_messages_have_the_width_and_the_drawer_opens_below(sandbox: Sandbox, page: Page) -> None:
    await bot_posts(
        sandbox, blocks=[section("orders-eu has FAILED since this morning, and nobody has looked at it yet.")]
    )
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.reload()
    message, drawer = page.get_by_test_id("message"), page.locator(".drawer-body")
    for part in (message, page.get_by_test_id("composer"), page.get_by_test_id(f"channel-{ALERTS}")):
        await expect(part).to_be_in_viewport(ratio=1)
    box = await message.bounding_box()
    assert box is not None
    assert box["width"] == 390
    await expect(drawer).to_be_hidden()
    bar = await page.locator(".drawer-head").bounding_box()
    assert bar is not None
    assert bar["height"] >= 44
    await page.mouse.click(bar["x"] + 60, bar["y"] + bar["height"] - 2)  # anywhere in the bar, not only its button
    await expect(drawer).to_be_visible()
    await strike(page, "goldrush", "slow")
    await expect(page.get_by_test_id("fix-all")).to_be_in_viewport(ratio=1)
    await expect(page.locator(".pipeline").first).to_be_in_viewport(ratio=1)
    await expect(page.get_by_test_id("composer")).to_be_in_viewport(ratio=1)


async def test_opening_a_thread_leaves_the_drawer(sandbox: Sandbox, page: Page) -> None:
    ts = await bot_posts(sandbox, text="orders-eu failed")
    await bot_posts(sandbox, text="orders-eu recovered", thread_ts=ts)
    await page.set_viewport_size({"width": 1024, "height": 720})
    await page.get_by_test_id("thread-open").click()
    for part in (page.get_by_test_id("thread"), page.locator("#goldrush")):
        await expect(part).to_be_in_viewport(ratio=1)


async def test_a_reply_that_all_see_names_its_thread_by_the_first_line(sandbox: Sandbox, page: Page) -> None:
    ts = await bot_posts(sandbox, text="orders-eu recovered\nFAILED from <!date^1790000000^{time}|noon UTC>")
    await bot_posts(sandbox, text="live again", thread_ts=ts, reply_broadcast=True)
    await expect(page.locator(".broadcast")).to_have_text("replied to a thread: orders-eu recovered")
    dated = await bot_posts(sandbox, text="recovered in <!date^1790000000^{date_num}|fallback>")
    await bot_posts(sandbox, text="live again", thread_ts=dated, reply_broadcast=True)
    await expect(page.locator(".broadcast").last).to_have_text("replied to a thread: recovered in 2026-09-21")
    long = await bot_posts(sandbox, text="o" * 61)
    await bot_posts(sandbox, text="live again", thread_ts=long, reply_broadcast=True)
    await expect(page.locator(".broadcast").last).to_have_text(f"replied to a thread: {'o' * 60}…")


async def test_scheduled_messages_are_one_line_of_their_channel_until_unfolded(sandbox: Sandbox, page: Page) -> None:
    channel = sandbox.slack.directory.channels[ALERTS]
    post_at = int(sandbox.clock.now()) + 600
    scheduled = [sandbox.slack.schedule(channel, Draft(text=f"Backup page {n}"), post_at + n, None) for n in range(3)]
    notice = page.get_by_test_id("scheduled")
    await expect(notice.locator("summary")).to_contain_text("3 scheduled messages, the next at")
    await expect(notice.get_by_text("Backup page 0")).to_be_hidden()
    await notice.locator("summary").click()
    await expect(notice.get_by_text("Backup page 0")).to_be_visible()
    sandbox.slack.unschedule(channel, scheduled[0].id)
    await expect(notice.locator("summary")).to_contain_text("2 scheduled messages")
    await expect(notice.get_by_text("Backup page 1")).to_be_visible()
    for message in scheduled[1:]:
        sandbox.slack.unschedule(channel, message.id)
    await expect(notice).to_have_count(0)


async def test_a_message_is_deleted_by_an_admin(sandbox: Sandbox, page: Page) -> None:
    await bot_posts(sandbox, text="orders-eu failed")
    message = page.get_by_test_id("message")
    await message.hover()
    await message.get_by_test_id("delete-message").click()
    await expect(message).to_have_count(0)
    assert sandbox.slack.messages(ALERTS) == []


async def test_if_the_channel_is_deleted_the_page_shows_another(sandbox: Sandbox, page: Page) -> None:
    await page.get_by_test_id("channel-menu").click()
    await page.locator('[data-action="make_read_only"]').click()
    await expect(page.locator("#notices")).to_contain_text("read-only")
    await page.get_by_test_id("channel-menu").click()
    await page.locator('[data-action="change_id"]').click()
    await expect(page.locator("#channel-header h2")).to_have_text("#general")
    await page.locator("#sidebar").get_by_text("data-alerts").click()
    await expect(page.locator("#channel-header h2")).to_have_text("#data-alerts")
    await page.get_by_test_id("channel-menu").click()
    await page.locator('[data-action="delete"]').click()
    await expect(page.locator("#channel-header h2")).to_have_text("#general")
    await expect(page.locator("#sidebar").get_by_text("data-alerts")).to_have_count(0)
