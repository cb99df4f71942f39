"""What finds a text, and what a search asks for."""

import pytest

from kehu.core.words import Asked, asked, ends_of, number_words, words_of


def finds(search: str, words: set[str]) -> bool:
    wanted = asked(search)
    return bool(wanted) and all(
        any(word.startswith(one.word) if one.begins else word == one.word for word in words) for one in wanted
    )


@pytest.mark.parametrize("search", ["讯捷", "通信", "讯捷通信", "深圳 通信"])
def test_two_neighbouring_characters_find_a_chinese_text(search):
    assert finds(search, words_of("深圳市讯捷通信设备有限公司"))


@pytest.mark.parametrize("search", ["讯通", "设备厂", "东莞"])
def test_characters_that_are_no_neighbours_there_find_nothing(search):
    assert not finds(search, words_of("深圳市讯捷通信设备有限公司"))


@pytest.mark.parametrize(
    "search", ["CP-202403-001", "cp-2024", "202403", "001", "202403-001", "CP202403", "ＣＰ－202403"]
)
def test_a_number_is_found_by_its_beginning_and_by_its_parts(search):
    assert finds(search, words_of("CP-202403-001"))


def test_a_product_is_found_by_letters_digits_and_its_name_together():
    words = words_of("HY-2207 支架")

    assert all(finds(search, words) for search in ("hy2207", "2207", "HY-22", "支架", "支架 2207"))
    assert not finds("支架 2208", words)


def test_letters_stuck_to_digits_are_found_by_either():
    assert finds("120", words_of("BR120"))


@pytest.mark.parametrize("phone", ["0755-5550101", "0755 555 0101", "(0755)555-0101"])
def test_a_telephone_number_is_found_however_it_is_written(phone):
    assert all(finds(search, number_words(phone)) for search in ("07555550101", "0755-555", "0101"))


def test_pinyin_initials_are_found_from_the_middle_too():
    assert ends_of("xjtx") == {"xjtx", "jtx", "tx"}


@pytest.mark.parametrize("search", ["", " ", "a", "1", "-", "？", "捷"])
def test_a_single_sign_asks_for_nothing(search):
    assert asked(search) == []


def test_a_very_long_search_is_cut():
    assert len(asked("客户抱怨处理单" * 50)) <= 12
    assert asked("x" * 500) == [Asked("x" * 24, begins=True)]


def test_a_text_s_words_are_no_longer_than_their_column():
    assert max(map(len, words_of("a" * 300 + " 好" * 3 + "-".join(["b2"] * 90)))) <= 24
