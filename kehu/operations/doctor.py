"""What is unsafe or wrong in this installation, each with its remedy. Only looks."""

from __future__ import annotations

import os
import shutil
import smtplib
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.mail import get_connection
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from kehu.cases.models import Deadline
from kehu.core import wall
from kehu.core.models import Message, Organization
from kehu.core.scope import every_organization, scope
from kehu.notifications.health import queues
from kehu.organizations.models import Member, WorkingWeek
from kehu.organizations.permissions import may_administer
from kehu.organizations.queries import directory

from . import heartbeats
from .models import Backup

BACKUP_AGE = timedelta(days=2)
OUTBOX_AGE = timedelta(minutes=15)
DEADLINE_LAG = timedelta(minutes=5)
CALENDAR_AHEAD = timedelta(days=60)
CLOCK_DRIFT = timedelta(seconds=5)
DISK_LEFT = 1 << 30
SECRET_LENGTH = 40
_ON_THE_NET = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs"})


@dataclass(frozen=True)
class Complaint:
    """`level`: `error` is unsafe or does not work, `warning` will be or is not as it should."""

    level: Literal["error", "warning"]
    subject: str
    what: str
    remedy: str


def complaints(now: datetime) -> list[Complaint]:
    """All of them. Where the database does not answer, the questions to it are left out."""
    found = [one for check in WITHOUT_DATABASE for one in check(now)]
    try:
        connection.ensure_connection()
        is_current = not MigrationExecutor(connection).migration_plan(
            MigrationExecutor(connection).loader.graph.leaf_nodes()
        )
    except DatabaseError as error:
        what = f"the database does not answer ({str(error).splitlines()[0]})"
        return [*found, Complaint("error", "database", what, "Start it, or correct KEHU_DATABASE_URL.")]
    found += [one for one in _server(now)]
    if not is_current:
        what = "the database is not of this version"
        return [*found, Complaint("error", "database", what, "Run kehu upgrade.")]
    return found + [one for check in IN_DATABASE for one in check(now)]


# --- what the environment says ----------------------------------------------------------------------------------------


def _switches(now: datetime) -> Iterator[Complaint]:
    host = urlsplit(settings.URL).hostname or ""
    is_public = host not in ("localhost", "127.0.0.1", "::1")
    if settings.DEBUG:
        yield Complaint("error", "KEHU_DEBUG", "shows the program's insides to everybody", "Unset KEHU_DEBUG.")
    if settings.DEMO and is_public:
        yield Complaint("error", "KEHU_DEMO", f"anybody who reaches {host} may sign in as anybody", "Unset KEHU_DEMO.")
    if is_public and not settings.HTTPS:
        yield Complaint(
            "error",
            "KEHU_URL",
            f"{settings.URL}: passwords and records travel unencrypted",
            "Put a proxy with a certificate in front and write KEHU_URL=https://…",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield Complaint(
            "error", "KEHU_ALLOWED_HOSTS", "* lets a stranger choose the address in links", "Name the hosts instead."
        )
    if settings.HTTPS and os.environ.get("KEHU_HOST", "127.0.0.1") not in ("127.0.0.1", "::1", "localhost"):
        yield Complaint(
            "warning",
            "KEHU_HOST",
            "Kehu can be reached past the proxy, and trusts X-Forwarded-Proto of whoever does",
            "Listen on 127.0.0.1, or let only the proxy reach the port; the proxy must set X-Forwarded-Proto itself.",
        )


def _secret(now: datetime) -> Iterator[Complaint]:
    key = settings.SECRET_KEY
    if len(key) < SECRET_LENGTH or len(set(key)) < 10:
        yield Complaint(
            "error",
            "KEHU_SECRET_KEY",
            "is too simple: whoever guesses it signs in as anybody",
            "Unset it, and Kehu makes one; or write 50 random characters.",
        )
    file = Path(settings.VAR) / "secret_key"
    if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
        yield Complaint("error", str(file), "can be read by others on this machine", f"chmod 600 {file}")


def _disk(now: datetime) -> Iterator[Complaint]:
    folder = Path(settings.VAR)
    if not os.access(folder, os.W_OK):
        yield Complaint("error", str(folder), "cannot be written to", "Give the folder to the user Kehu runs as.")
    left = shutil.disk_usage(folder).free
    if left < DISK_LEFT:
        yield Complaint("error", str(folder), f"only {left >> 20} MB are left", "Make room, or move KEHU_VAR.")
    if connection.vendor == "sqlite" and (kind := _file_system(folder)) in _ON_THE_NET:
        yield Complaint(
            "error",
            "KEHU_DATABASE_URL",
            f"SQLite lies on a network file system ({kind}), where its locks do not hold",
            "Move KEHU_VAR to a disk of this machine, or use PostgreSQL.",
        )


def _files(now: datetime) -> Iterator[Complaint]:
    try:
        default_storage.listdir("")
    except FileNotFoundError:
        return  # no file was ever kept
    except OSError as error:
        what = f"attachments can neither be kept nor read ({error.strerror})"
        yield Complaint("error", "KEHU_FILES_URL", what, "Correct address, bucket and keys, or open the way to it.")


def _file_system(folder: Path) -> str:
    """The kind of the file system the folder lies on; empty where the machine does not say."""
    try:
        mounts = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return ""
    where = [line.split() for line in mounts]
    inside = [parts for parts in where if len(parts) > 2 and folder.is_relative_to(parts[1])]
    return max(inside, key=lambda parts: len(parts[1]))[2] if inside else ""


def _fonts(now: datetime) -> Iterator[Complaint]:
    if not any(Path(settings.FONTS).glob("**/*.[ot]t[fc]")):
        yield Complaint(
            "error", "KEHU_FONTS", f"no printing font in {settings.FONTS}: PDFs cannot be made", "make install"
        )


def _mail(now: datetime) -> Iterator[Complaint]:
    if "smtp" not in settings.EMAIL_BACKEND:
        yield Complaint(
            "warning", "KEHU_SMTP_URL", "is not set: mail becomes files and reaches nobody", "Name your mail server."
        )
        return
    try:
        with get_connection(timeout=5):
            pass
    except (OSError, smtplib.SMTPException) as error:
        yield Complaint(
            "error",
            "KEHU_SMTP_URL",
            f"the mail server {settings.EMAIL_HOST}:{settings.EMAIL_PORT} does not take us ({type(error).__name__})",
            "Correct address, user and password, or open the way to it.",
        )


# --- what the database says -------------------------------------------------------------------------------------------


def _server(now: datetime) -> Iterator[Complaint]:
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int, clock_timestamp(), current_setting('fsync')")
        version, at, fsync = cursor.fetchone()
    if version < 150000:
        yield Complaint("error", "database", f"PostgreSQL {version // 10000} is too old", "Kehu needs 15 or newer.")
    drift = abs(at - datetime.now(at.tzinfo))
    if drift > CLOCK_DRIFT:
        yield Complaint(
            "error",
            "clock",
            f"this machine and the database differ by {drift.total_seconds():.0f} s; deadlines fire at the wrong time",
            "Let both keep time by NTP.",
        )
    if fsync == "off":
        yield Complaint("error", "database", "fsync is off: a power cut may lose everything", "Set fsync = on.")
    yield from (Complaint("error", "database", *_halves(gap)) for gap in wall.gaps(connection))


def _halves(sentence: str) -> tuple[str, str]:
    what, _, remedy = sentence.partition(". ")
    return what, remedy


def _workers(now: datetime) -> Iterator[Complaint]:
    if not heartbeats.at_work(now):
        yield Complaint(
            "error", "workers", "none is at work: no deadline fires, no message leaves", "Start kehu worker."
        )
    if connection.vendor == "sqlite" and heartbeats.at_work(now) > 2:
        yield Complaint(
            "warning", "workers", "several processes share one SQLite file and wait for one another", "Use PostgreSQL."
        )
    with every_organization():
        late = Deadline.everywhere.filter(active=True, at__lt=now - DEADLINE_LAG, organization__is_demo=False).count()
        stuck = Deadline.everywhere.filter(active=False).exclude(error="").count()
    if late:
        yield Complaint(
            "error",
            "deadlines",
            f"{late} have come and were not fired",
            "Start more kehu worker processes; read their log.",
        )
    if stuck:
        yield Complaint(
            "warning",
            "deadlines",
            f"{stuck} could not be fired",
            "A rule of the pack is wrong; the worker's log names it.",
        )


def _outbox(now: datetime) -> Iterator[Complaint]:
    with every_organization():
        waiting = Message.everywhere.filter(
            state="waiting", attempts=0, created_at__lt=now - OUTBOX_AGE, organization__is_demo=False
        ).count()
        dead = Message.everywhere.filter(state="dead").count()
    if waiting:
        yield Complaint("error", "outbox", f"{waiting} messages wait longer than they should", "Start kehu worker.")
    if dead:
        yield Complaint(
            "warning",
            "outbox",
            f"{dead} messages could not be handed out",
            "The worker's log names the reason of each; nobody was told of them.",
        )


def _channels(now: datetime) -> Iterator[Complaint]:
    with every_organization():
        found = queues(now)
    for kind, queue in found.items():
        if queue.oldest and queue.oldest < now - OUTBOX_AGE:
            yield Complaint(
                "error",
                f"channel {kind}",
                f"{queue.waiting} deliveries wait, the oldest since {queue.oldest:%Y-%m-%d %H:%M} UTC",
                "Start kehu worker; `kehu channel list` and the channels' page say why a channel fails.",
            )
        if queue.dead:
            yield Complaint(
                "warning",
                f"channel {kind}",
                f"{queue.dead} deliveries were given up",
                "See why on the channels' page, and send them again or drop them.",
            )


def _organizations(now: datetime) -> Iterator[Complaint]:
    with every_organization():
        organizations = list(Organization.objects.order_by("key"))
    if not organizations:
        yield Complaint("warning", "organizations", "there is none", "kehu publish PACK")
    for organization in organizations:
        with scope(organization):
            people = directory(organization, now.date()).people.values()
            if not any(may_administer(person, "people", organization) for person in people):
                yield Complaint(
                    "warning",
                    organization.key,
                    "nobody administers its people",
                    "Name positions under administration: people in its pack and publish it.",
                )
            weeks = WorkingWeek.objects.filter(known_until__isnull=False).order_by("known_until")
            first = weeks.values_list("known_until", flat=True).first()
            if first and first < (now + CALENDAR_AHEAD).date():
                yield Complaint(
                    "warning",
                    organization.key,
                    f"its calendar is known until {first} only; later deadlines are provisional",
                    f"kehu calendar {first.year + (first.month == 12)} --confirm --by MEMBER",
                )


def _second_factors(now: datetime) -> Iterator[Complaint]:
    if not settings.REQUIRE_MFA:
        return
    from allauth.mfa.models import Authenticator

    sound = Authenticator.objects.filter(type__in=("totp", "webauthn")).values_list("user_id", flat=True)
    with every_organization():
        here = Member.everywhere.filter(user__is_active=True).exclude(left_on__lte=now.date())
        members = here.exclude(user__in=sound).count()
    if members:
        yield Complaint(
            "warning",
            "second factor",
            f"is demanded, and {members} members have none",
            "They set it up when they sign in next; ask them to.",
        )


def _backups(now: datetime) -> Iterator[Complaint]:
    last = Backup.objects.order_by("-at").values_list("at", flat=True).first()
    remedy = "Run kehu backup every night (deploy/systemd/kehu-backup.timer)."
    if last is None:
        yield Complaint("warning", "backup", "there has never been one", remedy)
    elif now - last > BACKUP_AGE:
        yield Complaint("warning", "backup", f"the last is of {last:%Y-%m-%d %H:%M} UTC", remedy)


Check = Callable[[datetime], Iterator[Complaint]]
WITHOUT_DATABASE: tuple[Check, ...] = (_switches, _secret, _disk, _files, _fonts, _mail)
IN_DATABASE: tuple[Check, ...] = (_workers, _outbox, _channels, _organizations, _second_factors, _backups)
