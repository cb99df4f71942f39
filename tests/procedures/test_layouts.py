"""A paper layout of a procedure's own takes in only what stands in it by name."""

from __future__ import annotations

import pytest

from kehu.procedures.checks import check_pack
from kehu.procedures.layouts import misuses
from kehu.procedures.packs import load
from tests.cast import ROOT

from .conftest import PackFolder


@pytest.mark.parametrize(
    "text",
    [
        '#import "look.typ": *\n#show: paper\n',
        '#include "look.typ"',
        '#{ import "look.typ": say; say[x] }',
        "We import and include what customers send; no evaluation.",
        "#strong[include the bill]",
        '#text("import x")[import duties]',
        '#let words = "import @preview, eval(x)"',
        "// #import name\n/* #import name */ `#import name`",
        'https://example.com/a "import" [b]',
        "#let reimport = 1\n#let import-duty = 2\n#let eval2 = 3",
        r"\#import name",
    ],
)
def test_what_is_named_or_only_said_is_fine(text: str) -> None:
    assert list(misuses(text)) == []


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('#import "@preview/tablex:0.0.9": *', 1, "@preview/tablex"),
        ('#let p = "@preview/tablex:0.0.9"\n#import p: *', 2, "computes what it takes in (`import`)"),
        ('#let p = "look" + ".typ"\n\n#include p', 3, "computes what it takes in (`include`)"),
        ('#let part() = include ("/etc/" + "hostname")', 1, "computes"),
        ('#{\n  let p = "x"\n  import p\n}', 3, "computes"),
        ("#f(a: { import p })", 1, "computes"),
        ("#f[text #import p]", 1, "computes"),
        ('#eval("import \\"@preview/x:1.0.0\\"")', 1, "eval"),
        ("#let run = eval", 1, "eval"),
        ('#let s = "a//b"; #import p', 1, "computes"),
        ('#let s = "`"; #import p // `', 1, "computes"),
        ("https://example.com #import p", 1, "computes"),
    ],
)
def test_what_is_computed_fetched_or_run_is_named_with_its_line(text: str, line: int, message: str) -> None:
    (found,) = misuses(text)
    assert found.line == line
    assert message in found.message
    assert found.remedy


def test_our_own_layouts_pass() -> None:
    for file in (ROOT / "kehu" / "paper").glob("*.typ"):
        assert list(misuses(file.read_text(encoding="utf-8"))) == [], file


def test_the_pack_check_names_file_and_line(acme: PackFolder) -> None:
    folder = next(iter(load(acme.path).folders.values()))
    (folder / "print.typ").write_text('#import "look.typ": *\n#let p = "@preview/x:1.0.0"\n#import p: *\n', "utf-8")
    (found,) = check_pack(load(acme.path))
    assert (found.file, found.line) == (folder / "print.typ", 3)
    assert "computes what it takes in" in str(found)
    (folder / "print.typ").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in str(check_pack(load(acme.path))[0])
