"""The button *Draft postmortem* of a card whose failure has recovered, and of a group whose failures are over."""

from bot.domain.answer import RefusalAnswer
from bot.requests.postmortems import PostmortemAnswer
from bot.slack.click import Click
from bot.slack.feature import Button, Feature, Reply, Request
from bot.slack.features.acknowledge import on_its_card
from bot.slack.render import action_ids
from bot.slack.render.blocks import section

_GOES_ON = RefusalAnswer(
    reason="This failure has not recovered, so I drafted nothing.",
    hint="Its card gets the button again when it recovers.",
)
_GROUP_GOES_ON = RefusalAnswer(
    reason="A failure of this group goes on, or none has recovered, so I drafted nothing.",
    hint="Each one that recovered has *Draft postmortem* in its menu behind *Show all*.",
)
_UNKNOWN_CARD = RefusalAnswer(
    reason="I no longer know this failure, so I drafted nothing.",
    hint="I keep a card for 30 days after its end. `history` shows what is left.",
)
_CANVAS_IN_DOUBT = (
    ":memo: I'm posting the draft in this card's thread, without a canvas. My first attempt was interrupted: if it "
    "made a canvas, that is a tab of this channel. Keep one of them."
)


async def press_postmortem(click: Click, request: Request) -> Reply:
    """Everyone in the conversation sees the draft. It quotes the log, so only people who may see a log can ask."""
    return await _draft(click, request, of_group=False)


async def press_group_postmortem(click: Click, request: Request) -> Reply:
    return await _draft(click, request, of_group=True)


async def _draft(click: Click, request: Request, *, of_group: bool) -> Reply:
    if refusal := await request.services.permissions.to_see_log(request.asker):
        return request.refused(refusal)
    name = await request.services.permissions.name(request.asker)
    postmortems = request.services.requests.postmortems
    draft, key = (postmortems.draft_group, click.group) if of_group else (postmortems.draft, click.text("card"))
    match await draft(click.channel, key, by_name=name):
        case PostmortemAnswer.DRAFTED:
            return Reply(blocks=[section(":memo: I'm posting the draft in this card's thread.")])
        case PostmortemAnswer.DRAFTED_BEFORE:
            return Reply(blocks=[section(":memo: The draft is in this card's thread already. Nothing was changed.")])
        case PostmortemAnswer.CANVAS_IN_DOUBT:
            return Reply(blocks=[section(_CANVAS_IN_DOUBT)])
        case PostmortemAnswer.FAILURE_GOES_ON:
            return request.refused(_GROUP_GOES_ON if of_group else _GOES_ON)
        case PostmortemAnswer.CARD_UNKNOWN:
            return request.refused(_UNKNOWN_CARD)


FEATURE = Feature(buttons={action_ids.POSTMORTEM: Button(press=on_its_card(press_postmortem))})
