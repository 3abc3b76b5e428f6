"""The draft of a postmortem as Markdown, for a canvas of Slack. Pure.

Source: https://docs.slack.dev/surfaces/canvases . A canvas shows no time in the reader's zone, so times are in UTC.
"""

import re

from bot.domain.postmortem import Postmortem
from bot.domain.watch import ChannelId
from bot.slack.mrkdwn import plain_cut
from bot.slack.render.diagnosis import bare_error
from bot.slack.render.postmortem import draft_subject, postmortem_parts

LONGEST_TITLE = 100
_DATE = re.compile(r"<!date\^[^|<>]*\|([^<>]*)>")
_LINK = re.compile(r"<(https?://[^|<>]*)\|([^<>]*)>")
_BOLD = re.compile(r"\*([^*\n]+)\*")
# A canvas mentions `![](@U1)`: nothing from outside may become a link, a mention or a heading.
_ACTIVE = str.maketrans({"[": "⟦", "]": "⟧", "#": "＃", "<": "‹", ">": "›"})
_ENTITIES = {"&lt;": "‹", "&gt;": "›", "&amp;": "&"}
_CODE = re.compile(r"`+")


def canvas_title(postmortem: Postmortem) -> str:
    day = f"{postmortem.episode.opened_at:%Y-%m-%d}"
    return f"{plain_cut(f'Postmortem draft: {draft_subject(postmortem)}', LONGEST_TITLE)}, {day}"


def canvas_markdown(postmortem: Postmortem, conversation: ChannelId) -> str:
    diagnosis = postmortem.diagnosis
    error = bare_error(diagnosis) if diagnosis else ""
    parts = []
    for title, lines in postmortem_parts(postmortem, conversation):
        body = "\n".join(_listed(line) for line in lines)
        parts.append(f"## {title}\n\n{body}")
    if error:
        parts.insert(1, f"```\n{_CODE.sub('ˋ', ' '.join(error.split()))}\n```")
    return "\n\n".join(parts) + "\n"


def _listed(line: str) -> str:
    return f"* {_markdown(line.removeprefix('• '))}"


def _markdown(line: str) -> str:
    """A line of Slack's own markup as Markdown."""
    pieces, end = [], 0
    for found in _LINK.finditer(line := _DATE.sub(r"\1", line)):
        pieces += [_plain(line[end : found.start()]), f"[{_plain(found[2])}]({found[1]})"]
        end = found.end()
    return "".join([*pieces, _plain(line[end:])])


def _plain(text: str) -> str:
    for entity, letter in _ENTITIES.items():
        text = text.replace(entity, letter)
    return _BOLD.sub(r"**\1**", text.translate(_ACTIVE))
