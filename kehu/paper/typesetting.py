"""The one door to typst: a template and its data, set as PDF.

The data goes in beside the template as `data.json`; nothing a person typed is ever part of the template. Whatever typst warns of is an
error of ours: an unknown font would print squares, and nobody looks at a page before it is signed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typst
from django.conf import settings

from kehu.procedures.layouts import misuses

from .glyphs import printable

FONT = "Noto Sans SC"
_LAYOUTS = Path(__file__).parent


class PaperError(RuntimeError):
    """The page cannot be set: a font is missing, or the layout is wrong."""


def typeset(
    layout: str,
    data: Mapping[str, Any],
    *,
    now: datetime,
    files: Mapping[str, bytes] | None = None,
    pictures: Mapping[str, bytes] | None = None,
    own_layout: str = "",
    as_images: bool = False,
) -> list[bytes]:
    """One PDF, or the pages as PNG. `own_layout` is a procedure's own `print.typ`; it may import ours."""
    if found := next(misuses(own_layout), None):
        raise PaperError(f"line {found.line}: {found.message} {found.remedy}")
    sources: dict[str, bytes] = {
        **{path.name: path.read_bytes() for path in _LAYOUTS.glob("*.typ")},
        **(files or {}),
        "data.json": json.dumps(_cleaned(data), ensure_ascii=False).encode(),
    }
    sources["main.typ"] = own_layout.encode() if own_layout else sources[layout]
    try:
        made, warnings = _compiled(sources, pictures or {}, as_images, now)
    except typst.TypstError as error:
        where = "print.typ" if own_layout else layout
        raise PaperError(f"{where} cannot be set: {_words(error)}") from error
    if warnings:
        raise PaperError("; ".join(_words(warning) for warning in warnings))
    return list(made) if isinstance(made, list) else [made]


def can_be_set(picture: bytes) -> bool:
    """Whether typst can read the picture; what a camera or a browser calls one may be broken."""
    try:
        _compiled({"main.typ": b'#image("picture")'}, {"picture": picture}, False, datetime.now(UTC))
    except typst.TypstError:
        return False
    return True


def _compiled(
    sources: Mapping[str, bytes], pictures: Mapping[str, bytes], as_images: bool, now: datetime
) -> tuple[Any, list[typst.TypstWarning]]:
    """Texts go in from memory. Pictures cannot, so they lie in a folder of their own, and nothing else on the disk can be read."""
    with TemporaryDirectory(prefix="kehu-paper-") as folder:
        for name, picture in pictures.items():
            (Path(folder) / name).write_bytes(picture)
        return typst.compile_with_warnings(  # type: ignore[call-overload]  # its stubs know no sources in memory
            sources,
            root=folder,
            font_paths=_fonts(),
            format="png" if as_images else "pdf",
            ppi=110 if as_images else None,
            timestamp=now.astimezone(UTC).replace(microsecond=0),
        )


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[settings.FONTS])
    if FONT not in fonts.families():
        raise PaperError(
            f'the font "{FONT}" is not in {settings.FONTS}: run `make install`, or say with KEHU_FONTS where it is.'
        )
    return fonts


@lru_cache(maxsize=1)
def _font_files() -> tuple[Path, ...]:
    return tuple(sorted({Path(font.path) for font in _fonts().fonts() if font.path}))


def _cleaned(value: Any) -> Any:
    """Every text as the font can show it."""
    match value:
        case str():
            return printable(value, _font_files())
        case Mapping():
            return {key: _cleaned(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_cleaned(inner) for inner in value]
    return value


def _words(error: Any) -> str:
    return " ".join([str(error.message), *map(str, error.hints)])
