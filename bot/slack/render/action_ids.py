"""The names of our buttons: what Slack sends back when one is clicked."""

ACKNOWLEDGE = "acknowledge"
ACKNOWLEDGE_ALL = "acknowledge_all"
ACKNOWLEDGE_ONE = "acknowledge_one"
REFRESH = "refresh"
UNWATCH = "unwatch"
SHARE = "share"
PREVIOUS = "previous"
NEXT = "next"
CONFIRM = "confirm"
UNDO = "undo"
STOP_PAGING = "stop_paging"
STOP_ALL_PAGING = "stop_all_paging"
LINK = "platform"  # opens an address; Slack tells of the click all the same, and wants it acknowledged

ALL = (
    ACKNOWLEDGE,
    ACKNOWLEDGE_ALL,
    ACKNOWLEDGE_ONE,
    REFRESH,
    UNWATCH,
    SHARE,
    PREVIOUS,
    NEXT,
    CONFIRM,
    UNDO,
    STOP_PAGING,
    STOP_ALL_PAGING,
    LINK,
)
