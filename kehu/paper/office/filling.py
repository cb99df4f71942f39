"""A Word or Excel template: looked through when it is uploaded, filled when it is asked for. The one way in to this folder."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils.translation import gettext_lazy as _

from kehu.core.files import FileRefused
from kehu.core.refusals import AgainstTheRule
from kehu.paper.signers import Words

from .document import Document, NotUnderstood, loops_in
from .package import Kind, Package
from .placeholders import PLACEHOLDER, Found, Name, Names, at, find, nearest
from .values import Source
from .workbook import MOST, TooManyRows, Workbook

LARGEST = 10 * 2**20
"""Octets of a template's file."""


MOST_NAMES = 1_000
_SUGGESTIONS = 50
"""So many unknown names are compared with those there are; a file with more has other troubles."""


class TooManyPlaceholders(FileRefused):
    code = "template.too_many"
    message = _("“{name}” has more than {limit} different placeholders. Split it into several files.")


class TemplateTooLarge(FileRefused):
    code = "template.file_too_large"
    status = 413
    message = _("“{name}” is too large: a template may have at most {limit} MB. Make its pictures smaller.")


class TagNotUnderstood(FileRefused):
    code = "template.tag"
    message = _(
        "“{name}”: the tag “{tag}” is not understood. There are {{%tr for row in table %}} and {{%p if name %}}, each with its end; "
        "docs/howto/customer-templates.md shows them."
    )


class NothingToFill(FileRefused):
    code = "template.empty"
    message = _(
        "“{name}” has no placeholders such as {{{{ number }}}}. Write them where values belong, save it and choose it again."
    )


class GrowsTooLong(AgainstTheRule):
    code = "template.too_long"
    message = _("“{name}” would have more than {limit} rows when filled. Name fewer tables in it.")


@dataclass(frozen=True)
class Line:
    """A placeholder of a template: its words, where it stands, and what it names."""

    words: str
    where: str
    name: Name | None = None
    meant: str = ""
    """Where it names nothing: what is spelled nearly so."""
    title: Words = field(default_factory=dict)
    """What it stands for, with what that is a part of."""

    @property
    def written(self) -> str:
        return f"{{{{ {self.words} }}}}"


@dataclass(frozen=True)
class Report:
    kind: Kind
    lines: list[Line]
    tables: list[Name]
    """Tables for whose rows rows are repeated."""

    @property
    def unknown(self) -> list[Line]:
        return [line for line in self.lines if line.name is None]

    @property
    def language(self) -> str:
        """The language it is written in, as far as its placeholders tell."""
        return "zh" if any(letter > "⺀" for line in self.lines for letter in line.words) else "en"


def examined(content: bytes, name: str, names: Names, sample: Source) -> Report:
    """What a template asks for. It is filled once with a sample, so that what cannot be filled is refused now and not when it is
    needed."""
    book = _opened(content, name)
    texts = list(book.texts())
    try:
        aliases = loops_in((text for _where, text in texts), names) if isinstance(book, Document) else {}
    except NotUnderstood as error:
        raise TagNotUnderstood(name=name, tag=error.tag) from error
    lines: dict[str, Line] = {}
    tables: dict[str, Name] = {}
    unknown = 0
    for where, text in texts:
        for words in PLACEHOLDER.findall(text):
            if words in lines:
                continue
            found = find(words, names, aliases)
            unknown += found is None
            lines[words] = _line(words, where, found, names, suggests=unknown <= _SUGGESTIONS)
            if found and found.table and (table := at(names, found.table)):
                tables[table.key] = table
        if len(lines) > MOST_NAMES:
            raise TooManyPlaceholders(name=name, limit=f"{MOST_NAMES:,}")
    if not lines:
        raise NothingToFill(name=name)
    filled(content, name, sample)
    return Report(book.package.kind, list(lines.values()), list(tables.values()))


def _line(words: str, where: str, found: Found | None, names: Names, *, suggests: bool) -> Line:
    if found is None:
        return Line(words, where, meant=nearest(words, names) if suggests else "")
    path = [found.path[: place + 1] for place, piece in enumerate(found.path) if isinstance(piece, str)]
    above = [name for name in (at(names, one) for one in path) if name]
    title = {short: " · ".join(str(name.title[short]) for name in above) for short in ("zh", "en")}
    return Line(words, where, found.name, title=title)


def filled(content: bytes, name: str, source: Source) -> bytes:
    book = _opened(content, name)
    try:
        book.fill(source)
    except TooManyRows as error:
        raise GrowsTooLong(name=name, limit=f"{MOST:,}") from error
    except NotUnderstood as error:
        raise TagNotUnderstood(name=name, tag=error.tag) from error
    return book.package.packed()


def _opened(content: bytes, name: str) -> Workbook | Document:
    package = Package(content, name)
    return Workbook(package) if package.kind == "xlsx" else Document(package)
