"""Reads the file at its standard input and writes lines of JSON: what the file is, a line a row, and at the end what was noticed; or why
it cannot be read. It may take a gigabyte of memory and five minutes, and no more."""

from __future__ import annotations

import argparse
import json
import resource
import sys
from typing import IO

from . import Sheet, Unreadable, _, csv, xls, xlsx

MEMORY, SECONDS = 2**30, 300
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<table", b"<meta")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sheet")
    parser.add_argument("--encoding")
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    write = sys.stdout.write
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
    try:
        sheet = opened(sys.stdin.buffer, given.sheet, given.encoding)
        write(encode(sheet.about) + "\n")
        for row in sheet.rows:
            write(encode(row) + "\n")
        write(encode({"remarks": sheet.remarks.as_facts()}) + "\n")
    except Unreadable as why:
        write(encode({"unreadable": why.says, "facts": why.facts}) + "\n")
    except MemoryError:
        says = _("The file needs more memory than may be spent on it. Split it, or save the sheet as CSV.")
        write(encode({"unreadable": says, "facts": {}}) + "\n")
    sys.stdout.flush()
    return 0


def opened(file: IO[bytes], sheet: str | None = None, encoding: str | None = None) -> Sheet:
    """By what the file is, whatever it is called."""
    beginning = file.read(2048)
    file.seek(0)
    if beginning.startswith(b"PK"):
        return xlsx.read(file, sheet)
    if beginning.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in file.read(2**20):
            raise Unreadable(_("The workbook is locked with a password. Save it without one, and choose it again."))
        file.seek(0)
        return xls.read(file, sheet)
    if beginning.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(_MARKUP):
        raise Unreadable(
            _(
                "This is a web page, though it is called a sheet. Open it in Excel or WPS, save it as .xlsx, and choose that."
            )
        )
    return csv.read(file, encoding)


if __name__ == "__main__":
    sys.exit(main())
