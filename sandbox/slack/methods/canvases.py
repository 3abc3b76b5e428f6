"""canvases.*: https://docs.slack.dev/reference/methods/canvases.create"""

from sandbox.slack.canvases import MOST_CHARACTERS, Canvas
from sandbox.slack.methods.call import Arguments, Method
from sandbox.slack.wire import JsonObject, SlackError
from sandbox.slack.workspace import Workspace


def create(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """A canvas as a tab of a channel. Without a channel, a free team gets none."""
    canvases, channel = workspace.canvases, arguments.text("channel_id") or ""
    content = arguments.json_object("document_content")
    if not canvases.enabled:
        raise SlackError("canvas_disabled_user_team")
    if channel and channel not in workspace.directory.channels:
        raise SlackError("channel_not_found")
    if canvases.is_free_team and not channel:
        raise SlackError("free_teams_cannot_create_non_tabbed_canvases")
    if canvases.is_free_team and any(canvas.channel == channel for canvas in canvases.made):
        raise SlackError("free_team_canvas_tab_already_exists")
    markdown = content.get("markdown")
    if content.get("type") != "markdown" or not isinstance(markdown, str) or len(markdown) > MOST_CHARACTERS:
        raise SlackError("canvas_creation_failed")
    number = len(canvases.made) + 1
    canvas = Canvas(id=f"F0CANVAS{number}", channel=channel, title=arguments.text("title") or "", markdown=markdown)
    canvases.made.append(canvas)
    return {"canvas_id": canvas.id}


METHODS = {"canvases.create": Method(run=create, scope="canvases:write")}
