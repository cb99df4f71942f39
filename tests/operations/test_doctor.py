"""The doctor names what is wrong, with a remedy, and says nothing of what is right."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from kehu.cli.main import main
from kehu.core.models import Message, Organization, User
from kehu.notifications.channels import mail_of
from kehu.notifications.models import Delivery
from kehu.operations import doctor, heartbeats
from kehu.operations.gauges import gauges
from kehu.operations.models import Backup
from kehu.organizations.models import Member
from tests.cast import sign_in

NOW = datetime(2024, 3, 15, 6, 0, tzinfo=UTC)


def said(now: datetime = NOW) -> dict[str, str]:
    return {f"{one.subject}: {one.what}": one.remedy for one in doctor.complaints(now)}


def names(now: datetime = NOW) -> str:
    found = said(now)
    assert all(found.values()), "each has a remedy"
    return "\n".join(found)


@pytest.fixture
def sound(settings: Any, mfg: Organization) -> Organization:
    settings.URL, settings.HTTPS = "https://kehu.example.com", True
    settings.SECRET_KEY = "kR7vXo2nQw5mZt8sLb3yHc6uFj9pDa1eGi4x-TqNzBrV"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    heartbeats.beat("worker", now=NOW)
    Backup.objects.create(at=NOW, file="/srv/kehu.zip", size=1, digest="")
    return mfg


SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "debug": ({"DEBUG": True}, "KEHU_DEBUG: shows"),
    "demo": ({"DEMO": True}, "KEHU_DEMO: anybody who reaches kehu.example.com"),
    "plain": ({"URL": "http://kehu.example.com", "HTTPS": False}, "KEHU_URL: http://kehu.example.com: passwords"),
    "hosts": ({"ALLOWED_HOSTS": ["*"]}, "KEHU_ALLOWED_HOSTS: *"),
    "secret": ({"SECRET_KEY": "secret"}, "KEHU_SECRET_KEY: is too simple"),
    "fonts": ({"FONTS": Path("/nowhere")}, "KEHU_FONTS: no printing font"),
    "mail": (
        {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": 9},
        "KEHU_SMTP_URL: the mail server 127.0.0.1:9 does not take us",
    ),
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_an_unsafe_setting_is_named(sound: Organization, settings: Any, kind: str) -> None:
    changes, words = SETTINGS[kind]
    assert words not in names()
    for name, value in changes.items():
        setattr(settings, name, value)

    assert words in names()


def test_a_secret_that_others_can_read_is_named(sound: Organization, settings: Any, tmp_path: Path) -> None:
    settings.VAR = tmp_path
    (tmp_path / "secret_key").write_text("x")
    (tmp_path / "secret_key").chmod(0o644)
    assert "can be read by others" in names()

    (tmp_path / "secret_key").chmod(0o600)
    assert "can be read by others" not in names()


def test_what_stands_still_is_named(sound: Organization) -> None:
    assert not {"workers", "outbox", "backup"} & {line.partition(":")[0] for line in said()}
    Message.objects.create(kind="told", recipient="qa_head", created_at=NOW, next_attempt_at=NOW)
    Message.objects.create(kind="told", recipient="qa_head", created_at=NOW, next_attempt_at=NOW, state="dead")

    later = names(NOW + timedelta(days=3))

    assert "workers: none is at work" in later
    assert "outbox: 1 messages wait longer" in later
    assert "outbox: 1 messages could not be handed out" in later
    assert "backup: the last is of 2024-03-15 06:00 UTC" in later


def test_what_waits_or_was_given_up_is_named_by_kind_of_channel(sound: Organization, client: Client) -> None:
    mail = mail_of(sound)
    common = {"channel": mail, "kind": "told", "at": NOW, "next_attempt_at": NOW}
    for number, state in enumerate(("waiting", "sending", "dead", "sent")):
        Delivery.objects.create(**common, key=str(number), state=state)
    late = NOW + timedelta(hours=1)
    assert "channel mail: 2 deliveries wait, the oldest since 2024-03-15 06:00 UTC" in names(late)
    assert "channel mail: 1 deliveries were given up" in names(late)
    assert "channel chat" not in names(late)

    figures = gauges(late)
    assert figures["kehu_deliveries_waiting"] == {"mail": 2, "chat": 0, "webhook": 0}
    assert figures["kehu_deliveries_dead"] == {"mail": 1, "chat": 0, "webhook": 0}
    assert figures["kehu_deliveries_oldest_seconds"] == {"mail": 3600, "chat": 0, "webhook": 0}
    text = client.get("/metrics").content.decode()
    assert text.count("# TYPE kehu_deliveries_dead gauge\n") == 1
    assert 'kehu_deliveries_dead{channel="mail"} 1\n' in text

    mail.is_on = False
    mail.save()
    assert "deliveries wait" not in names(late), "what waits for a channel that is switched off is not late"


def test_a_worker_that_stops_is_not_missed_as_one_at_work(sound: Organization) -> None:
    assert heartbeats.at_work(NOW) == 1
    heartbeats.leave()
    assert heartbeats.at_work(NOW) == 0


def test_a_calendar_that_ends_soon_is_named(sound: Organization) -> None:
    known = names()
    far = names(NOW + timedelta(days=3650))

    assert "its calendar is known until" not in known
    assert "mfg: its calendar is known until" in far


def test_members_without_a_second_factor_are_counted_where_one_is_demanded(sound: Organization, settings: Any) -> None:
    from allauth.mfa.models import Authenticator

    for key, kinds in {"qa_head": ("totp", "webauthn"), "sales_head": ("recovery_codes",), "vice_gm": ()}.items():
        sign_in(Client(), sound, key)
        user = Member.objects.get(key=key).user
        Authenticator.objects.bulk_create(Authenticator(user=user, type=kind, data={}) for kind in kinds)
    assert "second factor" not in names()

    settings.REQUIRE_MFA = True
    assert "second factor: is demanded, and 2 members have none" in names()

    User.objects.filter(memberships__key="vice_gm").update(is_active=False)
    Member.objects.filter(key="sales_head").update(left_on="2024-01-01")
    assert "second factor" not in names()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has row-level security")
def test_a_wall_that_does_not_stand_is_an_error(sound: Organization) -> None:
    assert "row-level security" not in names()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE cases_case NO FORCE ROW LEVEL SECURITY")

    [found] = [one for one in doctor.complaints(NOW) if "cases_case" in one.what]
    assert (found.level, found.what) == ("error", "Table cases_case has no row-level security")
    assert found.remedy.startswith("`kehu serve` puts it there")


def test_errors_are_the_exit_code(sound: Organization, capsys: Any, settings: Any) -> None:
    settings.DEBUG = True

    assert main(["doctor", "--json"]) == 1

    answer = json.loads(capsys.readouterr().out)
    assert "KEHU_DEBUG" in [one["subject"] for one in answer["complaints"]]
