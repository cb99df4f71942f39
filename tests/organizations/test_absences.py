"""Absences and deputies: who may enter them, what is refused, what is kept of it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from kehu.core.models import Event, Message
from kehu.core.refusals import BadData
from kehu.organizations import absences, deputies
from kehu.organizations.models import Absence, DeputyRule
from kehu.organizations.queries import directory
from tests.cast import FRIDAY, at

TODAY, TUESDAY = date(2024, 3, 15), date(2024, 3, 19)


def away(mfg, member="sales_deputy_manager", **more):  # type: ignore[no-untyped-def]
    given = {"first_day": TODAY, "last_day": TUESDAY, "by": member, "now": FRIDAY, **more}
    return absences.enter(organization=mfg, member=member, **given)


def people(mfg, day=TODAY):  # type: ignore[no-untyped-def]
    return directory(mfg, day)


def test_a_deputy_counts_from_his_acceptance_until_the_absence_is_over(mfg) -> None:  # type: ignore[no-untyped-def]
    away(mfg, deputy="sales_head")
    assert people(mfg).people["sales_head"].stands_in == ()

    deputies.accept(organization=mfg, number=1, by="sales_head", now=FRIDAY)

    (one,) = people(mfg).people["sales_head"].stands_in
    assert (one.principal, one.rules, one.valid_until) == ("sales_deputy_manager", (1,), TUESDAY + timedelta(days=1))
    assert people(mfg, TUESDAY).people["sales_head"].stands_in
    assert people(mfg, TUESDAY + timedelta(days=1)).people["sales_head"].stands_in == ()


def test_coming_back_early_ends_the_rule_made_for_these_days(mfg) -> None:  # type: ignore[no-untyped-def]
    absence = away(mfg, deputy="sales_head")
    deputies.accept(organization=mfg, number=1, by="sales_head", now=FRIDAY)

    absences.end(organization=mfg, absence=absence.pk, by="sales_deputy_manager", now=at("2024-03-18 09:00"))

    rule = DeputyRule.objects.get(number=1)
    assert rule.valid_until == date(2024, 3, 18)
    assert people(mfg, date(2024, 3, 18)).absent == {}
    with pytest.raises(absences.NoSuchAbsence):
        absences.end(organization=mfg, absence=absence.pk, by="sales_deputy_manager", now=at("2024-03-18 09:00"))


def test_only_the_deputy_answers_and_only_once(mfg) -> None:  # type: ignore[no-untyped-def]
    away(mfg, deputy="sales_head")
    with pytest.raises(deputies.NotTheDeputy):
        deputies.accept(organization=mfg, number=1, by="personnel", now=FRIDAY)
    deputies.decline(organization=mfg, number=1, by="sales_head", now=FRIDAY, reason="away too")
    with pytest.raises(deputies.AnsweredAlready):
        deputies.accept(organization=mfg, number=1, by="sales_head", now=FRIDAY)
    assert people(mfg).stand_ins == {}
    assert Message.objects.get(kind="deputy_declined").recipient == "sales_deputy_manager"


@pytest.mark.parametrize(
    ("by", "may"), [("personnel", True), ("vice_gm", True), ("sales_rep", False), ("qa_head", False)]
)
def test_only_personnel_enters_an_absence_for_somebody_else(mfg, by, may) -> None:  # type: ignore[no-untyped-def]
    if may:
        assert away(mfg, by=by).entered_by == by
    else:
        with pytest.raises(deputies.NotForOthers, match="Personnel officer|人事专员"):
            away(mfg, by=by)
        assert not Absence.objects.exists()


def test_whoever_is_between_may_revoke_a_rule_and_nobody_else(mfg) -> None:  # type: ignore[no-untyped-def]
    away(mfg, deputy="sales_head")
    with pytest.raises(deputies.NotYourRule):
        deputies.revoke(organization=mfg, number=1, by="qa_head", now=FRIDAY)
    deputies.revoke(organization=mfg, number=1, by="sales_head", now=FRIDAY)
    deputies.revoke(organization=mfg, number=1, by="sales_head", now=FRIDAY)
    assert Event.objects.filter(name="deputy.revoked").count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"last_day": TODAY - timedelta(days=1)},
        {"first_day": date(2024, 3, 1), "last_day": date(2024, 3, 5)},
        {"last_day": date(2026, 3, 15)},
        {"kind": "sabbatical"},
        {"deputy": "sales_deputy_manager"},
        {"deputy": "nobody"},
        {"deputy": "sales_head", "limit": Decimal(-1)},
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(mfg, wrong) -> None:  # type: ignore[no-untyped-def]
    events = Event.objects.count()
    with pytest.raises(BadData):
        away(mfg, **wrong)
    assert not Absence.objects.exists()
    assert not DeputyRule.objects.exists()
    assert Event.objects.count() == events


def test_nobody_is_away_twice_on_a_day(mfg) -> None:  # type: ignore[no-untyped-def]
    away(mfg)
    with pytest.raises(absences.AbsentAlready, match="2024-03-19"):
        away(mfg, first_day=TUESDAY, last_day=date(2024, 3, 25))
    away(mfg, first_day=date(2024, 3, 20), last_day=date(2024, 3, 25))


def test_the_superior_hears_of_an_absence_without_a_deputy(mfg) -> None:  # type: ignore[no-untyped-def]
    away(mfg)
    assert list(Message.objects.filter(kind="absent_alone").values_list("recipient", flat=True)) == ["vice_gm"]


def test_every_change_of_a_rule_is_an_event(mfg) -> None:  # type: ignore[no-untyped-def]
    absence = away(mfg, deputy="sales_head", procedures=["customer-complaint"], limit=Decimal("500.00"))
    deputies.accept(organization=mfg, number=1, by="sales_head", now=FRIDAY)
    deputies.revoke(organization=mfg, number=1, by="sales_deputy_manager", now=FRIDAY)
    absences.end(organization=mfg, absence=absence.pk, by="sales_deputy_manager", now=FRIDAY)

    log = Event.objects.filter(stream="organization", at=FRIDAY).order_by("sequence")
    assert [event.name for event in log] == [
        "deputy.named", "absence.entered", "deputy.accepted", "deputy.revoked", "absence.ended",
    ]  # fmt: skip
    assert log[0].facts == {
        "rule": 1, "principal": "sales_deputy_manager", "deputy": "sales_head", "valid_from": "2024-03-15",
        "last_day": "2024-03-19", "procedures": ["customer-complaint"], "limit": "500.00",
    }  # fmt: skip
