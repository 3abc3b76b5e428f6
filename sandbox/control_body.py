"""The fields of a control request, each checked when it is read."""

from sandbox.slack.wire import JsonObject


class Body:
    """A request's JSON. A field of the wrong kind raises ValueError."""

    def __init__(self, fields: JsonObject) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        value = self.maybe_text(name)
        if value is None:
            raise ValueError(f"{name} is missing")
        return value

    def maybe_text(self, name: str) -> str | None:
        value = self._fields.get(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} must be text")
        return value

    def maybe_number(self, name: str, *, negative: bool = False) -> float | None:
        value = self._fields.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or (value < 0 and not negative):
            raise ValueError(f"{name} must be a number" + ("" if negative else ", not below 0"))
        return value

    def maybe_count(self, name: str) -> int | None:
        """None and 0 both mean no limit."""
        number = self.maybe_number(name)
        if number is not None and number != int(number):
            raise ValueError(f"{name} must be a whole number")
        return int(number) if number else None

    def mapping(self, name: str) -> JsonObject:
        value = self._fields.get(name) or {}
        if not isinstance(value, dict) or not all(isinstance(inner, dict) for inner in value.values()):
            raise ValueError(f"{name} must be an object of objects")
        return value

    @property
    def fields(self) -> JsonObject:
        return self._fields
