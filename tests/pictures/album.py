"""A page that shows all pictures of a directory side by side."""

from html import escape
from pathlib import Path

from tests.pictures.camera import WIDTHS

PHONE = min(WIDTHS)
HEAD = """<!doctype html>
<meta charset="utf-8">
<title>Pictures</title>
<style>
body { margin: 16px; background: #eee; font: 14px sans-serif; }
h2 { margin: 24px 0 4px; }
div { display: flex; gap: 16px; align-items: start; }
img { max-width: 70vw; background: #fff; }
</style>
"""


def write_album(into: Path) -> None:
    """Of what is there, so that a run of some scenes drops no picture of the others."""
    names = sorted(path.name.removesuffix(f"-{PHONE}.png") for path in into.glob(f"*-{PHONE}.png"))
    (into / "index.html").write_text(HEAD + "\n".join(_row(name) for name in names))


def _row(name: str) -> str:
    images = "".join(f'<img src="{name}-{width}.png" loading="lazy">' for width in WIDTHS)
    return f"<h2>{escape(name)}</h2><div>{images}</div>"
