"""The button *Stop paging me*: takes one person off the watches that paged them, or off all watches."""

from dataclasses import replace

from bot.domain.answer import StopPagingAnswer
from bot.domain.observation import PipelineId
from bot.domain.watch import Watch
from bot.slack.click import Click
from bot.slack.feature import Button, Feature, Reply, Request
from bot.slack.mrkdwn import code, date, outside
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, actions, button, confirmation, section, sections, value
from bot.slack.render.paging import MOST_WATCHES, left_lines


async def _stop(click: Click, request: Request) -> Reply:
    stops = request.services.requests.stops
    named = [PipelineId(word) for word in f"{click.text('pipeline')} {click.text('pipelines')}".split()]
    of_group = await stops.pipelines_of(click.group) if click.group else ()
    return _answered(await stops.stop(click.user, [*named, *of_group]), request)


async def _stop_all(click: Click, request: Request) -> Reply:
    answer = await request.services.requests.stops.stop(click.user, None)
    return replace(_answered(answer, request), replace=True)


def _answered(answer: StopPagingAnswer, request: Request) -> Reply:
    return Reply(blocks=stop_blocks(answer, request.services.render_context.command))


def stop_blocks(answer: StopPagingAnswer, command: str) -> list[Block]:
    named = ", ".join(f"*{outside(pipeline.name)}*" for pipeline in answer.pipelines[:MOST_WATCHES])
    about = f" when {named} {'fails' if len(answer.pipelines) == 1 else 'fail'}" if named else ""
    if not answer.stopped:
        head = f"No watch pages you{about}. Nothing was changed."
    else:
        others = [watch for watch in answer.stopped if watch.made_by != answer.by]
        makers = ", ".join(dict.fromkeys(_made(watch) for watch in others[:MOST_WATCHES]))
        notified = f" I'll tell the people who set this up: {makers}." if makers else ""
        head = f":no_bell: I no longer page you{about}.{notified}"
    off = [f"You're off {line}" for line in left_lines(answer.stopped, answer.covers, answer.by, to_person=True)]
    blocks = sections(
        [
            head,
            *off,
            *_still_paging(answer, command),
            "User groups, here and channel can still mention you in channels.",
        ]
    )
    return [*blocks, *_others(answer)]


def _still_paging(answer: StopPagingAnswer, command: str) -> list[str]:
    """What else pages the person, and the command or button that changes each."""
    lines = [
        f"• The policy *{outside(name)}*. {code(f'{command} policy {name}')} shows how to change its steps. "
        "*Edit a policy* on my Home tab changes it too."
        for name in answer.policies
    ]
    lines += [
        f"• The schedule *{outside(name)}*. {code(f'{command} oncall give {name} to @someone until 18:00')} gives a "
        "shift away. *Edit a schedule* on my Home tab takes you out."
        for name in answer.schedules
    ]
    lines += [
        f"• You shadow *{outside(row.schedule)}* until {date(row.end, '{time} {date_short_pretty}')}, set by "
        f"{phrases.person(row.made_by_name)}: you get copies of its pages. "
        f"{code(f'{command} shadow {row.schedule} me none')} ends that."
        for row in answer.shadows
    ]
    if not lines:
        return []
    more = [f"… and {len(lines) - MOST_WATCHES:,} more"] if len(lines) > MOST_WATCHES else []
    head = "These still page you, and only a person changes them, since others rely on them:"
    return ["\n".join([head, *lines[:MOST_WATCHES], *more])]


def _others(answer: StopPagingAnswer) -> list[Block]:
    if not answer.others:
        return []
    watches = "1 other watch still pages" if answer.others == 1 else f"{answer.others} other watches still page"
    confirm_all = confirmation(
        "Stop all pages?", "No watch will page you. The people who set them up get a message.", "Stop all pages"
    )
    stop_all = button(action_ids.STOP_ALL_PAGING, "Stop all pages", value(all=True), confirm=confirm_all)
    return [section(f"{watches} you."), *actions(f"stop-{answer.at.timestamp():.6f}", stop_all)]


def _made(watch: Watch) -> str:
    return f"{phrases.person(watch.made_by_name)} in {phrases.conversation(watch.channel, 'their')}"


FEATURE = Feature(
    buttons={
        action_ids.STOP_PAGING: Button(press=_stop),
        action_ids.STOP_ALL_PAGING: Button(press=_stop_all),
    }
)
