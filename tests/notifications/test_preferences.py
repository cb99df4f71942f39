"""Everybody is told as he wishes: what, at what pace, and when not."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from kehu.core.models import Message, Organization
from kehu.core.refusals import BadData
from kehu.notifications import actions
from kehu.notifications.delivery import deliver
from kehu.notifications.models import Delivery, Notice, Preference
from kehu.notifications.preferences import Wishes
from kehu.organizations.models import Member
from kehu.organizations.queries import directory
from tests.cast import FRIDAY, at, sign_in

NIGHT = at("2024-03-15 22:00")  # a Friday
MONDAY = at("2024-03-18 07:30")


def wishes(**more: Any) -> Wishes:
    return Wishes(
        **{"mail": {}, "quiet_from": None, "quiet_until": None, "quiet_days_off": False, "daily_at": time(8), **more}
    )


def wish(mfg: Organization, **more: Any) -> None:
    person = directory(mfg, FRIDAY.date()).people["sales_deputy_manager"]
    actions.choose(organization=mfg, by=person, wishes=wishes(**more))


def say(mfg: Organization, kind: str, moment: Any = FRIDAY, count: int = 1) -> None:
    Message.objects.bulk_create(
        Message(
            organization=mfg,
            kind=kind,
            recipient="sales_deputy_manager",
            step=f"step-{number}",
            created_at=moment,
            next_attempt_at=moment,
        )
        for number in range(count)
    )


def test_what_can_wait_waits_for_the_end_of_quiet_hours_and_days(deputy: Member, mfg: Organization) -> None:
    wish(mfg, quiet_from=time(20), quiet_until=time(7, 30), quiet_days_off=True)
    say(mfg, "task_opened", NIGHT)

    deliver(NIGHT, organization=mfg)
    assert Delivery.objects.get().next_attempt_at == MONDAY
    assert Notice.objects.count() == 1
    deliver(at("2024-03-18 07:29"), organization=mfg)
    assert not mail.outbox
    deliver(MONDAY, organization=mfg)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("begin", "end", "moment", "due"),
    [
        (time(12), time(13), "2024-03-15 12:30", "2024-03-15 13:00"),
        (time(12), time(13), "2024-03-15 13:00", "2024-03-15 13:00"),
        (time(20), time(7), "2024-03-15 06:59", "2024-03-15 07:00"),
        (time(20), time(7), "2024-03-15 20:00", "2024-03-16 07:00"),
        (time(8), time(8), "2024-03-15 08:00", "2024-03-15 08:00"),
    ],
)
def test_quiet_hours_end_where_they_end(
    deputy: Member, mfg: Organization, begin: time, end: time, moment: str, due: str
) -> None:
    wish(mfg, quiet_from=begin, quiet_until=end)
    say(mfg, "reminder", at(moment))
    deliver(at(moment), organization=mfg)
    found = Delivery.objects.get()
    assert (found.sent_at or found.next_attempt_at) == at(due)


def test_what_is_urgent_does_not_wait(deputy: Member, mfg: Organization) -> None:
    wish(mfg, quiet_from=time(20), quiet_until=time(7, 30), quiet_days_off=True)
    say(mfg, "escalated", NIGHT)
    deliver(NIGHT, organization=mfg)
    assert len(mail.outbox) == 1


def test_a_day_s_summary_is_one_mail_on_the_next_working_day(deputy: Member, mfg: Organization) -> None:
    wish(mfg, mail={"tasks": "daily", "copies": "daily"}, quiet_days_off=True)
    say(mfg, "task_opened", count=60)
    say(mfg, "told", count=15)
    deliver(FRIDAY, organization=mfg)
    deliver(at("2024-03-18 07:59"), organization=mfg)
    assert not mail.outbox

    deliver(at("2024-03-18 08:00"), organization=mfg)

    [summary] = mail.outbox
    assert "75" in summary.subject
    assert summary.body.count("· ") >= 75
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


def test_what_is_not_wanted_by_mail_shows_only_in_the_pages(deputy: Member, mfg: Organization) -> None:
    wish(mfg, mail={"tasks": "never"})
    say(mfg, "task_opened")
    deliver(FRIDAY, organization=mfg)
    assert not Delivery.objects.exists()
    assert Notice.objects.count() == 1


def test_who_has_not_chosen_is_told_as_the_company_says_and_else_as_the_pack(deputy: Member, mfg: Organization) -> None:
    say(mfg, "told")
    deliver(FRIDAY, organization=mfg)
    assert Delivery.objects.get().is_daily  # packs/mfg

    actions.choose_for_company(organization=mfg, wishes=wishes(mail={"copies": "at_once"}), by="vice_gm", now=FRIDAY)
    say(mfg, "told")
    deliver(FRIDAY, organization=mfg)
    assert len(mail.outbox) == 1


def test_half_a_quiet_time_is_refused(deputy: Member, mfg: Organization) -> None:
    with pytest.raises(BadData):
        wish(mfg, quiet_from=time(20))


def test_the_page_keeps_and_forgets_a_choice_and_what_was_typed_stays(
    client: Client, deputy: Member, mfg: Organization
) -> None:
    sign_in(client, mfg, "sales_deputy_manager")
    typed = {"mail-tasks": "daily", "quiet_from": "21:00", "quiet_until": "06:15", "daily_at": "09:00", "act": "save"}

    answer = client.post("/settings/notifications/", {**typed, "quiet_until": "late"})
    assert answer.status_code == 422
    assert 'value="21:00"' in answer.content.decode()
    assert not Preference.objects.exists()

    assert client.post("/settings/notifications/", typed).status_code == 302
    row = Preference.objects.get()
    assert (row.mail["tasks"], row.quiet_until, row.daily_at) == ("daily", time(6, 15), time(9))

    client.post("/settings/notifications/", {"act": "follow"})
    assert not Preference.objects.exists()
