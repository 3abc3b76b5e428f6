"""What to do next, on the card of a failure: a link that shows where it leads, and a plain sentence."""

import json
from dataclasses import replace

import pytest

from bot.domain.card import Group
from bot.domain.episode import Episode, EpisodeKind, EpisodeOutcome
from bot.domain.note import Guidance, Note, NoteKind, address_problem
from bot.domain.watch import ChannelId
from bot.slack.render.note_words import guidance_lines, note_text
from tests.builders import ALERTS, ANN, a_card, a_pipeline, an_episode, at
from tests.unit.rendering import says, shown, tells_all, valid


def a_note(text: str, kind: NoteKind = NoteKind.NOTE, by_name: str = "Ann Araya") -> Note:
    return Note(kind=kind, reference="orders-*", text=text, by=ANN, by_name=by_name, at=at(0))


BOTH = Guidance(
    runbook=a_note("https://Wiki.Example.com/Orders/?a=1&b=2#x", NoteKind.RUNBOOK),
    note=a_note("Restart the sink first"),
)
OPEN = replace(a_card(), guidance=BOTH)


@pytest.mark.parametrize("card", [OPEN, replace(OPEN, channel=ChannelId("D0ANN"))])
def test_an_open_failure_shows_runbook_and_note(card: object) -> None:
    message = tells_all(shown(card))  # type: ignore[arg-type]  # two cards
    assert "Runbook: <https://Wiki.Example.com/Orders/?a=1&amp;b=2#x|wiki.example.com/Orders>" in message.text
    assert "“Restart the sink first” — Ann Araya" in message.text


def over(outcome: EpisodeOutcome) -> Episode:
    return replace(an_episode(), closed_at=at(9), outcome=outcome)


@pytest.mark.parametrize("episode", [over(EpisodeOutcome.UNWATCHED), an_episode(EpisodeKind.DEPLOYMENT)])
def test_a_card_without_a_failure_or_a_watch_shows_no_notes(episode: Episode) -> None:
    text = shown(replace(OPEN, episode=episode)).text
    assert "Runbook" not in text
    assert "sink" not in text


@pytest.mark.parametrize("outcome", [EpisodeOutcome.RECOVERED, EpisodeOutcome.ON_PURPOSE])
def test_a_failure_that_is_over_keeps_runbook_and_note_in_small_print(outcome: EpisodeOutcome) -> None:
    card = replace(OPEN, episode=over(outcome))
    group = Group(key="s" * 32, channel=ALERTS, cards=(card, replace(card, pipeline=a_pipeline("orders-us"))))
    for message in (tells_all(shown(card)), tells_all(shown(group))):
        small = [block for block in message.blocks if block["type"] == "context"]
        assert "Runbook: " in str(small)
        assert "“Restart the sink first”" in str(small)
        assert str(message.blocks).count("Runbook: ") == 1


@pytest.mark.parametrize(
    "text",
    [
        "<!channel> wake up",
        "<@U0BOB> look",
        "<https://evil.example/login|Open in GoldRush>",
        "*bold* _it_ ~gone~ `code` :rotating_light:",
        "one\ntwo\r\nthree",
        "turned \u202e round",
        "&lt;!here&gt;",
        "x" * 300,
        "<" * 300,
    ],
)
def test_a_note_is_shown_as_plain_text(text: str) -> None:
    card = replace(a_card(), guidance=Guidance(note=a_note(text, by_name="<!here> *Ann*")))
    message = valid(shown(card))
    (note_line,) = [line for line in says(message) if line.startswith(":memo:")]
    assert "\n" not in note_line
    assert "*" not in note_line
    assert "`" not in note_line


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("https://wiki.example.com", "<https://wiki.example.com|wiki.example.com>"),
        ("http://10.0.0.1:8080/x/", "<http://10.0.0.1:8080/x/|10.0.0.1:8080/x>"),
        ("https://evil.example/goldrush.dev", "<https://evil.example/goldrush.dev|evil.example/goldrush.dev>"),
        ("https://xn--80ak6aa92e.com/", "<https://xn--80ak6aa92e.com/|xn--80ak6aa92e.com>"),
    ],
)
def test_a_link_shows_the_host_that_it_opens(address: str, link: str) -> None:
    assert address_problem(address) == ""
    assert note_text(a_note(address, NoteKind.RUNBOOK)) == link


@pytest.mark.parametrize(
    "address",
    [
        "",
        "wiki.example.com/x",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "slack://open",
        "https://",
        "https://goldrush.dev@evil.example/",
        "https://goldrush.dev:x@evil.example/",
        "https://goldrush.dev\\@evil.example/",
        "https://a.example/b c",
        "https://a.example/|https://b.example",
        "https://a.example/>",
        "https://a.example/\u202e",
        "https://gоldrush.dev/",
        "https://[::1",
        "https://a.example:99999/",
        "https://a.example/" + "x" * 500,
    ],
)
def test_a_misleading_runbook_address_is_refused(address: str) -> None:
    assert address_problem(address)


def test_a_card_holds_the_longest_notes() -> None:
    long = Guidance(
        runbook=a_note("https://w.example/" + "a" * 480, NoteKind.RUNBOOK), note=a_note("&" * 300, by_name="&" * 80)
    )
    assert len(guidance_lines(long)) == 2
    message = shown(replace(a_card(), guidance=long))
    assert len(json.dumps(message.blocks)) < 13_000
