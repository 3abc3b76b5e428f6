"""Checks Block Kit's shapes: pydantic finds the faults, and this file words them as Slack does.

A complaint ends with a JSON pointer to its place.
"""

from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

String5 = Annotated[str, Field(min_length=1, max_length=5)]
String10 = Annotated[str, Field(min_length=1, max_length=10)]
String20 = Annotated[str, Field(min_length=1, max_length=20)]
String24 = Annotated[str, Field(min_length=1, max_length=24)]
String30 = Annotated[str, Field(min_length=1, max_length=30)]
String50 = Annotated[str, Field(min_length=1, max_length=50)]
String75 = Annotated[str, Field(min_length=1, max_length=75)]
String100 = Annotated[str, Field(min_length=1, max_length=100)]
String150 = Annotated[str, Field(min_length=1, max_length=150)]
String255 = Annotated[str, Field(min_length=1, max_length=255)]
String300 = Annotated[str, Field(min_length=1, max_length=300)]
String2000 = Annotated[str, Field(min_length=1, max_length=2000)]
String3000 = Annotated[str, Field(min_length=1, max_length=3000)]
Blank255 = Annotated[str, Field(max_length=255)]
Blank2000 = Annotated[str, Field(max_length=2000)]
Blank3000 = Annotated[str, Field(max_length=3000)]
"""`Blank…` may be empty."""

Fault = tuple[str, list[str | int]]
"""A complaint, and the steps to its place."""

S = TypeVar("S", bound=str)


class Form(BaseModel):
    """An object with these fields and no others. A field that is null counts as absent."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        optional = {field.alias or name for name, field in cls.model_fields.items()} - {"type"}
        return {name: value for name, value in given.items() if value is not None or name not in optional}


class PlainText(Form, Generic[S]):
    type: Literal["plain_text"]
    text: S
    emoji: bool | None = None


class Mrkdwn(Form, Generic[S]):
    type: Literal["mrkdwn"]
    text: S
    verbatim: bool | None = None


BY_TYPE = Field(discriminator="type")
Text75 = Annotated[PlainText[String75] | Mrkdwn[String75], BY_TYPE]
Text300 = Annotated[PlainText[String300] | Mrkdwn[String300], BY_TYPE]
Text2000 = Annotated[PlainText[String2000] | Mrkdwn[String2000], BY_TYPE]
Text3000 = Annotated[PlainText[String3000] | Mrkdwn[String3000], BY_TYPE]


def refuse(complaint: str) -> PydanticCustomError:
    """For rules about more than one field."""
    return PydanticCustomError("rule", "{complaint}", {"complaint": complaint})


def need_one_of(form: Form, first: str, second: str) -> None:
    if (getattr(form, first) is None) == (getattr(form, second) is None):
        raise refuse(f"must provide either {first} or {second}")


def complaints(form: TypeAdapter[Any], value: object, root: str) -> list[str]:
    """Everything that Slack would complain about."""
    try:
        form.validate_python(value)
    except ValidationError as error:
        return [complaint(*_said(fault, value), root) for fault in error.errors(include_url=False)]
    return []


def complaint(problem: str, place: list[str | int], root: str) -> str:
    pointer = "".join(f"/{step}" for step in place)
    return f"{problem} [json-pointer:{root}{pointer}]"


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "bool_type": lambda _: "must be a boolean",
    "float_type": lambda _: "must be a number",
    "greater_than": lambda about: f"must be more than {about['gt']:g}",
    "int_type": lambda _: "must be an integer",
    "string_type": lambda _: "must be a string",
    "string_too_short": lambda about: f"must be more than {about['min_length'] - 1} characters",
    "string_too_long": lambda about: f"must be less than {about['max_length'] + 1} characters",
    "list_type": lambda _: "must provide an array",
    "too_short": lambda about: f"no fewer than {about['min_length']} items allowed",
    "too_long": lambda about: f"no more than {about['max_length']} items allowed",
    "literal_error": lambda _: "must be a valid enum value",
    "union_tag_not_found": lambda _: "missing required field: type",
    "rule": lambda about: str(about["complaint"]),
}


def _not_an_object(_: dict[str, Any]) -> str:
    return "must provide an object"


def _said(fault: ErrorDetails, value: object) -> Fault:
    steps, about = fault["loc"], fault.get("ctx", {})
    match fault["type"]:
        case "missing":
            return f"missing required field: {steps[-1]}", _place(steps[:-1], value)
        case "extra_forbidden":
            return f"invalid additional property: {steps[-1]}", _place(steps[:-1], value)
        case "literal_error" if steps[-1] == "type":
            return f"unsupported type: {fault['input']}", _place(steps, value)
        case "union_tag_invalid":
            return f"unsupported type: {about['tag']}", [*_place(steps, value), "type"]
        case known:
            return _WORDS.get(known, _not_an_object)(about), _place(steps, value)


def _place(steps: tuple[str | int, ...], value: Any) -> list[str | int]:
    """Pydantic's steps without the names of the forms that it chose by `type`."""
    place: list[str | int] = []
    form_named = False
    for step in steps:
        if isinstance(value, dict) and value.get("type") == step and not form_named:
            form_named = True
            continue
        place.append(step)
        form_named = False
        inside = (isinstance(value, dict) and step in value) or isinstance(value, list)
        value = value[step] if inside else None
    return place
