"""People and positions as pages: taken on, changed, appointed, invited, leaving; who may, and what is said when something is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from kehu.accounts.models import Session
from kehu.core.models import Event
from kehu.organizations.models import Absence, AccessToken, Appointment, Member
from tests.cast import Telling, sign_in

NEW = {"key": "wang_min", "name": "王敏", "name_en": "Wang Min", "email": "wang@example.com", "language": "zh-hans"}


def today():  # type: ignore[no-untyped-def]
    return timezone.localtime(timezone.now()).date()


@pytest.fixture
def personnel(client: Client, mfg) -> Client:  # type: ignore[no-untyped-def]
    return sign_in(client, mfg, "personnel")


def test_somebody_is_taken_on_invited_by_a_link_and_signs_in_with_it(personnel: Client) -> None:
    answer = personnel.post("/settings/people/", NEW | {"positions": ["sales_rep"]})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/settings/people/wang_min/")
    member = Member.objects.get(key="wang_min")
    held = Appointment.objects.get(member=member)
    assert (held.position.key, held.valid_from, held.valid_until) == ("sales_rep", today(), None)
    assert "王敏" in personnel.get("/settings/people/?q=wang").content.decode()

    page = personnel.post("/settings/people/wang_min/invitation/", {"way": "link"}).content.decode()
    link = page.split('readonly value="')[1].split('"')[0]
    chosen = {"password": "trotz-alledem-77", "again": "trotz-alledem-77"}
    assert Client().post(link.removeprefix("http://localhost:8000"), chosen).status_code in (200, 302)
    member.user.refresh_from_db()
    assert member.user.has_usable_password()
    assert personnel.post("/settings/people/wang_min/invitation/", {"way": "link"}).status_code == 422


def test_people_have_a_name_of_their_own_kind_in_chinese(personnel: Client) -> None:
    personnel.cookies["kehu_language"] = "zh-hans"
    heads = personnel.get("/settings/people/").content.decode().split("<thead>")[1].split("</thead>")[0]
    assert "姓名" in heads
    assert "名称" not in heads


@pytest.mark.parametrize(
    ("wrong", "at"),
    [
        ({"key": "Wang Min"}, "small letters"),
        ({"key": "sales_rep"}, "already"),
        ({"name": ""}, "at most 80"),
        ({"email": "wang"}, "name@company.com"),
        ({"positions": ["emperor"]}, "emperor"),
        ({"language": "tlh"}, "languages"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(personnel: Client, wrong, at) -> None:  # type: ignore[no-untyped-def]
    personnel.cookies["kehu_language"] = "en"
    answer = personnel.post("/settings/people/", NEW | {"name_en": "Minnie the Wang"} | wrong)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert at in page.split('class="error"')[1].split("</span>")[0]
    assert "Minnie the Wang" in page
    assert not Member.objects.filter(key="wang_min").exists()


@pytest.mark.parametrize("position", ["sales_rep", "qa_head", "finance"])
def test_who_has_no_right_sees_and_changes_nothing(client: Client, mfg, position) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, position)
    before = Event.objects.count()
    assert client.get("/settings/people/").status_code == 403
    assert client.get("/settings/positions/").status_code == 403
    assert client.get("/settings/people/qa_head/").status_code == 403
    assert "您填写的内容仍在" not in client.get("/settings/people/").content.decode()
    refused = client.post("/settings/people/", NEW)
    assert refused.status_code == 403
    assert "您填写的内容仍在" in refused.content.decode()
    for act in ("facts", "appointments", "appointment-end", "leaving", "staying", "invitation", "sessions"):
        assert client.post(f"/settings/people/sales_head/{act}/", {"last_day": "2099-01-01"}).status_code == 403, act
    assert client.post("/settings/people/sales_head/second-factor/").status_code == 403
    assert Event.objects.count() == before
    assert "/settings/people/" not in client.get("/settings/").content.decode()


def test_appointed_and_ended_by_day(personnel: Client) -> None:
    later = today() + timedelta(days=10)
    given = {"position": "sales_head", "valid_from": later.isoformat()}
    assert personnel.post("/settings/people/sales_rep/appointments/", given).status_code == 302
    held = Appointment.objects.get(member__key="sales_rep", position__key="sales_head")
    assert held.valid_from == later
    assert personnel.post("/settings/people/sales_rep/appointments/", given).status_code == 422
    end = {"appointment": held.pk, "last_day": (later + timedelta(days=5)).isoformat()}
    assert personnel.post("/settings/people/qa_head/appointment-end/", end).status_code == 404  # another's
    assert personnel.post("/settings/people/sales_rep/appointment-end/", end).status_code == 302

    page = personnel.get(f"/settings/positions/?on={later.isoformat()}").content.decode()
    assert later.isoformat() in page
    before = personnel.get("/settings/positions/?on=2020-01-01").content.decode()
    assert later.isoformat() not in before
    assert personnel.get("/settings/positions/?on=yesterday").status_code == 200


def test_a_leaving_is_entered_called_off_and_keeps_what_was_typed(personnel: Client) -> None:
    day = (today() + timedelta(days=30)).isoformat()
    wrong = personnel.post("/settings/people/sales_rep/leaving/", {"last_day": day, "successor": "sales_rep"})
    assert wrong.status_code == 422
    assert f'value="{day}"' in wrong.content.decode()
    given = {"last_day": day, "successor": "sales_head"}
    assert personnel.post("/settings/people/sales_rep/leaving/", given).status_code == 302
    assert Member.objects.get(key="sales_rep").successor.key == "sales_head"
    assert personnel.post("/settings/people/sales_rep/staying/").status_code == 302
    assert Member.objects.get(key="sales_rep").left_on is None


def test_an_absence_is_entered_for_another_and_ended(personnel: Client) -> None:
    day = today().isoformat()
    form = {"first_day": day, "last_day": day, "kind": "leave", "deputy": "sales_head"}
    assert personnel.post("/settings/people/sales_rep/absences/", form).status_code == 302
    absence = Absence.objects.get()
    assert (absence.member.key, absence.entered_by) == ("sales_rep", "personnel")
    assert personnel.post("/settings/people/sales_rep/absences/", form).status_code == 422
    answer = personnel.post(f"/settings/deputies/absences/{absence.pk}/end/")
    assert answer.headers["Location"] == "/settings/people/sales_rep/"


def test_all_sessions_of_another_end_and_his_second_factor_is_reset(personnel: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    from allauth.mfa.models import Authenticator

    other = sign_in(Client(), mfg, "sales_rep")
    assert other.get("/").status_code == 200
    personnel.post("/settings/people/sales_rep/sessions/")
    assert other.get("/").status_code == 302

    user = Member.objects.get(key="sales_rep").user
    Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
    sign_in(other, mfg, "sales_rep")
    personnel.post("/settings/people/sales_rep/second-factor/")
    assert not Authenticator.objects.exists()
    assert not Session.objects.filter(user=user).exists()
    events = Event.objects.filter(stream="member:sales_rep").order_by("sequence")
    assert [(event.name, event.by) for event in events] == [
        ("session.ended", "personnel"), ("second_factor.reset", "personnel"), ("session.ended", "personnel"),
    ]  # fmt: skip


def test_a_leaver_s_session_and_tokens_open_nothing_any_more(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    from kehu.cases.handing_on import hand_on
    from kehu.organizations import members, tokens

    now = timezone.now()
    sign_in(client, mfg, "sales_rep")
    _token, secret = tokens.issue(
        organization=mfg, member="sales_rep", name="x", scopes=["cases:read"], expires_at=now + timedelta(days=9),
        by="sales_rep", now=now,
    )  # fmt: skip
    bearer = {"headers": {"Authorization": f"Bearer {secret}"}}
    assert Client().get("/api/v1/cases", **bearer).status_code == 200

    members.leave(organization=mfg, member="sales_rep", last_day=today() - timedelta(days=1), by="", now=now)
    assert client.get("/").status_code in (302, 403)
    assert Client().get("/api/v1/cases", **bearer).status_code in (401, 403)

    hand_on(mfg, now)
    assert AccessToken.objects.get().revoked_at
    user = Member.objects.get(key="sales_rep").user
    assert not user.is_active
    assert client.get("/").status_code == 302


def test_the_pages_cost_a_fixed_number_of_statements(personnel: Client, mfg, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    """As every list does; the person has everything that his page shows."""
    sign_in(Client(), mfg, "sales_rep")
    for day in (today(), today() + timedelta(days=7)):
        form = {"first_day": day.isoformat(), "last_day": day.isoformat(), "kind": "leave", "deputy": "sales_head"}
        assert personnel.post("/settings/people/sales_rep/absences/", form).status_code == 302
    Telling(mfg).start()
    for address in ("/settings/people/", "/settings/positions/", "/settings/people/sales_rep/"):
        personnel.get(address)
        with django_assert_max_num_queries(12):
            assert personnel.get(address).status_code == 200
