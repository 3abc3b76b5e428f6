"""In the bot, a name means one thing: no two modules define the same class or public function."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
BOT = sorted((ROOT / "bot").rglob("*.py"))
PYTHON = [path for folder in ("bot", "sandbox", "bench", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
RIDDLE = re.compile(r"_(told|said|whoever|whom|befalls|anew)(_|$)|^test_(what|whatever|whoever|who|nobody)_")
VAGUE = {"told", "said", "asked", "those", "each", "kept", "gone", "whose", "whom", "heard"}


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text())))


def definitions(path: Path) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    module = nodes(path)[0]
    assert isinstance(module, ast.Module)
    for node in module.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def repeated(names: Iterator[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def types(path: Path) -> Iterator[str]:
    """The names of a module's classes and type aliases."""
    module = nodes(path)[0]
    assert isinstance(module, ast.Module)
    for node in module.body:
        match node:
            case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                if re.match("[A-Z][A-Za-z]*[a-z]", name):
                    yield name


def test_each_type_has_a_name_of_its_own() -> None:
    assert repeated(name for path in BOT for name in types(path)) == set()


def test_each_public_function_has_a_name_of_its_own() -> None:
    """The functions in `cli.py` have the names of their commands."""
    named = (
        node.name
        for path in BOT
        if path.name != "cli.py"
        for node in definitions(path)
        if not isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert repeated(named) == set()


def variables(path: Path) -> set[str]:
    stored = {node.id for node in nodes(path) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {node.arg for node in nodes(path) if isinstance(node, ast.arg)}


def test_no_variable_has_a_pronoun_or_participle_for_a_name() -> None:
    assert {str(path.relative_to(ROOT)): names for path in PYTHON if (names := variables(path) & VAGUE)} == {}


def test_no_test_is_named_as_a_riddle() -> None:
    names = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }
    assert sorted(name for name in names if RIDDLE.search(name)) == []
