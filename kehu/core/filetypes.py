"""What kinds of files are taken, and whether a file's beginning is what its name says.

A pack may name the endings its company takes (`file_endings:`); these are the ones taken otherwise: documents, pictures, drawings,
mail, archives, recordings. What a browser or a system would run is not among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

ENDINGS = frozenset(
    [
        "pdf",
        "txt",
        "csv",
        "md",
        "json",
        "log",
        "doc",
        "docx",
        "xls",
        "xlsx",
        "ppt",
        "pptx",
        "odt",
        "ods",
        "odp",
        "rtf",
        "wps",
        "et",
        "dps",
        "ofd",
        "vsdx",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "webp",
        "bmp",
        "tif",
        "tiff",
        "heic",
        "heif",
        "dwg",
        "dxf",
        "step",
        "stp",
        "igs",
        "iges",
        "stl",
        "sldprt",
        "sldasm",
        "prt",
        "eml",
        "msg",
        "zip",
        "7z",
        "rar",
        "mp4",
        "mov",
        "mp3",
        "m4a",
        "wav",
        "amr",
    ]
)
ACTIVE = frozenset(
    [
        "html",
        "htm",
        "xhtml",
        "svg",
        "svgz",
        "js",
        "mjs",
        "hta",
        "swf",
        "jar",
        "vbs",
        "ps1",
        "bat",
        "cmd",
        "sh",
        "exe",
        "com",
        "scr",
        "msi",
        "dll",
        "lnk",
    ]
)
"""Never taken, whatever a pack says: a reader's machine would run it."""

_ZIP = (rb"PK\x03\x04", rb"PK\x05\x06")
_OLE = (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)
_FTYP = (rb".{4}ftyp",)
_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "pdf": (rb".{0,1019}%PDF-",),
    "png": (rb"\x89PNG\r\n\x1a\n",),
    "jpg": (rb"\xff\xd8\xff",),
    "jpeg": (rb"\xff\xd8\xff",),
    "gif": (rb"GIF8[79]a",),
    "webp": (rb"RIFF.{4}WEBP",),
    "bmp": (rb"BM",),
    "tif": (rb"II\*\0|MM\0\*",),
    "tiff": (rb"II\*\0|MM\0\*",),
    "rtf": (rb"\{\\rtf",),
    "7z": (rb"7z\xbc\xaf\x27\x1c",),
    "rar": (rb"Rar!\x1a\x07",),
    **dict.fromkeys(("docx", "xlsx", "pptx", "odt", "ods", "odp", "ofd", "vsdx", "zip"), _ZIP),
    # WPS writes its own endings in the newer form, too; an older Word writes RTF under .doc.
    **dict.fromkeys(("xls", "ppt", "wps", "et", "dps", "msg"), (*_OLE, *_ZIP)),
    "doc": (*_OLE, *_ZIP, rb"\{\\rtf"),
    **dict.fromkeys(("mp4", "mov", "m4a", "heic", "heif"), _FTYP),
}
_PROGRAMS = re.compile(rb"MZ|\x7fELF|#!|\xca\xfe\xba\xbe|[\xfe\xcf\xce\xfa]{2}\xed\xfe|\xfe\xed\xfa[\xce\xcf]")
_MARKUP = re.compile(rb"(\xef\xbb\xbf)?\s*(<!doctype html|<html|<script|<svg)", re.IGNORECASE)

BEGINNING = 1024
"""How many bytes tell."""


def ending_of(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def is_taken(ending: str, allowed: Iterable[str] = ()) -> bool:
    return ending not in ACTIVE and ending in (frozenset(allowed) or ENDINGS)


def agrees(ending: str, beginning: bytes) -> bool:
    """Whether the content begins as files of that ending do. What has no sure sign must at least be no program and no page."""
    signs = _BEGINNINGS.get(ending)
    if signs is not None:
        return any(re.match(sign, beginning, re.DOTALL) for sign in signs)
    return not (_PROGRAMS.match(beginning) or _MARKUP.match(beginning))
