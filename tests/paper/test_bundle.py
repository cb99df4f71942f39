"""Several cases on paper at once: one PDF, each with pages of its own; and who may not, prints nothing."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfReader

from kehu.cases.refusals import MayNotSee, NoSuchCase
from kehu.organizations.queries import Person, directory
from kehu.paper import bundle as bundles
from kehu.paper.bundle import LIMIT, CannotBeSet, TooLarge, TooManyPapers, bundle
from kehu.paper.typesetting import PaperError
from tests.cast import FRIDAY, Telling


@pytest.fixture
def complaints(mfg) -> list[str]:
    return [Telling(mfg).start().number for _ in range(3)]


def person(mfg, key: str = "sales_deputy_manager") -> Person:
    return directory(mfg, FRIDAY.date()).people[key]


def printed(mfg, numbers, by="sales_deputy_manager", language="en"):
    return bundle(numbers, organization=mfg, by=person(mfg, by), language=language, now=FRIDAY)


def test_each_case_begins_on_a_page_of_its_own_and_counts_its_own_pages(mfg, complaints):
    target = io.BytesIO()
    printed(mfg, [*complaints, complaints[0]]).write(target)

    book = PdfReader(target)
    firsts = [book.get_destination_page_number(one) for one in book.outline]
    assert [one.title for one in book.outline] == complaints
    per_case = len(book.pages) // len(complaints)
    assert firsts == [at * per_case for at in range(len(complaints))]
    for number, first in zip(complaints, firsts, strict=True):
        text = book.pages[first].extract_text()
        assert number in text
        assert f"Page 1 / {per_case}" in text


def test_what_he_may_not_read_stops_the_print_and_is_named(mfg, complaints, monkeypatch):
    monkeypatch.setattr(bundles, "case_pdf", lambda *a, **more: pytest.fail("nothing is set before it is known"))
    found = printed(mfg, [*complaints, "CP-202403-999"])
    assert [(number, type(refusal)) for number, refusal in found.refused] == [("CP-202403-999", NoSuchCase)]
    assert found.printed == complaints

    found = printed(mfg, complaints, by="warehouse_keeper")
    assert {type(refusal) for _number, refusal in found.refused} == {MayNotSee}
    assert found.printed == []


def test_a_paper_that_cannot_be_set_is_named_and_the_others_are_printed(mfg, complaints, monkeypatch):
    whole = bundles.case_pdf

    def broken(case, **more):
        if case.number == complaints[1]:
            raise PaperError("print.typ cannot be set")
        return whole(case, **more)

    monkeypatch.setattr(bundles, "case_pdf", broken)
    found = printed(mfg, complaints)
    assert [(number, type(refusal)) for number, refusal in found.refused] == [(complaints[1], CannotBeSet)]
    assert found.printed == [complaints[0], complaints[2]]


def test_no_more_than_a_page_of_the_inbox_and_no_more_than_memory_holds(mfg, complaints, monkeypatch):
    with pytest.raises(TooManyPapers):
        printed(mfg, [f"CP-{number}" for number in range(LIMIT + 1)])
    target = io.BytesIO()
    printed(mfg, complaints[:1]).write(target)
    monkeypatch.setattr(bundles, "ROOM", len(target.getvalue()) * 8 // 5)
    with pytest.raises(TooLarge) as refused:
        printed(mfg, complaints)
    assert refused.value.facts == {"number": complaints[0]}
