"""What can stand inside blocks.

https://docs.slack.dev/reference/block-kit/block-elements and https://docs.slack.dev/reference/block-kit/composition-objects
"""

from sandbox.slack.block_schema import (
    Check,
    anything,
    by_type,
    exactly_one,
    flag,
    listed,
    mrkdwn_or_plain,
    number,
    one_of,
    plain_text,
    shape,
    string,
)

MOST_OPTIONS = 100
_STYLE = one_of("primary", "danger")
_CONFIRM = shape(
    {"title": plain_text(100), "text": mrkdwn_or_plain(300), "confirm": plain_text(30), "deny": plain_text(30)},
    {"style": _STYLE},
)


def _option(text: Check, description: Check, *, with_url: bool = False) -> Check:
    optional = {"description": description} | ({"url": string(3000)} if with_url else {})
    return shape({"text": text, "value": string(150)}, optional)


_CHOICE = _option(plain_text(75), plain_text(75))
_LINK_CHOICE = _option(plain_text(75), plain_text(75), with_url=True)
_RICH_CHOICE = _option(mrkdwn_or_plain(75), mrkdwn_or_plain(75))
_CHOICES = listed(_CHOICE, most=MOST_OPTIONS)
_GROUPS = listed(shape({"label": plain_text(75), "options": _CHOICES}), most=MOST_OPTIONS)


def _element(required: dict[str, Check] | None = None, **optional: Check) -> Check:
    return shape({"type": anything, **(required or {})}, {"action_id": string(255), **optional})


def _select(required: dict[str, Check] | None = None, **optional: Check) -> Check:
    return _element(required, placeholder=plain_text(150), confirm=_CONFIRM, focus_on_load=flag, **optional)


_BUTTON = _element(
    {"text": plain_text(75)},
    url=string(3000),
    value=string(2000, least=0),
    style=_STYLE,
    confirm=_CONFIRM,
    accessibility_label=string(75),
)
_STATIC = exactly_one(
    "options", "option_groups", _select(options=_CHOICES, option_groups=_GROUPS, initial_option=_CHOICE)
)
_SELECTS = {
    "static_select": _STATIC,
    "external_select": _select(min_query_length=number, initial_option=_CHOICE),
    "users_select": _select(initial_user=string(255)),
    "conversations_select": _select(
        initial_conversation=string(255),
        default_to_current_conversation=flag,
        response_url_enabled=flag,
        filter=anything,
    ),
    "channels_select": _select(initial_channel=string(255), response_url_enabled=flag),
}
_INITIAL_CHOICES = listed(_CHOICE, most=MOST_OPTIONS)
_IDS = listed(string(255), most=MOST_OPTIONS)
_MULTI_SELECTS = {
    "multi_static_select": exactly_one(
        "options",
        "option_groups",
        _select(options=_CHOICES, option_groups=_GROUPS, initial_options=_INITIAL_CHOICES, max_selected_items=number),
    ),
    "multi_external_select": _select(
        min_query_length=number, initial_options=_INITIAL_CHOICES, max_selected_items=number
    ),
    "multi_users_select": _select(initial_users=_IDS, max_selected_items=number),
    "multi_conversations_select": _select(
        initial_conversations=_IDS,
        default_to_current_conversation=flag,
        filter=anything,
        max_selected_items=number,
    ),
    "multi_channels_select": _select(initial_channels=_IDS, max_selected_items=number),
}
_RICH_CHOICES = {"options": listed(_RICH_CHOICE, most=10)}
_PICKERS = {
    "datepicker": _select(initial_date=string(10)),
    "timepicker": _select(initial_time=string(5), timezone=string(255)),
    "datetimepicker": _element(initial_date_time=number, confirm=_CONFIRM, focus_on_load=flag),
    "checkboxes": _element(
        _RICH_CHOICES, initial_options=listed(_RICH_CHOICE, most=10), confirm=_CONFIRM, focus_on_load=flag
    ),
    "radio_buttons": _element(_RICH_CHOICES, initial_option=_RICH_CHOICE, confirm=_CONFIRM, focus_on_load=flag),
}
_OVERFLOW = _element({"options": listed(_LINK_CHOICE, most=5)}, confirm=_CONFIRM)
_IMAGE = exactly_one(
    "image_url",
    "slack_file",
    shape({"type": anything, "alt_text": string(2000)}, {"image_url": string(3000), "slack_file": anything}),
)
_TYPED = {"placeholder": plain_text(150), "focus_on_load": flag, "dispatch_action_config": anything}
_ENTRIES = {
    "plain_text_input": _element(
        None, **_TYPED, initial_value=string(3000, least=0), multiline=flag, min_length=number, max_length=number
    ),
    "email_text_input": _element(None, **_TYPED, initial_value=string(3000, least=0)),
    "url_text_input": _element(None, **_TYPED, initial_value=string(3000, least=0)),
    "number_input": _element(
        {"is_decimal_allowed": flag},
        **_TYPED,
        initial_value=string(255),
        min_value=string(255),
        max_value=string(255),
    ),
}

SECTION_ACCESSORY = by_type(
    {"button": _BUTTON, "overflow": _OVERFLOW, "image": _IMAGE, **_SELECTS, **_MULTI_SELECTS, **_PICKERS}
)
IN_ACTIONS = by_type({"button": _BUTTON, "overflow": _OVERFLOW, **_SELECTS, **_PICKERS})
IN_CONTEXT = by_type(
    {
        "image": _IMAGE,
        "plain_text": mrkdwn_or_plain(3000),
        "mrkdwn": mrkdwn_or_plain(3000),
    }
)
IN_INPUT = by_type({**_ENTRIES, **_SELECTS, **_MULTI_SELECTS, **_PICKERS})
