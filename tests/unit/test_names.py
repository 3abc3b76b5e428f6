"""In the bot, a name means one thing: no two modules define the same class or public function."""

import ast
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
BOT = sorted((ROOT / "bot").rglob("*.py"))
PYTHON = [path for folder in ("bot", "sandbox", "bench", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
TYPE = re.compile(r"^(?:class |(?=\w+ = ))([A-Z][A-Za-z]*[a-z])\b", re.MULTILINE)
"""A class, or a type that got another name."""
FUNCTION = re.compile(r"^(?:async )?def ([a-z]\w*)", re.MULTILINE)
TEST = re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE)
RIDDLE = re.compile(r"_(told|said|whoever|whom|befalls|anew)(_|$)|^test_(what|whatever|whoever|who|nobody)_")
VAGUE = {"told", "said", "asked", "those", "each", "kept", "gone", "whose", "whom", "heard"}
VAGUE_WORD = re.compile(rf"\b({'|'.join(sorted(VAGUE))})\b")


def names(pattern: re.Pattern[str], paths: Iterable[Path]) -> list[str]:
    return [name for path in paths for name in pattern.findall(path.read_text())]


def repeated(found: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(found).items() if count > 1}


def test_each_type_has_a_name_of_its_own() -> None:
    assert repeated(names(TYPE, BOT)) == set()


def test_each_public_function_has_a_name_of_its_own() -> None:
    """The functions in `cli.py` have the names of their commands."""
    assert repeated(names(FUNCTION, (path for path in BOT if path.name != "cli.py"))) == set()


def variables(source: str) -> set[str]:
    nodes = list(ast.walk(ast.parse(source)))
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)}


def test_no_variable_has_a_pronoun_or_participle_for_a_name() -> None:
    sources = {str(path.relative_to(ROOT)): path.read_text() for path in PYTHON}
    suspects = {name: source for name, source in sources.items() if VAGUE_WORD.search(source)}
    assert {name: vague for name, source in suspects.items() if (vague := variables(source) & VAGUE)} == {}


def test_no_test_is_named_as_a_riddle() -> None:
    found = names(TEST, (ROOT / "tests").rglob("test_*.py"))
    assert sorted(name for name in found if RIDDLE.search(name)) == []
