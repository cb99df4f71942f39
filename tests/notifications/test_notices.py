"""Messages become notices and mails; people read them."""

from __future__ import annotations

from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kehu.core.models import Message, Organization
from kehu.notifications.delivery import deliver
from kehu.notifications.models import Delivery, Notice
from kehu.organizations.models import Member
from tests.cast import FRIDAY, Telling, sign_in


def test_a_message_becomes_one_notice_and_one_mail(deputy: Member, complaint: Telling, mfg: Organization) -> None:
    assert deliver(FRIDAY, organization=mfg) == 1
    assert deliver(FRIDAY, organization=mfg) == 0
    [notice] = deputy.notices.all()
    assert (notice.kind, notice.case_number) == ("task_opened", complaint.number)
    [sent] = mail.outbox
    assert Delivery.objects.get().state == Delivery.State.SENT
    assert sent.to == ["deputy@example.com"]
    assert sent.subject.startswith(f"[{complaint.number}] ")
    assert f"/cases/{complaint.number}/" in sent.body
    assert "03-15 15:00" in sent.body
    assert "S4-1.1" in sent.body


def test_a_mail_speaks_its_readers_language(deputy: Member, complaint: Telling, mfg: Organization) -> None:
    Member.objects.filter(pk=deputy.pk).update(language="en")
    deliver(FRIDAY, organization=mfg)
    assert "Accept the complaint" in mail.outbox[0].subject
    assert "1 hour of working time left" in mail.outbox[0].body


def test_without_an_address_there_is_only_the_notice(complaint: Telling, mfg: Organization) -> None:
    deliver(FRIDAY, organization=mfg)
    assert Notice.objects.count() == 1
    assert not mail.outbox
    assert Message.objects.get().state == Message.State.SENT


def test_a_message_to_nobody_is_put_aside(complaint: Telling, mfg: Organization) -> None:
    Message.objects.update(recipient="somebody_else")
    deliver(FRIDAY, organization=mfg)
    dead = Delivery.objects.get()
    assert (dead.state, dead.error) == (Delivery.State.DEAD, "there is no such member")


def test_notices_are_read_one_by_one_all_and_unread_again(
    client: Client, complaint: Telling, mfg: Organization
) -> None:
    Telling(mfg).start()
    deliver(FRIDAY, organization=mfg)
    sign_in(client, mfg, "sales_deputy_manager")
    notice = Notice.objects.order_by("pk").last()
    assert notice
    answer = client.get(f"/notices/{notice.pk}/")
    assert answer["Location"] == f"/cases/{notice.case_number}/"
    assert Notice.objects.filter(read_at=None).count() == 1
    client.post("/notices/reading/", {"notice": notice.pk, "unread": "1"})
    assert Notice.objects.filter(read_at=None).count() == 2
    client.post("/notices/reading/")
    assert Notice.objects.filter(read_at=None).count() == 0


def test_nobody_reads_anothers_notices(client: Client, complaint: Telling, mfg: Organization) -> None:
    deliver(FRIDAY, organization=mfg)
    notice = Notice.objects.get()
    sign_in(client, mfg, "sales_rep")
    assert client.get(f"/notices/{notice.pk}/")["Location"] == "/notices/"
    client.post("/notices/reading/", {"notice": notice.pk})
    client.post("/notices/reading/")
    assert Notice.objects.get().read_at is None


def test_the_list_costs_a_fixed_number_of_statements(client: Client, mfg: Organization) -> None:
    for _ in range(8):
        Telling(mfg).start()
    deliver(FRIDAY, organization=mfg)
    sign_in(client, mfg, "sales_deputy_manager")
    client.get("/notices/")
    with CaptureQueriesContext(connection) as captured:
        page = client.get("/notices/").content.decode()
    assert page.count("notice-line") == 8
    assert len(captured) <= 12
