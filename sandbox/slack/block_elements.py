"""The elements inside blocks.

https://docs.slack.dev/reference/block-kit/block-elements and https://docs.slack.dev/reference/block-kit/composition-objects
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, model_validator

from sandbox.slack.block_schema import (
    BY_TYPE,
    Blank2000,
    Blank3000,
    Form,
    Mrkdwn,
    PlainText,
    String5,
    String10,
    String30,
    String75,
    String100,
    String150,
    String255,
    String2000,
    String3000,
    Text75,
    Text300,
    need_one_of,
    refuse,
)

T = TypeVar("T")
Style = Literal["primary", "danger"]
UpTo10 = Annotated[list[T], Field(min_length=1, max_length=10)]
UpTo100 = Annotated[list[T], Field(min_length=1, max_length=100)]


class Confirm(Form):
    title: PlainText[String100]
    text: Text300
    confirm: PlainText[String30]
    deny: PlainText[String30]
    style: Style | None = None


class Option(Form):
    text: PlainText[String75]
    value: String150
    description: PlainText[String75] | None = None


class LinkOption(Option):
    url: String3000 | None = None


class RichOption(Form):
    text: Text75
    value: String150
    description: Text75 | None = None


class OptionGroup(Form):
    label: PlainText[String75]
    options: UpTo100[Option]


class Element(Form):
    action_id: String255 | None = None


class Confirmed(Element):
    confirm: Confirm | None = None


class Focusable(Confirmed):
    focus_on_load: bool | None = None


class Select(Focusable):
    placeholder: PlainText[String150] | None = None


class Button(Confirmed):
    type: Literal["button"]
    text: PlainText[String75]
    url: String3000 | None = None
    value: Blank2000 | None = None
    style: Style | None = None
    accessibility_label: String75 | None = None


class Overflow(Confirmed):
    type: Literal["overflow"]
    options: Annotated[list[LinkOption], Field(min_length=1, max_length=5)]


class Image(Form):
    type: Literal["image"]
    alt_text: String2000
    image_url: String3000 | None = None
    slack_file: Any = None

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        need_one_of(self, "image_url", "slack_file")
        return self


def need_known(chosen: Sequence[Form], options: Sequence[Form]) -> None:
    """An option that is chosen from the start equals one of the options."""
    if any(option not in options for option in chosen):
        raise refuse("initial option not found in the options")


class Listing(Select):
    options: UpTo100[Option] | None = None
    option_groups: UpTo100[OptionGroup] | None = None

    @property
    def all_options(self) -> list[Option]:
        return [*(self.options or ()), *(option for group in self.option_groups or () for option in group.options)]

    @model_validator(mode="after")
    def _has_options(self) -> Self:
        need_one_of(self, "options", "option_groups")
        return self


class StaticSelect(Listing):
    type: Literal["static_select"]
    initial_option: Option | None = None

    @model_validator(mode="after")
    def _begins_with_an_option(self) -> Self:
        need_known([self.initial_option] if self.initial_option else [], self.all_options)
        return self


class ExternalSelect(Select):
    type: Literal["external_select"]
    min_query_length: int | None = None
    initial_option: Option | None = None


class UsersSelect(Select):
    type: Literal["users_select"]
    initial_user: String255 | None = None


class ConversationsSelect(Select):
    type: Literal["conversations_select"]
    initial_conversation: String255 | None = None
    default_to_current_conversation: bool | None = None
    response_url_enabled: bool | None = None
    filter: Any = None


class ChannelsSelect(Select):
    type: Literal["channels_select"]
    initial_channel: String255 | None = None
    response_url_enabled: bool | None = None


class MultiSelect(Select):
    max_selected_items: int | None = None


class MultiStaticSelect(Listing, MultiSelect):
    type: Literal["multi_static_select"]
    initial_options: UpTo100[Option] | None = None

    @model_validator(mode="after")
    def _begins_with_options(self) -> Self:
        need_known(self.initial_options or (), self.all_options)
        return self


class MultiExternalSelect(MultiSelect):
    type: Literal["multi_external_select"]
    min_query_length: int | None = None
    initial_options: UpTo100[Option] | None = None


class MultiUsersSelect(MultiSelect):
    type: Literal["multi_users_select"]
    initial_users: UpTo100[String255] | None = None


class MultiConversationsSelect(MultiSelect):
    type: Literal["multi_conversations_select"]
    initial_conversations: UpTo100[String255] | None = None
    default_to_current_conversation: bool | None = None
    filter: Any = None


class MultiChannelsSelect(MultiSelect):
    type: Literal["multi_channels_select"]
    initial_channels: UpTo100[String255] | None = None


class DatePicker(Select):
    type: Literal["datepicker"]
    initial_date: String10 | None = None


class TimePicker(Select):
    type: Literal["timepicker"]
    initial_time: String5 | None = None
    timezone: String255 | None = None


class DatetimePicker(Focusable):
    type: Literal["datetimepicker"]
    initial_date_time: int | None = None


class Checkboxes(Focusable):
    type: Literal["checkboxes"]
    options: UpTo10[RichOption]
    initial_options: UpTo10[RichOption] | None = None

    @model_validator(mode="after")
    def _begins_with_options(self) -> Self:
        need_known(self.initial_options or (), self.options)
        return self


class RadioButtons(Focusable):
    type: Literal["radio_buttons"]
    options: UpTo10[RichOption]
    initial_option: RichOption | None = None

    @model_validator(mode="after")
    def _begins_with_an_option(self) -> Self:
        need_known([self.initial_option] if self.initial_option else [], self.options)
        return self


class Typed(Element):
    placeholder: PlainText[String150] | None = None
    focus_on_load: bool | None = None
    dispatch_action_config: Any = None


class TextInput(Typed):
    type: Literal["plain_text_input"]
    initial_value: Blank3000 | None = None
    multiline: bool | None = None
    min_length: int | None = None
    max_length: int | None = None


class AddressInput(Typed):
    type: Literal["email_text_input", "url_text_input"]
    initial_value: Blank3000 | None = None


class NumberInput(Typed):
    type: Literal["number_input"]
    is_decimal_allowed: bool
    initial_value: String255 | None = None
    min_value: String255 | None = None
    max_value: String255 | None = None


Choosing = (
    StaticSelect
    | ExternalSelect
    | UsersSelect
    | ConversationsSelect
    | ChannelsSelect
    | DatePicker
    | TimePicker
    | Checkboxes
    | RadioButtons
)
ChoosingMany = (
    MultiStaticSelect | MultiExternalSelect | MultiUsersSelect | MultiConversationsSelect | MultiChannelsSelect
)

SectionAccessory = Annotated[Button | Overflow | Image | Choosing | ChoosingMany, BY_TYPE]
InActions = Annotated[Button | Overflow | Choosing | DatetimePicker, BY_TYPE]
InContext = Annotated[Image | PlainText[String3000] | Mrkdwn[String3000], BY_TYPE]
InInput = Annotated[TextInput | AddressInput | NumberInput | Choosing | DatetimePicker | ChoosingMany, BY_TYPE]
