from bot.slack.render.blocks import section
from bot.slack.render.charts import has_chart, percent_bars, without_charts
from sandbox.slack.blocks import check_message

POINTS = [(f"{day} Nov", 100.0 - day) for day in range(1, 15)]


def test_slack_takes_a_chart_of_any_length() -> None:
    many = [(f"a long label of day {number}", 99.94) for number in range(30)]
    for points in (POINTS, POINTS[:1]):
        assert check_message([dict(percent_bars("t" * 80, "s" * 30, points))]) == []
    assert len(percent_bars("title", "live", many)["chart"]["axis_config"]["categories"]) == 20  # type: ignore[index]


def test_text_bars_have_the_same_numbers() -> None:
    chart = percent_bars("Live", "live", [("9 Nov", 100.0), ("10 Nov", 50.0), ("11 Nov", 0.0)])
    (block,) = without_charts([chart])
    text = block["text"]["text"]  # type: ignore[index]
    assert text == (
        "*Live*\n```\n"
        "9 Nov  ████████████████████ 100 %\n"
        "10 Nov ██████████░░░░░░░░░░ 50 %\n"
        "11 Nov ░░░░░░░░░░░░░░░░░░░░ 0 %\n"
        "```"
    )


def test_other_blocks_stay() -> None:
    blocks = [section("one"), percent_bars("Live", "live", POINTS), section("two")]
    assert has_chart(blocks)
    plainer = without_charts(blocks)
    assert not has_chart(plainer)
    assert (plainer[0], plainer[2]) == (blocks[0], blocks[2])
