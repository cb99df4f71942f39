"""What a reader does with his notices, and how he wants to be told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from kehu.core import events
from kehu.core.models import Organization
from kehu.core.refusals import BadData, Finding
from kehu.organizations.queries import Person

from .models import Notice, Preference
from .preferences import Wishes, as_columns


def mark_read(*, by: Person, now: datetime, only: Iterable[int] | None = None) -> int:
    """His notices are read: all of them, or those with these keys."""
    unread = Notice.objects.filter(member_id=by.id, read_at=None)
    return (unread if only is None else unread.filter(pk__in=list(only))).update(read_at=now)


def mark_unread(*, by: Person, key: int) -> int:
    return Notice.objects.filter(member_id=by.id, pk=key).update(read_at=None)


@transaction.atomic
def choose(*, organization: Organization, by: Person, wishes: Wishes) -> None:
    """How he wants to be told from now on. A preference, not a fact of the company: no event."""
    _must_make_sense(wishes)
    Preference.objects.update_or_create(organization=organization, member_id=by.id, defaults=as_columns(wishes))


def follow_company(*, by: Person) -> None:
    """His own choice is forgotten; the company's counts."""
    Preference.objects.filter(member_id=by.id).delete()


@transaction.atomic
def choose_for_company(*, organization: Organization, wishes: Wishes, by: str, now: datetime) -> None:
    """How everybody is told who has not chosen himself."""
    _must_make_sense(wishes)
    columns = as_columns(wishes)
    Preference.objects.update_or_create(organization=organization, member=None, defaults=columns)
    times = ("quiet_from", "quiet_until", "daily_at")
    facts = {**columns, **{key: str(columns[key] or "") for key in times}}
    events.record(organization, "notifications.company_default", by=by, at=now, **facts)


def _must_make_sense(wishes: Wishes) -> None:
    if (wishes.quiet_from is None) != (wishes.quiet_until is None):
        raise BadData([Finding("quiet", _("Quiet hours need a beginning and an end; leave both empty for none."))])
