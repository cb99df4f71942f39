"""Inviting the customer by a link: to complete a step himself, or to read how his case stands; and what becomes of the link."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Literal

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kehu.core.models import Organization
from kehu.core.refusals import BadData, Finding, Refusal
from kehu.core.scope import scope
from kehu.engine.records import value_of
from kehu.ledgers.customers.models import Contact
from kehu.organizations.calendars import Budget, due

from .actions import action, actor, begin, must_have, must_not_wait, must_run, open_step, say
from .folder import Folder
from .guests import Visit
from .links import digest_of, is_bound_to, new_key
from .models import Case, Invitation, Task
from .refusals import (
    LinkElsewhere,
    LinkEnded,
    LinkExpired,
    LinkRevoked,
    LinkUsed,
    NobodyInvited,
    NoOpenLink,
    NoStatusPage,
    TakesNoPart,
    TooManyLinks,
)
from .telling import takes_part
from .work import Work

Language = Literal["zh-hans", "en"]
MOST = 20
"""Links of one case that are open at once."""
LONGEST = timedelta(days=366)
AGAIN = timedelta(hours=1)
"""So long after a refusal another for the same reason is counted, but is no event: an event costs a row for ever."""

_OVER: dict[str, type[Refusal]] = {
    "revoked": LinkRevoked,
    "used": LinkUsed,
    "over": LinkEnded,
    "expired": LinkExpired,
    "elsewhere": LinkElsewhere,
}


@action
def invite(
    *,
    organization: Organization,
    number: str,
    step: str,
    name: str,
    by: str,
    now: datetime,
    item: str = "",
    address: str = "",
    language: Language = "zh-hans",
    until: str = "",
    send: bool = False,
) -> Case:
    """The customer gets a link with which he completes the step himself. A link the same person has for it is replaced."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        definition = open_step(folder, step, item)
        must_run(folder)
        must_not_wait(folder, step, item)
        must_have(folder, step, item)
        if definition.invites is None:
            raise NobodyInvited(step=say(definition.title))
        task = folder.row(step, item)
        _make(
            folder,
            Invitation.Kind.ANSWER,
            task,
            name,
            _address(folder, name, address, send=send),
            language,
            _expiry(folder, until, definition.invites.valid),
            send=send,
        )
        work.write()
        return folder.case


@action
def share_status(
    *,
    organization: Organization,
    number: str,
    name: str,
    by: str,
    now: datetime,
    address: str = "",
    language: Language = "zh-hans",
    until: str = "",
    send: bool = False,
) -> Case:
    """The customer gets a link with which he reads how his case stands, as far as the procedure shows it to customers."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        page = folder.procedure.status_page
        if not takes_part(folder, actor(folder)):
            raise TakesNoPart(number=number)
        if page is None:
            raise NoStatusPage(procedure=say(folder.procedure.title))
        expires_at = _expiry(folder, until, page.valid)
        _make(
            folder,
            Invitation.Kind.STATUS,
            None,
            name,
            _address(folder, name, address, send=send),
            language,
            expires_at,
            send=send,
        )
        work.write()
        return folder.case


@action
def revoke_invitation(
    *, organization: Organization, number: str, invitation: str, by: str, now: datetime, reason: str = ""
) -> Case:
    """The link opens nothing any more. `invitation` is its number, as the case's page and the API list it."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        if not takes_part(folder, actor(folder)):
            raise TakesNoPart(number=number)
        found = links_of(folder).filter(pk=int(invitation)).first() if invitation.isdecimal() else None
        if found is None:
            raise BadData([Finding("invitation", _("This case has no link “{value}”.").format(value=invitation))])
        if not found.is_open(now):
            raise NoOpenLink()
        _revoke(found, now)
        folder.record("invitation.revoked", **_place(found), invitation=found.pk, invited=found.name, reason=reason)
        work.write()
        return folder.case


# --- what becomes of a link ---------------------------------------------------------------------------------------------


def why_refused(invitation: Invitation, browser: str, now: datetime) -> str:
    """Why this browser may not come in by the link now; empty where it may. Whoever answered by it may still read his receipt."""
    state = invitation.state(now)
    if state == "revoked" or (state in ("over", "expired") and not invitation.used_at):
        return state
    if invitation.browser and not is_bound_to(invitation, browser):
        return "used" if invitation.used_at else "elsewhere"
    return "expired" if now >= invitation.expires_at else ""


def refusal_for(why: str, invitation: Invitation, language: str) -> Refusal:
    name = invitation.made_by.name["zh" if language.startswith("zh") else "en"]
    return _OVER[why](name=name)


@action
def open_link(
    *, organization: Organization, invitation: int, browser: str, visit: Visit, language: str, now: datetime
) -> Invitation:
    """Somebody has pressed Open: from now on the link is his browser's. Who comes second is refused."""
    with scope(organization):
        found, folder = taken(organization, invitation, now)
        if why := why_refused(found, browser, now):
            raise refusal_for(why, found, language)
        first = not found.browser
        if first:
            found.opened_at, found.browser = now, digest_of(browser)
        found.opens += 1
        found.save(update_fields=["opened_at", "browser", "opens"])
        if first:
            folder.record(
                "invitation.opened", **_place(found), invitation=found.pk, invited=found.name, **visit.facts()
            )
            folder.work.write()
        return found


@action
def note_refusal(*, organization: Organization, invitation: int, why: str, visit: Visit, now: datetime) -> None:
    """Somebody was refused at a link that is ours: counted, and an event unless the last of its kind is fresh."""
    with scope(organization):
        found, folder = taken(organization, invitation, now)
        is_news = found.refused_for != why or found.refused_at is None or now - found.refused_at >= AGAIN
        found.refusals += 1
        if is_news:
            found.refused_at, found.refused_for = now, why
        found.save(update_fields=["refusals", "refused_at", "refused_for"])
        if is_news:
            facts = {"invitation": found.pk, "invited": found.name, "why": why, **visit.facts()}
            folder.record("invitation.refused", **_place(found), **facts)
            folder.work.write()


def taken(organization: Organization, invitation: int, now: datetime) -> tuple[Invitation, Folder]:
    """The link as it stands while its case is locked."""
    work = Work(organization, None, now)
    found = Invitation.objects.select_related("made_by").get(pk=invitation)
    folder = work.take(pk=found.case_id)
    found.refresh_from_db(from_queryset=Invitation.objects.select_related("made_by"))
    found.task = next((task for task in folder.tasks if task.pk == found.task_id), None)
    return found, folder


# --- making one ---------------------------------------------------------------------------------------------------------


def _make(
    folder: Folder,
    kind: Invitation.Kind,
    task: Task | None,
    name: str,
    address: str,
    language: str,
    expires_at: datetime,
    *,
    send: bool,
) -> None:
    work, name = folder.work, " ".join(name.split())
    if not name or len(name) > 80:
        raise BadData([Finding("name", _("Say in at most 80 letters who is invited."))])
    open_ones = [one for one in links_of(folder) if one.is_open(work.now)]
    replaced = [one for one in open_ones if (one.task_id, one.kind, one.name) == (task and task.pk, kind, name)]
    if len(open_ones) - len(replaced) >= MOST:
        raise TooManyLinks(count=MOST, number=folder.case.number)
    for one in replaced:
        _revoke(one, work.now)
    assert work.by
    made = Invitation.objects.create(
        organization=work.organization,
        case=folder.case,
        task=task,
        kind=kind,
        key=new_key(),
        name=name,
        address=address,
        language=language,
        made_by_id=work.by.id,
        made_at=work.now,
        expires_at=expires_at,
    )
    folder.record(
        "invitation.made",
        **_place(made),
        invitation=made.pk,
        kind=str(made.kind),
        invited=name,
        mail=address,
        expires_at=expires_at.isoformat(),
        replaces=[one.pk for one in replaced] or None,
    )
    if send:
        work.send_link(made, folder)


def _address(folder: Folder, name: str, typed: str, *, send: bool) -> str:
    """The mail address that was typed; else that of the customer's contact of that name."""
    address = typed.strip()
    if not address and folder.case.customer_id:
        contact = Contact.objects.filter(customer=folder.case.customer_id, name=name.strip()).exclude(email="").first()
        address = contact.email if contact else ""
    if not address and send:
        raise BadData([Finding("address", _("Type the mail address, or do not send the link by mail and copy it."))])
    if address:
        try:
            validate_email(address)
        except ValidationError:
            raise BadData([Finding("address", _("“{value}” is no mail address.").format(value=address))]) from None
    return address


def _expiry(folder: Folder, until: str, valid: str) -> datetime:
    """The end of the day that was named, else as long as the procedure says."""
    work = folder.work
    if not until:
        words = str(value_of(valid, folder.facts())) if valid.startswith("settings.") else valid
        found = due(work.people.calendar(), Budget.parse(words), work.now)
        assert found
        return found.at
    try:
        day = date.fromisoformat(until)
    except ValueError:
        raise BadData([Finding("until", _("Enter a day such as 2024-03-15."))]) from None
    end = datetime.combine(day + timedelta(days=1), time(), work.local.tzinfo)
    if not work.now < end <= work.now + LONGEST:
        raise BadData([Finding("until", _("Choose a day from today on, within a year."))])
    return end


def _revoke(invitation: Invitation, now: datetime) -> None:
    invitation.revoked_at = now
    invitation.save(update_fields=["revoked_at"])


def links_of(folder: Folder) -> QuerySet[Invitation]:
    return Invitation.objects.filter(case=folder.case).select_related("task", "made_by").order_by("pk")


def _place(invitation: Invitation) -> dict[str, str]:
    task = invitation.task
    return {"step": task.step, "item": task.item} if task else {}
