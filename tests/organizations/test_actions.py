from datetime import date

import pytest

from kehu.cases import recounting
from kehu.cases.models import Task
from kehu.core.models import Event
from kehu.organizations import actions
from kehu.organizations.models import Department, SpecialDay, WorkingWeek
from kehu.organizations.queries import directory
from tests.cast import Telling, at, to_departments

TODAY = date(2024, 3, 15)


def test_a_head_is_found_in_the_department_or_the_one_above_it(mfg):
    people = directory(mfg, TODAY)

    assert [post.key for post in people.posts_at("quality", 20)] == ["qa_head"]
    assert [post.key for post in people.posts_at("material_warehouse", 20)] == ["materials_head"]


def test_above_a_rank_nobody_holds_comes_the_next_one_up(mfg):
    people = directory(mfg, TODAY)

    assert [person.key for person in people.next_up("sales", 30)] == ["vice_gm"]  # there is no sales manager
    assert [person.key for person in people.next_up("quality", 20)] == ["quality_manager"]
    assert people.next_up("sales", 60) == []


def test_a_person_of_one_directory_is_himself_in_another_read_at_the_same_time(mfg):
    from kehu.organizations.queries import _directory

    mine = directory(mfg, TODAY).people["sales_receiver"]
    _directory.cache_clear()
    theirs = directory(mfg, TODAY)

    assert mine is not theirs.people["sales_receiver"]
    assert mine in theirs.holders["sales_receiver"]


def test_an_appointment_counts_from_its_first_day_until_the_day_before_its_last(mfg):
    from kehu.organizations.models import Appointment, Member, Position

    head = Position.objects.get(key="qa_head")
    Appointment.objects.filter(position=head).update(valid_until=TODAY)
    Appointment.objects.create(
        organization=mfg, member=Member.objects.get(key="qc_staff"), position=head, valid_from=TODAY
    )
    actions.changed(mfg)

    assert [person.key for person in directory(mfg, date(2024, 3, 14)).holders["qa_head"]] == ["qa_head"]
    assert [person.key for person in directory(mfg, TODAY).holders["qa_head"]] == ["qc_staff"]


def test_nothing_of_a_proposed_year_counts_before_a_person_confirms_it(mfg):
    SpecialDay.objects.filter(day__year=2025).delete()
    proposal = actions.propose_holidays(organization=mfg, year=2025, country="CN", by="", now=at("2024-11-20 09:00"))
    assert directory(mfg, TODAY).calendar().is_working_day(date(2025, 10, 1))

    actions.confirm_holidays(proposal=proposal, by="general_manager", now=at("2024-11-20 10:00"))

    calendar = directory(mfg, TODAY).calendar()
    assert not calendar.is_working_day(date(2025, 10, 1))
    assert calendar.is_working_day(date(2025, 9, 28))  # a make-up Sunday
    assert Event.objects.filter(name="calendar.confirmed", by="general_manager").exists()
    with pytest.raises(actions.NothingToConfirm):
        actions.confirm_holidays(proposal=proposal, by="general_manager", now=at("2024-11-20 11:00"))


def test_a_provisional_deadline_is_counted_again_when_its_year_is_confirmed(mfg):
    SpecialDay.objects.filter(day__gte=date(2024, 4, 1)).delete()
    WorkingWeek.objects.update(known_until=date(2024, 3, 31))
    actions.changed(mfg)
    told = Telling(mfg, at("2024-03-29 16:00")).start()
    told.do("accept-complaint", by="sales_deputy_manager", outcome="alone", help_needed=False, handler="sales_rep")
    task = Task.objects.get(step="handle-alone")
    assert task.due_is_provisional
    assert f"{task.due_at:%m-%d}" == "04-03"  # three working days, as if Qingming were worked

    proposal = actions.propose_holidays(organization=mfg, year=2024, country="CN", by="", now=told.now)
    proposal.days = [{"day": "2024-04-03", "kind": "holiday", "name": "清明", "periods": []}]
    actions.confirm_holidays(proposal=proposal, by="general_manager", now=told.now)

    assert recounting.ask(organization=mfg, now=told.now) == 1
    assert recounting.recount(mfg, told.now) == 1
    task.refresh_from_db()
    assert f"{task.due_at:%m-%d}" == "04-04"
    assert not task.due_is_provisional


def test_a_confirmed_year_counts_for_the_weeks_of_departments_and_customers_too(mfg):
    """A department with a week of its own, which missed 2024 already; a customer's; and one that no government changes."""
    SpecialDay.objects.filter(day__gte=date(2024, 1, 1)).delete()
    company = WorkingWeek.objects.get(department=None, customer_code="")
    WorkingWeek.objects.filter(pk=company.pk).update(known_until=date(2024, 12, 31))
    SpecialDay.objects.create(organization=mfg, week=company, day=date(2024, 10, 1), kind="holiday", name={})
    late = [[], *[["09:00-12:00", "13:00-18:00"]] * 5, []]
    common = {"organization": mfg, "week": late}
    quality = WorkingWeek.objects.create(
        **common, department=Department.objects.get(key="quality"), known_until=date(2023, 12, 31)
    )
    customer = WorkingWeek.objects.create(**common, customer_code="C0001", known_until=date(2024, 12, 31))
    eternal = WorkingWeek.objects.create(**common, customer_code="C0002")
    SpecialDay.objects.create(
        organization=mfg, week=quality, day=date(2025, 10, 1), kind="special", periods=["08:00-09:00"], name={}
    )
    proposal = actions.propose_holidays(organization=mfg, year=2025, country="CN", by="", now=at("2024-11-20 09:00"))
    actions.confirm_holidays(proposal=proposal, by="general_manager", now=at("2024-11-20 10:00"))

    kept = directory(mfg, TODAY)
    mine, theirs, free = kept.calendar("quality"), kept.calendar("", "C0001"), kept.calendar("", "C0002")
    for week in (company, quality, customer, eternal):
        week.refresh_from_db()
    assert quality.known_until == customer.known_until == company.known_until > date(2025, 12, 1)
    assert (eternal.known_until, free.special_days) == (None, {})
    assert not mine.is_working_day(date(2024, 10, 1))  # the year it missed
    assert not theirs.is_working_day(date(2025, 10, 1))
    assert [str(period) for period in mine.periods_of(date(2025, 10, 1))] == ["08:00-09:00"]  # by hand
    assert [str(period) for period in theirs.periods_of(date(2025, 9, 28))] == ["09:00-12:00", "13:00-18:00"]


def test_a_department_s_provisional_limits_are_counted_again_with_its_own_week(mfg):
    quality = WorkingWeek.objects.create(
        organization=mfg,
        department=Department.objects.get(key="quality"),
        week=[["08:00-12:00", "13:30-17:30"]] * 5 + [[], []],
        known_until=date(2024, 3, 31),
    )
    SpecialDay.objects.filter(day__gte=date(2024, 4, 1)).delete()
    WorkingWeek.objects.update(known_until=date(2024, 3, 31))
    actions.changed(mfg)
    told = to_departments(Telling(mfg, at("2024-03-29 16:00")).start(), "quality")
    task = Task.objects.get(step="propose-countermeasure")
    Task.objects.filter(pk=task.pk).update(due_is_provisional=True)

    proposal = actions.propose_holidays(organization=mfg, year=2024, country="CN", by="", now=told.now)
    proposal.days = [{"day": "2024-04-01", "kind": "holiday", "name": "厂休", "periods": []}]
    actions.confirm_holidays(proposal=proposal, by="general_manager", now=told.now)
    recounting.ask(organization=mfg, now=told.now)
    recounting.recount(mfg, told.now)

    quality.refresh_from_db()
    task.refresh_from_db()
    assert quality.known_until >= date(2024, 12, 1)
    assert not task.due_is_provisional
    assert f"{task.due_at.astimezone(told.now.tzinfo):%m-%d}" == "04-02"


def test_working_time_agreed_with_a_customer_counts_for_his_cases_alone(mfg):
    from dataclasses import replace

    ordinary = directory(mfg, TODAY).calendar()
    actions.agree_calendar(
        organization=mfg,
        customer_code="C0002",
        calendar=replace(ordinary, week=ordinary.week[:5] + (ordinary.week[0],) * 2),
    )
    mine = to_departments(Telling(mfg, at("2024-03-15 15:00")).start(customer="C0002"), "quality")
    other = to_departments(Telling(mfg, at("2024-03-15 15:00")).start(customer="C0001"), "quality")

    due = {
        told.number: told.case.tasks.get(step="propose-countermeasure", state="open").due_at for told in (mine, other)
    }
    assert f"{due[mine.number].astimezone(mine.now.tzinfo):%a %H:%M}" == "Sat 10:00"
    assert f"{due[other.number].astimezone(mine.now.tzinfo):%a %H:%M}" == "Mon 10:00"


def test_a_member_taken_on_by_command_needs_an_address_that_is_one(mfg, capsys) -> None:  # type: ignore[no-untyped-def]
    from kehu.cli.member import run
    from kehu.organizations.models import Member

    assert run(["mfg", "wang", "--name", "王", "--email", "a@b.example\nBcc: c@d.example", "--invite"]) == 1
    assert "name@company.com" in capsys.readouterr().err
    assert not Member.objects.filter(key="wang").exists()
