"""The step table drawn as these documents print it: flowchart | responsibility | forms, one row a step, in the order it is written.

What goes on to the next row is a straight arrow; what skips rows runs down on the right; what goes back runs up on the left. Functions of
plain values: lines, boxes and texts with their places. A template makes SVG of them, a style sheet their look.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from kehu.engine.definitions import Procedure

BOX = 196.0
LINE = 17.0
PORT = 17.0
GAP = 34.0
LANE = 13.0
LABEL = 140.0
COLUMN = 232.0
MARGIN = 14.0
HEAD = 34.0
SIZE, SMALL = 13.0, 11.0

Side = Literal["down", "right", "left"]


@dataclass(frozen=True)
class Edge:
    source: int
    target: int
    label: str
    is_late: bool = False
    """Taken by the clock, not by a person."""

    @property
    def side(self) -> Side:
        if self.target == self.source + 1:
            return "down"
        return "right" if self.target > self.source else "left"

    @property
    def span(self) -> tuple[int, int]:
        return min(self.source, self.target), max(self.source, self.target)


@dataclass(frozen=True)
class Line:
    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Box:
    key: str
    kind: str
    """task, decision, auto, wait, end; `beside` for what runs next to the flow."""
    x: float
    y: float
    width: float
    height: float
    lines: tuple[Line, ...]

    @property
    def outline(self) -> str:
        """A decision has pointed sides, an end round ones."""
        x, y, w, h = self.x, self.y, self.width, self.height
        if self.kind == "decision":
            return (
                f"M{x + 12},{y} H{x + w - 12} L{x + w},{y + h / 2} L{x + w - 12},{y + h} H{x + 12} L{x},{y + h / 2} Z"
            )
        r = h / 2 if self.kind == "end" else 4
        return (
            f"M{x + r},{y} H{x + w - r} A{r},{r} 0 0 1 {x + w},{y + r} V{y + h - r} A{r},{r} 0 0 1 {x + w - r},{y + h} "
            f"H{x + r} A{r},{r} 0 0 1 {x},{y + h - r} V{y + r} A{r},{r} 0 0 1 {x + r},{y} Z"
        )

    @property
    def right(self) -> float:
        return self.x + self.width

    def edge_at(self, y: float, side: Side) -> float:
        """Where its outline is at that height: the sides of a decision slope."""
        inset = 12 * abs(y - self.y - self.height / 2) / (self.height / 2) if self.kind == "decision" else 0.0
        return self.right - inset if side == "right" else self.x + inset


@dataclass(frozen=True)
class Arrow:
    path: str
    label: str
    full: str
    x: float
    y: float
    is_back: bool
    is_late: bool
    is_end_anchored: bool = False


@dataclass(frozen=True)
class Row:
    y: float
    height: float
    responsibility: tuple[Line, ...] = ()
    forms: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Chart:
    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    rows: tuple[Row, ...]
    columns: tuple[float, float]
    """Where responsibility and forms begin."""


@dataclass(frozen=True)
class Beside:
    """What stands beside a step."""

    responsibility: Sequence[str] = field(default=())
    forms: Sequence[str] = field(default=())


# --- texts ------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16_384)
def text_width(text: str, size: float) -> float:
    """About how wide: Chinese characters are square, others a little more than half."""
    if text.isascii():
        return size * 0.56 * len(text)
    return sum(size if unicodedata.east_asian_width(letter) in "WF" else size * 0.56 for letter in text)


def wrapped(text: str, width: float, size: float = SIZE) -> list[str]:
    """Lines that fit: between words in English, anywhere in Chinese.

    >>> wrapped("Approve the complaint sheet", 100)
    ['Approve the', 'complaint', 'sheet']
    """
    lines, line = [], ""
    for piece in _pieces(text):
        if line and text_width((line + piece).rstrip(), size) > width:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _pieces(text: str) -> Iterable[str]:
    word = ""
    for letter in text:
        if word and (
            unicodedata.category(letter) in ("Po", "Pe", "Pf") or unicodedata.category(word[-1]) in ("Ps", "Pi")
        ):
            word += letter  # closing marks stay with what they close, opening ones with what they open
        elif unicodedata.east_asian_width(letter) in "WF":
            if word:
                yield word
            word = letter
        elif letter == " ":
            yield word + letter
            word = ""
        else:
            if word and (unicodedata.east_asian_width(word[-1]) in "WF" or word[-1] == "”"):
                yield word
                word = ""
            word += letter
    if word:
        yield word


def shortened(text: str, width: float, size: float = SMALL) -> str:
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


# --- edges ------------------------------------------------------------------------------------------------------------


def edges(procedure: Procedure, language: str, late: str) -> list[Edge]:
    """Where the steps lead. Outcomes that lead to the same step are one arrow; `late` is the word on what the clock opens."""
    at = {key: index for index, key in enumerate(procedure.steps)}
    found: dict[tuple[int, int, bool], list[str]] = {}
    for key, step in procedure.steps.items():
        outcomes = step.all_outcomes()
        for outcome in outcomes.values():
            words = outcome.title.in_(language) if len(outcomes) > 1 else ""
            for branch in outcome.next:
                if branch.target in at:
                    labels = found.setdefault((at[key], at[branch.target], False), [])
                    if words and words not in labels:
                        labels.append(words)
        for opened in [watch.opens for watch in step.watch]:
            if opened in at:
                found.setdefault((at[key], at[opened], True), []).append(late)
    return [Edge(source, target, " / ".join(labels), by_clock) for (source, target, by_clock), labels in found.items()]


def lanes(side: Iterable[Edge]) -> dict[Edge, int]:
    """A lane for each, short ones inside; two that pass the same row never share one."""
    taken: list[list[tuple[int, int]]] = []
    found: dict[Edge, int] = {}
    for edge in sorted(side, key=lambda edge: (edge.span[1] - edge.span[0], edge.span)):
        first, last = edge.span
        lane = 0
        while lane < len(taken) and any(first <= end and start <= last for start, end in taken[lane]):
            lane += 1
        if lane == len(taken):
            taken.append([])
        taken[lane].append((first, last))
        found[edge] = lane
    return found


# --- the drawing ------------------------------------------------------------------------------------------------------


def lay_out(procedure: Procedure, beside: Mapping[str, Beside], language: str, late: str) -> Chart:
    drawn = edges(procedure, language, late)
    right = lanes(edge for edge in drawn if edge.side == "right")
    left = lanes(edge for edge in drawn if edge.side == "left")
    left_room = (
        (LABEL if any(edge.label for edge in left) else 22.0) + LANE * (max(left.values(), default=-1) + 1)
        if left
        else 0
    )
    right_room = (LABEL if any(edge.label for edge in right) else 22.0) + LANE * (max(right.values(), default=-1) + 1)
    x = MARGIN + left_room
    first_column = x + BOX + (right_room if right else 0) + MARGIN * 2
    columns = (first_column, first_column + COLUMN)

    boxes: list[Box] = []
    rows: list[Row] = []
    y = HEAD
    for index, (key, step) in enumerate(procedure.steps.items()):
        titles = wrapped(step.title.in_(language), BOX - 34)
        words = beside.get(key, Beside())
        duties = [line for text in words.responsibility for line in wrapped(text, COLUMN - 24, 12)]
        papers = [line for text in words.forms for line in wrapped(text, COLUMN - 24, 12)]
        ports = max(
            sum(index in (edge.source, edge.target) for edge in right),
            sum(index in (edge.source, edge.target) for edge in left),
        )
        height = max(len(titles) * LINE + 16, (ports + 1) * PORT, 36)
        content = max(height, len(duties) * LINE + 6, len(papers) * LINE + 6)
        top = y + 10 + (content - height) / 2
        text_top = top + (height - len(titles) * LINE) / 2 + LINE - 4.5
        boxes.append(
            Box(
                key=key,
                kind=_kind(procedure, key),
                x=x,
                y=top,
                width=BOX,
                height=height,
                lines=tuple(Line(x + BOX / 2, text_top + n * LINE, text) for n, text in enumerate(titles)),
            )
        )
        rows.append(
            Row(
                y=y,
                height=content + GAP,
                responsibility=_block(columns[0] + 12, y + 10, duties),
                forms=_block(columns[1] + 12, y + 10, papers),
            )
        )
        y += content + GAP
    arrows = [_down(edge, boxes, columns[0]) for edge in drawn if edge.side == "down"]
    arrows += _sideways(right, boxes, "right") + _sideways(left, boxes, "left")
    return Chart(columns[1] + COLUMN, y + 4, tuple(boxes), tuple(arrows), tuple(rows), columns)


def _block(x: float, y: float, texts: list[str]) -> tuple[Line, ...]:
    return tuple(Line(x, y + LINE * (n + 1) - 4, text) for n, text in enumerate(texts))


def _kind(procedure: Procedure, key: str) -> str:
    step = procedure.steps[key]
    if step.beside:
        return "beside"
    if (
        step.kind == "task"
        and len({branch.target for outcome in step.outcomes.values() for branch in outcome.next}) > 1
    ):
        return "decision"
    return step.kind


def _down(edge: Edge, boxes: list[Box], limit: float) -> Arrow:
    above, below = boxes[edge.source], boxes[edge.target]
    x = above.x + BOX / 2
    top, bottom = above.y + above.height, below.y
    return Arrow(
        path=f"M{x:g},{top:g} V{bottom:g}",
        label=shortened(edge.label, limit - x - 24),
        full=edge.label,
        x=x + 7,
        y=(top + bottom) / 2 + 3,
        is_back=False,
        is_late=edge.is_late,
    )


def _sideways(placed: Mapping[Edge, int], boxes: list[Box], side: Side) -> list[Arrow]:
    ports = _ports(placed, boxes, side)
    sign = 1 if side == "right" else -1
    room = LABEL if any(edge.label for edge in placed) else 22.0
    arrows = []
    for edge, lane in placed.items():
        source, target = boxes[edge.source], boxes[edge.target]
        out, into = ports[edge, "out"], ports[edge, "in"]
        start, end = source.edge_at(out, side), target.edge_at(into, side)
        edge_x = source.right if side == "right" else source.x
        turn = edge_x + sign * (room + LANE * lane)
        arrows.append(
            Arrow(
                path=f"M{start:g},{out:g} H{turn:g} V{into:g} H{end:g}",
                label=shortened(edge.label, room - 14),
                full=edge.label,
                x=edge_x + sign * 8,
                y=out - 4,
                is_back=side == "left",
                is_late=edge.is_late,
                is_end_anchored=side == "left",
            )
        )
    return arrows


def _ports(placed: Mapping[Edge, int], boxes: list[Box], side: Side) -> dict[tuple[Edge, str], float]:
    """Where arrows leave and enter a side of each box, in the order in which none crosses another.

    On the right, what comes from above enters first, inner lanes first; what goes down leaves below it, outer lanes first.
    On the left it is the other way round: what goes up leaves first.
    """
    found: dict[tuple[Edge, str], float] = {}
    for index, box in enumerate(boxes):
        entering = sorted((edge for edge in placed if edge.target == index), key=lambda edge: placed[edge])
        leaving = sorted((edge for edge in placed if edge.source == index), key=lambda edge: placed[edge])
        if side == "right":
            order = [(edge, "in") for edge in entering] + [(edge, "out") for edge in reversed(leaving)]
        else:
            order = [(edge, "out") for edge in leaving] + [(edge, "in") for edge in reversed(entering)]
        step = box.height / (len(order) + 1)
        for n, place in enumerate(order, start=1):
            found[place] = box.y + step * n
    return found
