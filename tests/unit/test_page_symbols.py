"""The demo's page draws each symbol that the bot writes: some machines have no emoji font."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHORTCODE = re.compile(r"""["' (]:([a-z][a-z_]+):(?=["' ])""")


def test_the_page_draws_each_symbol_of_the_bot() -> None:
    sources = (ROOT / "bot" / "slack").rglob("*.py")
    written = {name for source in sources for name in SHORTCODE.findall(source.read_text())}
    drawn = re.findall(r"^  (\w+): [\[A-Z]", (ROOT / "sandbox/page/symbols.js").read_text(), re.MULTILINE)
    circles = re.findall(r'(\w+): "#', (ROOT / "sandbox/page/emoji.js").read_text())
    assert len(written) > 20
    assert written - {*drawn, *circles} == set()
