"""`kehu openapi`: the API's OpenAPI 3.1 document, for tools that make clients."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from . import setting_up


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="kehu openapi", description="Print the API's OpenAPI 3.1 document.")
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="write it there instead")
    given = parser.parse_args(arguments)
    setting_up.django()
    from kehu.api.document import openapi

    text = json.dumps(openapi(), ensure_ascii=False, indent=2)
    if given.file is None:
        print(text)
        return 0
    try:
        given.file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        print(f"{given.file} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    return 0
