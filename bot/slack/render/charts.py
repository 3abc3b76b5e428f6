"""Charts: Slack's block for them, and the same as text for a workspace that refuses it. Pure.

Source: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
"""

from collections.abc import Mapping, Sequence

from bot.slack.mrkdwn import plain_cut
from bot.slack.render.blocks import Block, section

CHART = "data_visualization"
TITLE_LIMIT = 50
LABEL_LIMIT = 20
MOST_BARS = 20
BAR_LENGTH = 20  # characters, for the largest value: a phone shows about 35


def percent_bars(title: str, series: str, points: Sequence[tuple[str, float]]) -> Block:
    """A bar for each point: its label, and a share from 0 to 100. Labels must differ."""
    shown = [(plain_cut(label, LABEL_LIMIT), round(value, 1)) for label, value in points[-MOST_BARS:]]
    data = [{"label": label, "value": value} for label, value in shown]
    return {
        "type": CHART,
        "title": plain_cut(title, TITLE_LIMIT),
        "chart": {
            "type": "bar",
            "series": [{"name": plain_cut(series, LABEL_LIMIT), "data": data}],
            "axis_config": {"categories": [label for label, _ in shown], "y_label": "%"},
        },
    }


def has_chart(blocks: Sequence[Block]) -> bool:
    return any(block["type"] == CHART for block in blocks)


def without_charts(blocks: Sequence[Block]) -> list[Block]:
    """The blocks with text bars in place of charts."""
    return [_as_text(block) if block["type"] == CHART else block for block in blocks]


def _as_text(block: Block) -> Block:
    """The bars of `percent_bars`, in a font in which all characters have one width."""
    points = _points(block["chart"])
    width = max((len(label) for label, _ in points), default=0)
    lines = [
        f"{label:<{width}} {'█' * round(share * BAR_LENGTH / 100):░<{BAR_LENGTH}} {share:g} %"
        for label, share in points
    ]
    return section("\n".join([f"*{block['title']}*", "```", *lines, "```"]))


def _points(chart: object) -> list[tuple[str, float]]:
    series = chart.get("series") if isinstance(chart, Mapping) else None
    first = series[0] if isinstance(series, list) and series else {}
    return [(str(point["label"]), float(point["value"])) for point in first.get("data", ())]
