"""YAML files with their lines kept, and what is said about what is wrong in them.

A file is composed to nodes, which know their lines, and read to plain values from there: numbers stay numbers, so that a
number where a text is meant can be complained about in the words the author wrote (`5.10`, not 5.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import BaseConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

Place = tuple[str | int | float, ...]
"""The way to a place in a file: keys and numbers of lines. A float is a key that YAML reads as a number."""

_TEXT = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong in a pack, where, and what would be right. Line 0 is the file as a whole."""

    file: Path
    line: int
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return "\n    ".join([f"{where}: {self.message}", *self.remedy.splitlines()])


def did_you_mean(word: object, known: Iterable[str]) -> str:
    similar = nearest(word, known)
    return f'Did you mean "{similar}"?' if similar else ""


def nearest(word: object, known: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(str(word), list(known), n=1)), None)


def listed(what: str, known: Iterable[str], word: object = "", limit: int = 24) -> str:
    """`Clauses here: 5.1, 5.2. Did you mean "5.2"?`"""
    names = list(known)
    if not names:
        return f"{what}: none."
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{what}: {', '.join(names[:limit])}{more}. {did_you_mean(word, names)}".rstrip()


@dataclass
class Source:
    """One YAML file: its plain `value`, the line of every place in it, and what kept it from being read."""

    file: Path
    value: Any = None
    problems: list[Problem] = field(default_factory=list)
    text: str = ""
    _root: Node | None = None
    _is_own: bool = False
    _scalars: BaseConstructor | None = None

    @classmethod
    def read(cls, file: Path) -> Source:
        """Never raises: what cannot be read has no value, and a problem."""
        source = cls(file)
        try:
            text = file.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            source.complain(
                (), f"{file.name} is missing.", "Add it; docs/reference/pack-format.md says what stands in it."
            )
        except OSError as error:
            source.complain((), f"this file cannot be read: {error.strerror}.", "See to its permissions.")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            source.problems.append(Problem(file, line, "this file is not written in UTF-8.", "Save it as UTF-8."))
        else:
            source.text = text
            source._compose(text)
        return source

    def _compose(self, text: str) -> None:
        self._scalars = YAML(typ="safe", pure=True).constructor
        try:
            self._root = _composed(text)
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            self.problems.append(Problem(self.file, line, *_syntax(error.problem or "", error.context or "")))
        except ReaderError as error:
            line = text[: error.position].count("\n") + 1
            self.problems.append(Problem(self.file, line, "a control character stands here.", "Delete it."))
        except YAMLError as error:
            self.complain((), f"this file is no YAML: {error}.")
        self.value = self._plain(self._root, (), self.problems) if self._root else None
        if self._root is None and not self.problems:
            self.complain((), f"{self.file.name} is empty.", "docs/reference/pack-format.md says what stands in it.")

    def complain(self, path: Place, message: str, remedy: str = "") -> None:
        self.problems.append(self.problem(path, message, remedy))

    def problem(self, path: Place, message: str, remedy: str = "") -> Problem:
        return Problem(self.file, self.line_of(path), message, remedy)

    def line_of(self, path: Place) -> int:
        """The line of that place, or of the nearest place around it that is written down."""
        node = self._root
        if node is None:
            return 0
        line = int(node.start_mark.line) + 1 if path else 1
        for step in path:
            found = _child(node, step)
            if found:
                line, node = int(found[0].start_mark.line) + 1, found[1]
            elif not isinstance(step, int):  # a short form has no line of its own: `next: a` for `next: [{to: a}]`
                break
        return line

    def is_cut_short(self, path: Place, text: str) -> bool:
        """Whether YAML took the rest of a line for a comment."""
        lines = self.text.splitlines()[self.line_of(path) - 1 :]
        return bool(lines) and f"{text} #" in lines[0]

    def written(self, path: Place) -> str | None:
        """The scalar at that place as the author wrote it."""
        node = self._node(path)
        return str(node.value) if isinstance(node, ScalarNode) else None

    def written_key(self, path: Place) -> str | None:
        pair = self._pair(path)
        return str(pair[0].value) if pair else None

    # What a remedy says can be done at once, so that one mistake does not hide what comes after it.

    def quote(self, path: Place) -> bool:
        """5.10 -> "5.10"."""
        self._own()
        parent, pair = self._node(path[:-1]), self._pair(path)
        if pair is None or not isinstance(pair[1], ScalarNode):
            return False
        self._replace(parent, pair, (pair[0], _text_like(pair[1], str(pair[1].value))))
        return True

    def rename(self, path: Place, key: str | None = None) -> bool:
        """Give a key another name, or its own as a text."""
        self._own()
        parent, pair = self._node(path[:-1]), self._pair(path)
        if pair is None or not isinstance(parent, MappingNode):
            return False
        self._replace(parent, pair, (_text_like(pair[0], key or str(pair[0].value)), pair[1]))
        return True

    def drop(self, path: Place) -> bool:
        self._own()
        parent, pair = self._node(path[:-1]), self._pair(path)
        if pair is None or not isinstance(parent, MappingNode):
            return False
        parent.value = [kept for kept in parent.value if kept is not pair]
        self._reread()
        return True

    def translate(self, path: Place) -> bool:
        """A text that stands alone, or in one language, taken for both."""
        self._own()
        parent, pair = self._node(path[:-1]), self._pair(path)
        if pair is None:
            return False
        key, node = pair
        texts = dict(_text_pairs(node))
        some = next(iter(texts.values()), node if isinstance(node, ScalarNode) else _text_like(node, "…"))
        both = [(_text_like(node, language), texts.get(language, some)) for language in ("zh", "en")]
        self._replace(parent, pair, (key, MappingNode("tag:yaml.org,2002:map", both, node.start_mark, node.end_mark)))
        return True

    def _own(self) -> None:
        """Nodes are shared by all who read the same text, until one mends them."""
        if not self._is_own:
            self._root, self._is_own = deepcopy(self._root), True

    def _replace(self, parent: Node | None, old: tuple[Node, Node], new: tuple[Node, Node]) -> None:
        if isinstance(parent, MappingNode):
            parent.value = [new if pair is old else pair for pair in parent.value]
        elif isinstance(parent, SequenceNode):
            parent.value = [new[1] if node is old[1] else node for node in parent.value]
        self._reread()

    def _reread(self) -> None:
        self.value = self._plain(self._root, (), [])

    def _node(self, path: Place) -> Node | None:
        node = self._root
        for step in path:
            found = _child(node, step)
            if found is None:
                return None
            node = found[1]
        return node

    def _pair(self, path: Place) -> tuple[Node, Node] | None:
        return _child(self._node(path[:-1]), path[-1]) if path else None

    # -- reading

    def _plain(self, node: Node | None, above: tuple[Node, ...], problems: list[Problem]) -> Any:
        if node in above:
            problems.append(_at(self.file, node, "an alias stands inside what it names.", "Write it out."))
            return None
        above = (*above, node)  # type: ignore[arg-type]
        match node:
            case MappingNode():
                return self._mapping(node, above, problems)
            case SequenceNode():
                return [self._plain(line, above, problems) for line in node.value]
            case ScalarNode():
                return self._scalar(node, problems)
        return None

    def _mapping(self, node: MappingNode, above: tuple[Node, ...], problems: list[Problem]) -> dict[Any, Any]:
        plain: dict[Any, Any] = {}
        lines: dict[Any, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                problems.append(_at(self.file, key_node, "a key is one word.", "Put a text with brackets in quotes."))
                continue
            key = self._scalar(key_node, problems)
            if key in plain:
                message = f'"{key_node.value}" stands here twice; the first is in line {lines[key]}.'
                problems.append(_at(self.file, key_node, message, "Delete one, or rename it."))
                continue
            lines[key] = key_node.start_mark.line + 1
            plain[key] = self._plain(value_node, above, problems)
        return plain

    def _scalar(self, node: ScalarNode, problems: list[Problem]) -> Any:
        assert self._scalars is not None
        if str(node.tag) == _MERGE:
            return "<<"
        try:
            return self._scalars.construct_object(node, deep=True)
        except YAMLError:
            problems.append(_at(self.file, node, f"the tag {node.tag} is not used here.", "Delete it."))
        except ValueError as error:
            problems.append(_at(self.file, node, f"`{node.value}` is no date: {error}.", "Write it as 2025-01-31."))
        return str(node.value)


@lru_cache(maxsize=64)
def _composed(text: str) -> Node | None:
    """Composing is by far the slowest part, and the files of a pack are read again and again while one of them changes."""
    root: Node | None = YAML(typ="safe", pure=True).compose(text)
    return root


def _child(node: Node | None, step: str | int | float) -> tuple[Node, Node] | None:
    """Key and value at that step; in a list both are the line."""
    if isinstance(node, MappingNode):
        return next((pair for pair in node.value if _same(pair[0], step)), None)
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _same(key: Node, step: str | int | float) -> bool:
    if not isinstance(key, ScalarNode):
        return False
    is_text = str(key.tag) == _TEXT
    if key.value == str(step) and not (is_text and isinstance(step, float)):
        return True
    if is_text:
        return False
    try:  # 5.10 is known to the checks as 5.1
        return float(str(key.value).replace("_", "")) == float(step)
    except ValueError:
        return False


def _text_like(node: Node, text: str) -> ScalarNode:
    return ScalarNode(_TEXT, text, node.start_mark, node.end_mark)


def _text_pairs(node: Node) -> list[tuple[str, Node]]:
    return [(str(key.value), value) for key, value in node.value] if isinstance(node, MappingNode) else []


def _at(file: Path, node: Node | None, message: str, remedy: str) -> Problem:
    return Problem(file, node.start_mark.line + 1 if node else 0, message, remedy)


def _syntax(problem: str, context: str) -> tuple[str, str]:
    if "\\t" in problem:
        return "a tab stands where the line is indented.", "Indent with blanks."
    if "mapping values are not allowed" in problem:
        return "a colon stands where none may.", 'Put a text that holds ": " in quotes, or mend the indentation.'
    if "undefined alias" in problem:
        return f"this file is no YAML: {problem}.", "A text that begins with * stands in quotes."
    if "another document" in problem:
        return "a second document begins here.", "Delete the line `---`."
    if "end of stream" in problem:
        return f"this file is no YAML: {context}, {problem}.", "Close the quotation mark or bracket."
    words = ", ".join(filter(None, (context, problem)))
    return (
        f"this file is no YAML: {words}.",
        "Look at the indentation, brackets and quotation marks here and just above.",
    )
