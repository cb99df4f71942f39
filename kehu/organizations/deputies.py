"""Deputy rules (委托代理): named by the principal or by whoever has the right `absences`, counting once the deputy has accepted."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max, Q
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from kehu.core import events
from kehu.core.models import Message, Organization
from kehu.core.refusals import AgainstTheRule, BadData, Conflict, Finding, NotYours
from kehu.core.scope import scope

from .actions import changed
from .models import DeputyRule, Member
from .permissions import may_administer
from .queries import directory, local_now, rule_of
from .standing_in import Rule, circle


class CircleOfDeputies(AgainstTheRule):
    code = "deputy.circle"
    message = gettext_lazy(
        "These deputies would stand in for one another in a circle: {chain}. "
        "Name somebody else, or let one of these rules end first."
    )


class NotTheDeputy(NotYours):
    code = "deputy.not_asked"
    message = gettext_lazy("Deputy rule {number} asks {deputy}; only the deputy can answer it.")


class NotYourRule(NotYours):
    code = "deputy.not_yours"
    message = gettext_lazy(
        "Deputy rule {number} is between {principal} and {deputy}; one of them or the personnel office ends it."
    )


class AnsweredAlready(Conflict):
    code = "deputy.answered"
    message = gettext_lazy(
        "Deputy rule {number} is no longer open for an answer. Reload the page to see how it stands."
    )


class NoSuchRule(AgainstTheRule):
    code = "deputy.no_such_rule"
    status = 404
    message = gettext_lazy("There is no deputy rule {number}.")


class NotForOthers(NotYours):
    code = "absence.not_for_others"
    message = gettext_lazy("Absences and deputies of others are entered by {positions}.")


@transaction.atomic
def name_deputy(
    *,
    organization: Organization,
    principal: str,
    deputy: str,
    valid_from: date,
    by: str,
    now: datetime,
    last_day: date | None = None,
    procedures: Collection[str] = (),
    limit: Decimal | None = None,
    note: str = "",
) -> DeputyRule:
    """The principal asks somebody to stand in for him while he is absent, until the last day (included; None: until revoked)."""
    with scope(organization):
        _lock(organization)
        must_speak_for(organization, principal, by, now)
        people = directory(organization, local_now(organization, now).date()).people
        findings = []
        if principal not in people:
            findings.append(Finding("principal", _("There is nobody called “{value}” here.").format(value=principal)))
        if deputy not in people:
            findings.append(Finding("deputy", _("There is nobody called “{value}” here.").format(value=deputy)))
        if deputy == principal:
            findings.append(Finding("deputy", _("Nobody is his own deputy. Choose somebody else.")))
        if last_day is not None and last_day < valid_from:
            findings.append(Finding("last_day", _("The last day comes before the first.")))
        if limit is not None and limit < 0:
            findings.append(Finding("limit", _("A limit is not below zero.")))
        if findings:
            raise BadData(findings)
        ends = last_day + timedelta(days=1) if last_day else None
        number = (DeputyRule.objects.aggregate(last=Max("number"))["last"] or 0) + 1
        new = Rule(number, principal, deputy, valid_from, ends, frozenset(procedures) or None, limit)
        if found := circle(_standing(new), new):
            raise CircleOfDeputies(chain=" → ".join(_called(people, key) for key in found))
        rule = DeputyRule.objects.create(
            organization=organization,
            number=number,
            principal_id=people[principal].id,
            deputy_id=people[deputy].id,
            valid_from=valid_from,
            valid_until=ends,
            procedures=sorted(procedures),
            limit=limit,
            note=note,
            entered_by=by,
            entered_at=now,
        )
        changed(organization)
        events.record(organization, "deputy.named", by=by, at=now, **_facts(rule, principal, deputy))
        _tell("deputy_asked", rule, to=deputy, about=people[principal].name, now=now)
    return rule


def _standing(new: Rule) -> list[Rule]:
    """The rules that may come to count beside it, those not yet answered too."""
    rows = DeputyRule.objects.filter(
        Q(valid_until=None) | Q(valid_until__gt=new.valid_from), revoked_at=None, declined_at=None
    )
    return [rule_of(row) for row in rows.select_related("principal", "deputy")]


@transaction.atomic
def accept(*, organization: Organization, number: int, by: str, now: datetime) -> DeputyRule:
    """The deputy accepts: from now on the rule counts on its days."""
    with scope(organization):
        rule = _asked(organization, number, by)
        rule.accepted_at = now
        rule.save(update_fields=["accepted_at"])
        _recorded(organization, "deputy.accepted", rule, by, now)
        _tell("deputy_accepted", rule, to=rule.principal.key, about=rule.deputy.name, now=now)
    return rule


@transaction.atomic
def decline(*, organization: Organization, number: int, by: str, now: datetime, reason: str = "") -> DeputyRule:
    with scope(organization):
        rule = _asked(organization, number, by)
        rule.declined_at = now
        rule.save(update_fields=["declined_at"])
        _recorded(organization, "deputy.declined", rule, by, now, reason=reason)
        _tell("deputy_declined", rule, to=rule.principal.key, about=rule.deputy.name, now=now, reason=reason)
    return rule


@transaction.atomic
def revoke(*, organization: Organization, number: int, by: str, now: datetime) -> DeputyRule:
    """The rule counts no more, from now on. What was done under it stays done. Revoking twice does nothing."""
    with scope(organization):
        rule = _locked(organization, number)
        if by not in ("", rule.principal.key, rule.deputy.key) and not may_enter_for_others(organization, by, now):
            raise NotYourRule(number=number, principal=called(rule.principal), deputy=called(rule.deputy))
        if rule.revoked_at is None:
            rule.revoked_at, rule.revoked_by = now, by
            rule.save(update_fields=["revoked_at", "revoked_by"])
            _recorded(organization, "deputy.revoked", rule, by, now)
            for member, other in ((rule.principal, rule.deputy), (rule.deputy, rule.principal)):
                if member.key != by:
                    _tell("deputy_revoked", rule, to=member.key, about=other.name, now=now)
    return rule


def may_enter_for_others(organization: Organization, by: str, now: datetime) -> bool:
    people = directory(organization, local_now(organization, now).date()).people
    return may_administer(people.get(by), "absences", organization)


def must_speak_for(organization: Organization, member: str, by: str, now: datetime) -> None:
    """Everybody for himself; for others whoever has the right `absences` (an assistant, personnel), and the command line."""
    from .permissions import whose

    if by not in ("", member) and not may_enter_for_others(organization, by, now):
        raise NotForOthers(positions=whose("absences", organization))


def called(member: Member) -> str:
    return str(member.name["zh" if (get_language() or "zh").startswith("zh") else "en"])


def _called(people: Any, key: str) -> str:
    return str(people[key].called(get_language() or "zh")) if key in people else key


def _lock(organization: Organization) -> None:
    """Two rules made at once are looked at one after the other, so that they cannot close a circle together."""
    Organization.objects.select_for_update().get(pk=organization.pk)


def _locked(organization: Organization, number: int) -> DeputyRule:
    _lock(organization)
    rule = DeputyRule.objects.select_related("principal", "deputy").filter(number=number).first()
    if rule is None:
        raise NoSuchRule(number=number)
    return rule


def _asked(organization: Organization, number: int, by: str) -> DeputyRule:
    """The rule, if it is this person's to answer and not answered yet."""
    rule = _locked(organization, number)
    if rule.deputy.key != by:
        raise NotTheDeputy(number=number, deputy=called(rule.deputy))
    if rule.state != "asked":
        raise AnsweredAlready(number=number)
    return rule


def _recorded(organization: Organization, name: str, rule: DeputyRule, by: str, now: datetime, **more: Any) -> None:
    changed(organization)
    facts = {
        **_facts(rule, rule.principal.key, rule.deputy.key),
        **{key: value for key, value in more.items() if value},
    }
    events.record(organization, name, by=by, at=now, **facts)


def _facts(rule: DeputyRule, principal: str, deputy: str) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "rule": rule.number,
        "principal": principal,
        "deputy": deputy,
        "valid_from": rule.valid_from.isoformat(),
    }
    if rule.valid_until:
        facts["last_day"] = (rule.valid_until - timedelta(days=1)).isoformat()
    if rule.procedures:
        facts["procedures"] = rule.procedures
    if rule.limit is not None:
        facts["limit"] = str(rule.limit)
    return facts


def _tell(kind: str, rule: DeputyRule, *, to: str, about: dict[str, str], now: datetime, reason: str = "") -> None:
    last = (rule.valid_until - timedelta(days=1)).isoformat() if rule.valid_until else ""
    Message.objects.create(
        organization=rule.organization,
        kind=kind,
        recipient=to,
        facts={
            "name": about,
            "rule": rule.number,
            "from": rule.valid_from.isoformat(),
            "until": last,
            **({"reason": reason} if reason else {}),
        },
        created_at=now,
        next_attempt_at=now,
    )
