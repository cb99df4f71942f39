"""`kehu openapi`: the API's OpenAPI 3.1 document, for tools that make clients."""

from __future__ import annotations

import argparse
import json
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
    if given.file:
        given.file.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    return 0
