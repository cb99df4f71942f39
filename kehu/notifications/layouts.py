"""A paper layout of the pack that cannot be set: the page went out by the standard one, and who looks after the procedures hears of it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from kehu.core import events
from kehu.core.models import Event, Message, Organization
from kehu.core.scope import scope
from kehu.organizations.permissions import may_administer
from kehu.organizations.queries import directory, local_now

FAILED = "layout.failed"


@transaction.atomic
def tell_of_layout(
    *, organization: Organization, procedure: str, form: str, layout: str, error: str, by: str, now: datetime
) -> None:
    """Once for each text of a layout: whoever prints next need not tell it again."""
    with scope(organization):
        if Event.objects.filter(stream="organization", name=FAILED, facts__layout=layout).exists():
            return
        events.record(
            organization,
            FAILED,
            by=by,
            at=now,
            procedure=procedure,
            form=form,
            layout=layout,
            error=error[:1000],
        )
        people = directory(organization, local_now(organization, now).date()).people.values()
        facts = {"form": form, "error": error[:300]}
        Message.objects.bulk_create(
            Message(
                organization=organization,
                kind="layout_failed",
                recipient=person.key,
                facts=facts,
                created_at=now,
                next_attempt_at=now,
            )
            for person in people
            if may_administer(person, "procedures", organization)
        )
