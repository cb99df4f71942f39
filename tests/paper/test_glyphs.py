from pathlib import Path

from django.conf import settings

from kehu.paper.amounts import written_out
from kehu.paper.glyphs import printable

FONTS = tuple(sorted(Path(settings.FONTS).glob("*.ttf")))


def test_what_the_font_has_stays():
    text = "毛刺 6 件 #$*@\\ ✓ é ™\n第二行"
    assert printable(text, FONTS) == text


def test_what_the_font_lacks_is_named_by_its_code_point():
    assert printable("好😀的ภาพ", FONTS) == "好[U+1F600]的[U+0E20][U+0E32][U+0E1E]"


def test_marks_without_a_glyph_of_their_own_leave_no_trace():
    assert printable("a\u200bb\ufe0fc\x00d\r\ne\u00a0f", FONTS).replace("\u00a0", " ") == "abcd\ne f"


def test_a_long_word_can_be_broken():
    found = printable("x" * 300, FONTS)
    assert found.replace("\u200b", "") == "x" * 300
    assert max(map(len, found.split("\u200b"))) == 10


def test_amounts_are_written_out():
    from decimal import Decimal

    for amount, words in {
        "0": "零元整",
        "0.05": "伍分",
        "1280.50": "壹仟贰佰捌拾元伍角整",
        "10005.03": "壹万零伍元零叁分",
        "100000001": "壹亿零壹元整",
        "-20.3": "负贰拾元叁角整",
    }.items():
        assert written_out(Decimal(amount)) == words
