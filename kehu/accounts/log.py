"""What happened to a member's sign-in: his own append-only, chained stream `member:KEY`, in every organization he belongs to."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from django.db import transaction

from kehu.core import events
from kehu.core.models import Organization, User
from kehu.core.scope import every_organization, scope
from kehu.organizations.models import Member

from .models import FailedSignIn, MemberLog


@transaction.atomic
def record(user: User, name: str, *, now: datetime, by: str | None = None, **facts: Any) -> None:
    """`by`: the key of the member who did it; left out, it was he himself."""
    with every_organization():
        his = list(Member.everywhere.filter(user=user).order_by("pk"))
    for member in his:
        with scope(member.organization_id):
            _record(member, name, now=now, by=member.key if by is None else by, facts=facts)


def _record(member: Member, name: str, *, now: datetime, by: str, facts: dict[str, Any]) -> None:
    MemberLog.objects.get_or_create(member=member, organization_id=member.organization_id)
    log = MemberLog.objects.select_for_update().get(member=member)
    event = events.link(
        organization_id=member.organization_id,
        stream=f"member:{member.key}",
        sequence=log.sequence + 1,
        previous=log.head,
        name=name,
        at=now,
        by=by,
        facts=facts,
    )
    event.save(force_insert=True)
    log.sequence, log.head = event.sequence, event.digest
    log.save(update_fields=["sequence", "head"])


def gather_failures(organization: Organization, now: datetime) -> int:
    """Failed tries since the last time become one event for each member; gives how many tries. Tries under names that nobody
    has are only counted away: what was typed there may have been a password."""
    with transaction.atomic(), scope(organization):
        FailedSignIn.objects.filter(user=None).delete()
        failed = list(
            FailedSignIn.objects.select_for_update(of=("self",))
            .filter(user__memberships__organization=organization)
            .select_related("user")
            .order_by("pk")
        )
        tries: dict[User, list[FailedSignIn]] = {}
        for one in failed:
            assert one.user
            tries.setdefault(one.user, []).append(one)
        for user, of_user in tries.items():
            addresses = dict(Counter(one.address for one in of_user).most_common(10))
            record(user, "sign_in.failed", by="", now=now, count=len(of_user), addresses=addresses)
        FailedSignIn.objects.filter(pk__in=[one.pk for one in failed]).delete()
    return len(failed)
