"""What Slack tells of a choice in a select: the button's value stands elsewhere."""

from bot.slack.click import Click
from bot.slack.inbound.clicks import read_click
from bot.slack.render import action_ids
from bot.slack.render.blocks import value


def a_choice(chosen: object) -> dict[str, object]:
    """Shape: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload"""
    action = {
        "type": "static_select",
        "action_id": action_ids.ACKNOWLEDGE_ONE,
        "block_id": "group-1",
        "action_ts": "1.0",
        "selected_option": chosen,
        "placeholder": {"type": "plain_text", "text": "Acknowledge one"},
    }
    return {
        "type": "block_actions",
        "user": {"id": "U0ANN"},
        "channel": {"id": "C0ALERTS"},
        "container": {"type": "message", "message_ts": "2.0", "channel_id": "C0ALERTS"},
        "actions": [action],
    }


def test_the_click_carries_the_chosen_option() -> None:
    _, payload = read_click(
        a_choice({"text": {"type": "plain_text", "text": "orders-eu"}, "value": value(card="k" * 32)})
    )
    click = Click.from_payload(payload)
    assert (click.action, click.text("card")) == (action_ids.ACKNOWLEDGE_ONE, "k" * 32)


def test_an_invalid_choice_carries_nothing() -> None:
    for chosen in (None, "junk", {}, {"value": 7}, {"value": "junk"}):
        _, payload = read_click(a_choice(chosen))
        assert Click.from_payload(payload).text("card") == ""


def test_two_choices_in_one_message_are_two_clicks() -> None:
    one, other = a_choice({"value": value(card="a")}), a_choice({"value": value(card="b")})
    other["actions"][0]["action_ts"] = "1.1"  # type: ignore[index]  # a list of one
    assert read_click(one)[0] != read_click(other)[0]
