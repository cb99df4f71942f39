"""What nobody can do any more comes to somebody else; and who stands in signs and advises in both names."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from kehu.cases import handing_on, opinions, signing
from kehu.cases.handing_on import hand_on
from kehu.cases.models import Assignment, Task
from kehu.cases.refusals import NotAskedOfYou, OwnSubmission
from kehu.core.models import Event
from kehu.organizations import absences, deputies, members
from kehu.organizations.models import Member
from tests.cast import FRIDAY, Telling

TODAY, STEP = date(2024, 3, 15), "accept-complaint"
MONDAY = FRIDAY + timedelta(days=3)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_on, "_looked", {})


def stands_in(mfg: Any, principal: str, deputy: str) -> None:
    absences.enter(
        organization=mfg, member=principal, first_day=TODAY, last_day=TODAY, deputy=deputy, by=principal, now=FRIDAY
    )
    deputies.accept(organization=mfg, number=1, by=deputy, now=FRIDAY)


def asks(complaint: Telling, who: str, order: str = "before") -> dict[str, Any]:
    place = {"organization": complaint.organization, "number": complaint.number, "step": STEP, "now": FRIDAY}
    signing.add_signer(**place, who=[who], order=order, by="sales_deputy_manager")  # type: ignore[arg-type]
    return place


def last(name: str) -> Event:
    return Event.objects.filter(name=name).latest("pk")


def test_a_deputy_signs_and_advises_in_both_names(complaint: Telling) -> None:
    place = asks(complaint, "qa_head")
    opinions.ask_opinion(**place, who=["qa_head"], reason="?", by="sales_deputy_manager")
    with pytest.raises(NotAskedOfYou):
        signing.sign(**place, answer="agree", by="eng_head")
    stands_in(complaint.organization, "qa_head", "eng_head")

    signing.sign(**place, answer="agree", by="eng_head")
    opinions.give_opinion(**place, reason="yes", by="eng_head")

    for name in ("task.signed", "task.opinion_given"):
        event = last(name)
        assert (event.by, event.facts["for"], event.facts["rules"]) == ("eng_head", "qa_head", [1])
    assert Task.objects.get(case=complaint.case, step=STEP).signers[0]["agreed"]
    assert not Assignment.objects.filter(is_open=True).exclude(part="do").exists()


def test_who_asked_for_a_signature_does_not_give_it_himself_as_a_deputy(complaint: Telling) -> None:
    place = asks(complaint, "qa_head")
    stands_in(complaint.organization, "qa_head", "sales_deputy_manager")
    with pytest.raises(OwnSubmission):
        signing.sign(**place, answer="agree", by="sales_deputy_manager")


@pytest.mark.parametrize(("successor", "asked"), [("eng_head", ["eng_head"]), ("", []), ("sales_deputy_manager", [])])
def test_a_leaver_s_signature_and_opinion_do_not_block(complaint: Telling, successor: str, asked: list[str]) -> None:
    place = asks(complaint, "qa_head")
    opinions.ask_opinion(**place, who=["qa_head"], reason="?", by="sales_deputy_manager")
    mfg = complaint.organization
    members.leave(organization=mfg, member="qa_head", last_day=TODAY, successor=successor, by="", now=FRIDAY)

    hand_on(mfg, MONDAY)

    assert last("task.signer_handed_on").facts["who"] == ["qa_head"]
    signers = Task.objects.get(case=complaint.case, step=STEP).signers
    assert [signer["who"] for signer in signers] == asked
    for part in ("sign", "advise"):
        rows = Assignment.objects.filter(part=part, is_open=True)
        assert list(rows.values_list("member__key", flat=True)) == asked
    if asked:
        opinions.give_opinion(**place | {"now": MONDAY}, reason="yes", by="eng_head")


def test_a_case_that_waits_for_a_leaver_s_signature_goes_on(complaint: Telling) -> None:
    asks(complaint, "qa_head", "after")
    complaint.do(STEP, by="sales_deputy_manager", outcome="help", help_needed=True)
    mfg = complaint.organization
    assert complaint.open_steps() == [STEP]
    members.leave(organization=mfg, member="qa_head", last_day=TODAY, by="", now=FRIDAY)

    hand_on(mfg, MONDAY)

    assert "fill-sheet" in complaint.open_steps()
    task = Task.objects.get(case=complaint.case, step=STEP)
    assert task.done_by.key == "sales_deputy_manager"


def test_what_was_killed_half_way_is_completed_by_the_next_run(mfg: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Telling(mfg).start(), Telling(mfg).start()
    members.leave(organization=mfg, member="sales_deputy_manager", last_day=TODAY, by="", now=FRIDAY)
    whole = handing_on._hand_on

    def dies_at_the_second(organization: Any, case: int, now: Any) -> int:
        if case == second.case.pk:  # type: ignore[union-attr]
            raise RuntimeError("killed")
        return whole(organization, case, now)

    monkeypatch.setattr(handing_on, "_hand_on", dies_at_the_second)
    with pytest.raises(RuntimeError):
        hand_on(mfg, MONDAY)
    assert Member.objects.get(key="sales_deputy_manager").handed_on_at is None
    monkeypatch.setattr(handing_on, "_hand_on", whole)
    hand_on(mfg, MONDAY)
    hand_on(mfg, MONDAY)

    for told in (first, second):
        row = Assignment.objects.get(task__case=told.case, part="do", is_open=True)
        assert row.member.key == "vice_gm"
        assert Event.objects.filter(stream=f"case:{told.case.pk}", name="task.handed_on").count() == 1  # type: ignore[union-attr]
    assert Member.objects.get(key="sales_deputy_manager").handed_on_at == MONDAY
