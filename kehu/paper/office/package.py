"""A Word or Excel file as its parts. Parts that are not touched leave it as they came, byte for byte. The one door to lxml.

The file comes from outside, so little is believed: how much it unpacks to is limited, nothing in it is fetched, entities are not
read, and what holds macros is refused.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _
from lxml import etree

from kehu.core.files import FileRefused

Kind = Literal["xlsx", "docx"]
Element = Any
"""lxml's elements have no types of their own."""

ROOM = 64 * 2**20
"""Octets that all parts may unpack to."""
PARTS = 2000
LONGEST = 16 * 2**20
"""Octets of a part whose XML is read: in memory it takes ten times as much."""
_KINDS: dict[str, Kind] = {
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml": "docx",
}
_MAIN = ("spreadsheetml/2006/main", "wordprocessingml/2006/main")
_MACROS = ("vbaproject", "activex/", "macrosheets/", "dialogsheets/")
_TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
_LINKS = "{http://schemas.openxmlformats.org/package/2006/relationships}"


class NotOffice(FileRefused):
    code = "template.not_office"
    status = 415
    message = _("“{name}” is no Word or Excel file that can be filled. Save it as .docx or .xlsx and choose it again.")


class HasMacros(FileRefused):
    code = "template.macros"
    status = 415
    message = _("“{name}” contains macros or controls with code. Save it without them, as .docx or .xlsx.")


class UnpacksTooLarge(FileRefused):
    code = "template.too_large"
    status = 413
    message = _(
        "“{name}” unpacks to more than {limit} MB. Make its pictures smaller, or take out sheets that are not needed."
    )


class Package:
    def __init__(self, content: bytes, name: str):
        self.name = name
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
            members = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, OSError) as error:
            raise NotOffice(name=name) from error
        if len(members) > PARTS or sum(member.file_size for member in members) > ROOM:
            raise UnpacksTooLarge(name=name, limit=ROOM // 2**20)
        self._members = {member.filename: member for member in members if not member.is_dir()}
        if len(self._members) != sum(not member.is_dir() for member in members):
            raise NotOffice(name=name)  # a part that is there twice is read differently by everybody
        if any(sign in part.lower() for part in self._members for sign in _MACROS):
            raise HasMacros(name=name)
        self._read: dict[str, Element] = {}
        self._changed: set[str] = set()
        self._dropped: set[str] = set()
        self.main = self._main()
        self.kind = self._kind()

    def _main(self) -> str:
        for _id, kind, target in self.links(""):
            if kind == "officeDocument":
                return target
        raise NotOffice(name=self.name)

    def _kind(self) -> Kind:
        type_ = self._types.get(self.main, "")
        if "macroenabled" in type_.lower():
            raise HasMacros(name=self.name)
        if type_ not in _KINDS or not etree.QName(self.xml(self.main)).namespace.endswith(_MAIN):
            raise NotOffice(name=self.name)
        return _KINDS[type_]

    @cached_property
    def _types(self) -> dict[str, str]:
        return {
            one.get("PartName", "").lstrip("/"): one.get("ContentType", "")
            for one in self.xml("[Content_Types].xml").iter(f"{_TYPES}Override")
        }

    # -- parts

    def __contains__(self, part: str) -> bool:
        return part in self._members and part not in self._dropped

    def parts(self, beginning: str) -> Iterator[str]:
        return (part for part in self._members if part.startswith(beginning) and part in self)

    def xml(self, part: str) -> Element:
        """The part's root, read once. Whoever changes it says so: `changed`."""
        if part not in self._read:
            self._read[part] = self._parsed(part)
        return self._read[part]

    def _parsed(self, part: str) -> Element:
        if part in self._members and self._members[part].file_size > LONGEST:
            raise UnpacksTooLarge(name=self.name, limit=LONGEST // 2**20)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        try:
            root = etree.fromstring(self._zip.read(self._members[part]), parser)
        except (
            KeyError,
            RuntimeError,
            NotImplementedError,
            zipfile.BadZipFile,
            zlib.error,
            etree.XMLSyntaxError,
        ) as error:
            raise NotOffice(name=self.name) from error
        if root.getroottree().docinfo.doctype:
            raise NotOffice(name=self.name)
        return root

    def changed(self, part: str) -> None:
        self._changed.add(part)

    def links(self, part: str, kind: str = "") -> Iterator[tuple[str, str, str]]:
        """What a part refers to inside the file: the link's id, the last word of its kind, the other part."""
        folder, file = posixpath.split(part)
        rels = posixpath.join(folder, "_rels", f"{file}.rels")
        if rels not in self:
            return
        for link in self.xml(rels).iter(f"{_LINKS}Relationship"):
            found = link.get("Type", "").rpartition("/")[2]
            if link.get("TargetMode") != "External" and kind in ("", found):
                target = posixpath.normpath(posixpath.join("/", folder, link.get("Target", ""))).lstrip("/")
                if target in self:
                    yield link.get("Id", ""), found, target

    def drop(self, part: str, of: str) -> None:
        """The part goes, and with it what refers to it."""
        if part not in self:
            return
        folder, file = posixpath.split(of)
        rels = posixpath.join(folder, "_rels", f"{file}.rels")
        ids = {found for found, _kind, target in self.links(of) if target == part}
        for place, gone in (
            (rels, [one for one in self.xml(rels) if one.get("Id") in ids]),
            (
                "[Content_Types].xml",
                [one for one in self.xml("[Content_Types].xml") if one.get("PartName") == f"/{part}"],
            ),
        ):
            for one in gone:
                one.getparent().remove(one)
            self.changed(place)
        self._dropped.add(part)

    def packed(self) -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
            for part, member in self._members.items():
                if part not in self._dropped:
                    made.writestr(member, self._content(part), zipfile.ZIP_DEFLATED)
        return target.getvalue()

    def _content(self, part: str) -> bytes:
        if part in self._changed:
            tree = self._read[part].getroottree()
            return bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True))
        return self._zip.read(self._members[part])
