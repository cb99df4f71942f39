#!/usr/bin/env python3
"""`make messages`: collects every text of pages and refusals into locale/, keeps what is translated, compiles.

Needs GNU gettext (Debian: apt-get install gettext; macOS: brew install gettext). Only whoever changes texts needs it: the
compiled catalog is committed.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CATALOG = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"


def main():
    if shutil.which("xgettext") is None:
        sys.exit("GNU gettext is missing. Debian: apt-get install gettext; macOS: brew install gettext.")
    subprocess.run(
        [sys.executable, "manage.py", "makemessages", "-l", "zh_Hans", "--no-wrap", "--no-location", "--no-obsolete",
         "-i", ".venv", "-i", "node_modules", "-i", "tests", "-i", "var", "-v", "0"],
        cwd=ROOT, check=True,
    )  # fmt: skip
    subprocess.run(["msgfmt", "--check-format", "-o", CATALOG.with_suffix(".mo"), CATALOG], check=True)  # nosec B607
    missing = asked("--untranslated") + asked("--only-fuzzy")
    print(
        f"{len(missing)} texts are not translated into Chinese yet." if missing else "Every text is there in Chinese."
    )
    for line in missing:
        print(" ", line)
    return 1 if missing else 0


def asked(which):
    """The texts of one kind in the catalog: those without translation, or those gettext only guessed."""
    command = ["msgattrib", which, "--no-obsolete", "--no-wrap", CATALOG]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line for line in found.stdout.splitlines() if line.startswith("msgid ") and line != 'msgid ""']


if __name__ == "__main__":
    sys.exit(main())
