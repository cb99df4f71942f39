"""No page is half translated: every text of templates and code is in the Chinese catalog, and the compiled one is up to date."""

import ast
import gettext
import re

from django.utils.translation.template import templatize

from tests.cast import ROOT

CATALOG = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django"
FUNCTIONS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext"}


def said_in_code() -> set[str]:
    found = set()
    for file in (ROOT / "kehu").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in FUNCTIONS:
                found |= {node.args[0].value} if node.args and isinstance(node.args[0], ast.Constant) else set()
    return found


def said_in_templates() -> set[str]:
    found = set()
    for file in (ROOT / "kehu").rglob("templates/**/*.html"):
        code = templatize(file.read_text(encoding="utf-8"))
        for call in re.finditer(r"""\b(?:gettext|ngettext)\(u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", code):
            found.add(ast.literal_eval(call[1]))
    return found


def test_every_text_is_there_in_chinese() -> None:
    catalog = gettext.GNUTranslations(CATALOG.with_suffix(".mo").open("rb"))
    chinese = {key if isinstance(key, str) else key[0] for key, value in catalog._catalog.items() if value}  # type: ignore[attr-defined]
    said = said_in_code() | said_in_templates()

    assert len(said) > 300
    assert (
        sorted(text for text in said if text and text.replace("\n", "\\n") not in chinese and text not in chinese) == []
    )


def test_placeholders_are_the_same_in_both_languages() -> None:
    catalog = gettext.GNUTranslations(CATALOG.with_suffix(".mo").open("rb"))
    for key, value in catalog._catalog.items():  # type: ignore[attr-defined]
        text = key if isinstance(key, str) else key[0]
        if text and isinstance(key, str):
            wanted = set(re.findall(r"\{\w+\}|%\(\w+\)s", text))
            assert set(re.findall(r"\{\w+\}|%\(\w+\)s", value)) <= wanted, text
