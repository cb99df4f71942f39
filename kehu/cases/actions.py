"""What may be done with a case: one action, one transaction, one event. Every door calls these and nothing else.

`by` is the member's key, `now` the moment; `version` is the case's version the caller saw. Refused acts leave no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kehu.core.models import Event, Organization
from kehu.core.refusals import BadData, Finding, Refusal
from kehu.core.scope import scope
from kehu.core.wording import listed
from kehu.engine import advance
from kehu.engine.advance import NotPossible, Signer
from kehu.engine.definitions import Outcome, Step, TableRole
from kehu.engine.expressions import ExpressionError
from kehu.engine.records import Data, encoded, holds
from kehu.engine.tables import NoDecision
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import by_code
from kehu.organizations.permissions import whose
from kehu.organizations.queries import Person
from kehu.organizations.standing_in import StandIn
from kehu.procedures import revisions
from kehu.procedures.forms import Filling, accept, defaults

from . import going_back
from .assignment import may_do, parties_of, roles_of
from .attachments import as_facts
from .folder import Beginning, Folder
from .models import Assignment, Attachment, Case, Task
from .permissions import (
    beyond_the_mandate,
    is_entitled,
    power_over,
    power_to_open,
    role_words,
    roles_text,
    roles_words,
    who_holds,
    who_may_do,
)
from .refusals import (
    ActedMeanwhile,
    BeyondTheMandate,
    CaseClosed,
    CasePaused,
    ChangedMeanwhile,
    DoneAlready,
    MayNotStart,
    NoSuchProcedure,
    NotAuthorized,
    NotOpen,
    NotStartable,
    OwnSubmission,
    RuleUndecided,
    SignedAlready,
    SubmittedByPrincipal,
    SwitchedOff,
    WaitsForSigners,
    WrongPosition,
    refusal_of,
)
from .work import Work

Typed = Mapping[str, Any] | Callable[[Folder], Mapping[str, Any]]
"""Values as they were typed; or, where the form must be known to read them, a function that reads them for the case at work."""
P = ParamSpec("P")
T = TypeVar("T")


def action(act: Callable[P, T]) -> Callable[P, T]:
    """One transaction: done or not done. A rule of the pack that cannot be evaluated refuses the act and names the rule."""

    @wraps(act)
    def acted(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with transaction.atomic():
                return act(*args, **kwargs)
        except (ExpressionError, NoDecision) as error:
            raise RuleUndecided(rule=str(error)) from error

    return acted


@action
def open_case(
    *,
    organization: Organization,
    procedure: str,
    by: str,
    now: datetime,
    customer: str | None = None,
    values: Mapping[str, Any] | None = None,
    outcome: str | None = None,
    reason: str = "",
    attachments: list[int] | None = None,
) -> Case:
    """A case opens. With `values` its first step is filled and completed at once; without, it waits for the starter."""
    with scope(organization):
        work = begin(organization, by, now)
        if procedure not in work.procedures:
            raise NoSuchProcedure(procedure=procedure)
        running = revisions.procedures_of(organization)[procedure]
        found = by_code(customer) if customer else None
        found_power = power_to_open(work, running, found)
        if found_power is None:
            raise MayNotStart(
                procedure=say(running.procedure.title), role=role_words(running, running.procedure.first_step)
            )
        work.acting = found_power.acting
        if found is None and (customer or running.procedure.customer == "required"):
            raise _no_customer(customer)
        if not running.procedure.startable:
            raise NotStartable(procedure=say(running.procedure.title))
        if not revisions.is_on(work.procedures[procedure]):
            raise SwitchedOff(procedure=say(running.procedure.title), positions=whose("procedures", organization))
        (folder,) = work.open([Beginning(procedure, found, work.by, said=values or {})])
        if values is not None:
            _complete(folder, folder.procedure.first_step, "", outcome, values, reason)
        if attachments:
            waiting = Attachment.objects.filter(
                pk__in=attachments, case=None, by_id=work.by.id if work.by else None
            ).select_related("stored")
            if taken := list(waiting.order_by("pk")):
                Attachment.objects.filter(pk__in=[one.pk for one in taken]).update(case=folder.case)
                folder.record("case.file_added", **as_facts(taken))
        work.write()
        return folder.case


@action
def complete(
    *,
    organization: Organization,
    number: str,
    step: str,
    by: str,
    now: datetime,
    values: Typed | None = None,
    item: str = "",
    outcome: str | None = None,
    to: str | None = None,
    reason: str = "",
    version: int | None = None,
) -> Case:
    """A step is completed with an outcome."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        _complete(folder, step, item, outcome, values or {}, reason, to=to, version=version)
        work.write()
        return folder.case


@action
def save_draft(
    *,
    organization: Organization,
    number: str,
    step: str,
    by: str,
    now: datetime,
    values: Typed,
    item: str = "",
) -> Case:
    """What was typed so far is kept with the task; nothing moves."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        definition = open_step(folder, step, item)
        must_not_wait(folder, step, item)
        must_have(folder, step, item)
        typed = accept(filling_for(folder, definition, item), _read(values, folder), None)
        task = folder.row(step, item)
        Task.objects.filter(pk=task.pk).update(draft=encoded(typed))
        return folder.case


@action
def send_back(
    *,
    organization: Organization,
    number: str,
    step: str,
    to: str,
    reason: str,
    by: str,
    now: datetime,
    item: str = "",
    to_item: str | None = None,
    version: int | None = None,
) -> Case:
    """退回: an earlier step is done again, and its redo comes straight back here."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        definition = open_step(folder, step, item)
        must_run(folder)
        must_not_wait(folder, step, item)
        must_have(folder, step, item)
        need_reason(reason)
        check_version(folder, definition, version)
        going_back.must_not_have_entered(folder, to, to_item)
        move = answer_of(
            folder,
            lambda: advance.send_back(
                folder.procedure, folder.state, step, item, to, to_item, folder.facts(reason=reason)
            ),
        )
        folder.move(move, "task.sent_back", reason=reason, step=step, item=item, to=to)
        work.write()
        return folder.case


@action
def hand_over(
    *,
    organization: Organization,
    number: str,
    step: str,
    to: str,
    by: str,
    now: datetime,
    item: str = "",
    reason: str = "",
) -> Case:
    """转办: somebody else has the task, for good. Where the step decides something, he must be entitled to decide it."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        definition = open_step(folder, step, item)
        must_not_wait(folder, step, item)
        must_have(folder, step, item)
        person = member(folder, to)
        if definition.approves and not is_entitled(folder, step, item, person):
            raise NotAuthorized(person=person.called(get_language() or "zh"), step=say(definition.title))
        task = folder.row(step, item)
        task.department = next(iter(person.departments), "")
        folder.mark(task)
        folder.relieved.append((task, Assignment.Part.DO, None))
        folder.asked.append((task, Assignment.Part.DO, [person]))
        folder.record("task.handed_over", step=step, item=item, to=to, reason=reason)
        work.tell("handed_over", [person], folder, step, item, reason=reason)
        work.write()
        return folder.case


@action
def void(
    *, organization: Organization, number: str, reason: str, by: str, now: datetime, version: int | None = None
) -> Case:
    """作废: the case ends without a result. Its number and all that was written stay; what it entered in ledgers is taken back. It ends as
    it was seen (`version`) or not at all: what somebody did in it meanwhile may be why it should go on."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        must_be_open(folder)
        must_hold(folder, folder.procedure.void, _("void"))
        need_reason(reason)
        check_unchanged(folder, version)
        going_back.withdrawn(folder, reason)
        folder.move(advance.void(folder.state), "case.voided", reason=reason)
        work.write()
        return folder.case


@action
def reopen(
    *,
    organization: Organization,
    number: str,
    reason: str,
    by: str,
    now: datetime,
    to: str | None = None,
    version: int | None = None,
) -> Case:
    """复案: a voided case stands where it stood, or where it enters again what was taken back; a closed one at `to` or at the step
    completed last."""
    with scope(organization):
        work = begin(organization, by, now)
        folder = work.take(number)
        if folder.state.status == advance.VOIDED:
            to = going_back.where_it_goes_on(folder, to)
        move = answer_of(
            folder, lambda: advance.reopen(folder.procedure, folder.state, to, folder.facts(reason=reason))
        )
        must_hold(folder, folder.procedure.reopen, _("reopen"))
        need_reason(reason)
        check_unchanged(folder, version)
        if folder.state.status != advance.VOIDED or to is not None:
            move = going_back.undone(folder, move, to, reason)
        folder.move(move, "case.reopened", reason=reason)
        work.write()
        return folder.case


# --- what all of them ask ---------------------------------------------------------------------------------------------


def begin(organization: Organization, by: str, now: datetime) -> Work:
    work = Work(organization, None, now)
    person = work.people.people.get(by)
    if person is None:
        raise WrongPosition(step=_("acting here"), role=_("members of this organization"))
    work.by = person
    return work


def _complete(
    folder: Folder,
    step: str,
    item: str,
    outcome: str | None,
    values: Typed,
    reason: str,
    *,
    to: str | None = None,
    version: int | None = None,
) -> None:
    definition = open_step(folder, step, item)
    must_run(folder)
    must_not_wait(folder, step, item)
    must_have(folder, step, item)
    values = _read(values, folder)
    reason = reason or str(values.get("reason") or "")
    if folder.procedure.fills_reason(
        definition
    ):  # the form's own field is the act's reason; who does the step again need not write it again
        reason = reason or str(folder.state.data.get("reason") or "")
        values = {**values, "reason": reason}
    facts = folder.facts(reason=reason, to=to)
    answers = answers_for(folder, definition, step, item, values)
    filling = filling_for(folder, definition, item, facts, answers)
    chosen_key, chosen = _choose(folder, filling, step, outcome, values)
    filling.facts = facts = {**facts, "outcome": chosen_key}
    typed = accept(filling, values, chosen, reason)
    _check_named(folder, filling, step, item)
    check_offered(filling, chosen)
    _check_mandate(folder, filling.after)
    signers = {signer["who"] for signer in folder.row(step, item).signers if signer["order"] != "together"}
    check_submission(folder, step, item, signers)
    signs, signers_by_side = _signature(folder, definition, item, step, chosen)
    check_version(folder, definition, version)
    likeness = filling.facts["likeness"]
    answer_of(
        folder,
        lambda: folder.complete(
            step,
            item,
            chosen_key,
            typed,
            reason,
            waits=True,
            answers=answers,
            signs=signs,
            likeness=likeness,
            signers=signers_by_side,
        ),
    )


def _check_named(folder: Folder, filling: Filling, step: str, item: str) -> None:
    """Where a decision table names the role by what this very step fills, anybody it may name takes the step up; completing it is
    for whom it names now."""
    role, before = filling.step.role, folder.state.data
    if not isinstance(role, TableRole):
        return
    inputs = [asked.key for asked in folder.running.tables[role.table].inputs if asked.key not in role.inputs]
    if all(filling.after.get(key) == before.get(key) for key in inputs):
        return
    circumstances = replace(folder.circumstances(step, item), context=filling.context(filling.after))
    roles = roles_of(filling.step, circumstances)
    acting = folder.work.acting
    if not may_do(folder.work.people.people[acting.principal] if acting else actor(folder), roles, circumstances):
        raise WrongPosition(step=say(filling.step.title), role=roles_words(folder.running, [roles]))


def answers_for(folder: Folder, definition: Step, step: str, item: str, values: Mapping[str, Any]) -> Data:
    """What ledgers say, asked with what was typed, or is offered where nothing was."""
    if not definition.asks:
        return {}
    filling = filling_for(folder, definition, item)
    typed = accept(filling, values, None)
    offered = {key: value for key, value in defaults(filling).items() if key not in typed}
    return folder.answers(step, item, filling.with_values({**offered, **typed}))


def _signature(
    folder: Folder, definition: Step, item: str, step: str, outcome: Outcome
) -> tuple[tuple[Signer, ...], list[str | None]]:
    """Of a step that several do together: who acts signs for his side. Nothing where his is the last signature, or he refuses. And
    who has signed for each side now."""
    if not definition.signatures:
        return (), []
    work, token = folder.work, folder.state.token(step, item)
    assert token
    names = {actor(folder).key, *([work.acting.principal] if work.acting else [])}
    circumstances = folder.circumstances(step, item)
    sides = parties_of(definition, circumstances)
    mine = work.people.people[work.acting.principal] if work.acting else actor(folder)
    entitled = {side for side, roles in enumerate(sides) if may_do(mine, roles, circumstances)}
    left = [side for side in range(len(sides)) if side not in token.sides_signed]
    side = next((side for side in left if side in entitled or not entitled), None)
    if side is None or names & {signer.who for signer in token.signers if signer.order == "together"}:
        raise SignedAlready(
            step=say(definition.title), role=roles_words(folder.running, [sides[side] for side in left])
        )
    by_side = {signer.side: signer.who for signer in token.signers if signer.order == "together"}
    signed = [{**by_side, side: actor(folder).key}.get(number) for number in range(len(sides))]
    if len(left) == 1 or outcome.refuses:
        return (), signed
    return tuple(Signer(who, "together", agreed=True, side=side) for who in sorted(names)), signed


def _read(values: Typed, folder: Folder) -> Mapping[str, Any]:
    return values(folder) if callable(values) else values


def _choose(
    folder: Folder, filling: Filling, step: str, outcome: str | None, values: Mapping[str, Any]
) -> tuple[str, Outcome]:
    """The outcome by its name, by where it leads, or the only one that fits what was filled."""
    definition = filling.step
    if outcome is None and not filling.facts.get("to"):
        after = filling.with_values(accept(filling, values, None))
        context = filling.context(after)
        offered = advance.offered_outcomes(definition, context)
        if len(keys := advance.proposed(offered, context)) == 1:
            return keys[0], offered[keys[0]]
    found: tuple[str, Outcome] = answer_of(
        folder, lambda: advance.choose_outcome(definition, step, outcome, folder.state.data, filling.facts)
    )
    return found


def check_offered(filling: Filling, outcome: Outcome) -> None:
    """An outcome that the filled form rules out is refused as bad data."""
    if outcome.when is not None and not holds(outcome.when, filling.context(filling.after)):
        fitting = advance.offered_outcomes(filling.step, filling.context(filling.after)).values()
        message = _(
            "“{outcome}” does not fit what the form says. With it goes: {fitting}. Choose that, or correct the form."
        )
        words = listed(say(one.title) for one in fitting) or _("nothing yet")
        raise BadData([Finding("outcome", message.format(outcome=say(outcome.title), fitting=words))])


def filling_for(
    folder: Folder,
    definition: Step,
    item: str,
    facts: Mapping[str, Any] | None = None,
    answers: Data | None = None,
) -> Filling:
    return Filling(
        folder.procedure.form,
        definition,
        item,
        {**folder.state.data, **answers} if answers else folder.state.data,
        facts or folder.facts(),
        folder.work.people,
        has_customer=lambda code: Customer.objects.filter(code=code).exists(),
    )


def open_step(folder: Folder, step: str, item: str) -> Step:
    """The step, open at that place; otherwise who did it, or what is open instead."""
    must_be_open(folder)
    definition = folder.procedure.steps.get(step)
    if definition is not None and folder.state.token(step, item) and definition.kind == "task":
        return definition
    done = [task for task in folder.tasks if (task.step, task.item, task.state) == (step, item, Task.State.DONE)]
    if definition is None:
        raise refusal_of(NotPossible("order", "no_such_step", step=step), {})
    if done and done[-1].done_by_id:
        person = folder.work.people.by_id.get(done[-1].done_by_id)
        raise DoneAlready(
            step=say(definition.title),
            person=person.called(get_language() or "zh") if person else "–",
            at=folder.work.clock_face(done[-1].closed_at),
        )
    raise NotOpen(step=say(definition.title), open=_open_words(folder))


def _open_words(folder: Folder) -> str:
    names = [
        f"{say(folder.procedure.steps[token.step].title)}{f' [{token.item}]' if token.item else ''}"
        for token in folder.state.tokens
    ]
    return listed(names) or "–"


def must_be_open(folder: Folder) -> None:
    if not folder.state.is_open:
        raise CaseClosed(number=folder.case.number, status=status_words(folder))


def must_run(folder: Folder) -> None:
    """Nothing moves while the case is paused."""
    if folder.state.paused:
        raise CasePaused(number=folder.case.number, at=folder.work.clock_face(folder.case.paused_at))


def must_not_wait(folder: Folder, step: str, item: str) -> None:
    """Nothing is done to a step that was completed and waits for who signs after."""
    token = folder.state.token(step, item)
    if token and token.held:
        raise WaitsForSigners(
            step=say(folder.procedure.steps[step].title), people=names(folder, (one.who for one in token.asked))
        )


def names(folder: Folder, keys: Iterable[str]) -> str:
    people, language = folder.work.people.people, get_language() or "zh"
    return listed(people[key].called(language) if key in people else key for key in keys)


def member(folder: Folder, key: str, path: str = "to") -> Person:
    person = folder.work.people.people.get(key)
    if person is None:
        raise BadData([Finding(path, _("There is nobody called “{value}” here.").format(value=key))])
    return person


def status_words(folder: Folder) -> str:
    step = folder.procedure.steps.get(folder.state.status)
    return say(step.title) if step else str(_("voided"))


def must_have(folder: Folder, step: str, item: str) -> None:
    """Who acts may do the task, in his own right or as a deputy; from here on the work knows which."""
    refusal = WrongPosition(step=say(folder.procedure.steps[step].title), role=role_words(folder.running, step))
    act_as(folder, who_may_do(folder, step, item), refusal)


def must_hold(folder: Folder, role: str, act: str) -> None:
    """Who acts has a role that the procedure names, in his own right or as a deputy."""
    act_as(folder, who_holds(folder, role), WrongPosition(step=act, role=roles_text(role, folder.running)))


def act_as(folder: Folder, may: Callable[[Person], bool], otherwise: Refusal) -> None:
    """By which power somebody acts, noted for what is recorded; a deputy whose limit is too low is told that, any other `otherwise`."""
    person, work = actor(folder), folder.work
    found = power_over(folder, may, person)
    if found is None:
        if beyond := beyond_the_mandate(person, may, work.people, folder.procedure.key, folder.amount):
            raise _too_much(folder, beyond, folder.amount)
        raise otherwise
    work.acting = found.acting


def _too_much(folder: Folder, power: StandIn, amount: Decimal | None) -> BeyondTheMandate:
    return BeyondTheMandate(principal=names(folder, [power.principal]), limit=power.limit, amount=amount)


def _check_mandate(folder: Folder, after: Data) -> None:
    """What a deputy fills in himself counts too: he does not raise the amount above his limit and approve it."""
    power, amount = folder.work.acting, folder.amount_of(after)
    if power and not power.covers("", amount):
        raise _too_much(folder, power, amount)


def check_submission(folder: Folder, step: str, item: str, signers: Collection[str] = ()) -> None:
    """Nobody approves what he submitted (or signed): not himself, not through a deputy, not as a deputy; nor does whoever stands in
    for him."""
    excluded, acting, by = folder.submitters(step, item) | set(signers), folder.work.acting, actor(folder)
    if acting and acting.principal in excluded:
        raise SubmittedByPrincipal(principal=names(folder, [acting.principal]))
    if by.key not in excluded:
        return
    submitted = folder.submitted(step, item)
    for one in by.stands_in:
        if one.principal in submitted and by.key not in submitted:
            raise SubmittedByPrincipal(principal=names(folder, [one.principal]))
    raise OwnSubmission()


def actor(folder: Folder) -> Person:
    assert folder.work.by
    return folder.work.by


def check_version(folder: Folder, definition: Step, version: int | None) -> None:
    """Somebody who saw an older version is stopped only where it matters: when a part this step fills has changed since."""
    if version is None or version >= folder.case.version:
        return
    mine = {
        key
        for section in definition.fills
        for key in folder.procedure.form.sections[section].fields
        if not folder.procedure.form.sections[section].per
    }
    for task in folder.tasks:
        if (task.closed_version or 0) > version and task.state == Task.State.DONE and mine & set(task.filled):
            person = folder.work.people.by_id.get(task.done_by_id or 0)
            raise ChangedMeanwhile(
                person=person.called(get_language() or "zh") if person else "–",
                step=say(folder.procedure.steps[task.step].title),
                at=folder.work.clock_face(task.closed_at),
            )


def check_unchanged(folder: Folder, version: int | None) -> None:
    """The whole case as it was seen: for what ends it, stops it or lets it go on."""
    if version is None or version >= folder.case.version:
        return
    last = Event.objects.filter(stream=f"case:{folder.case.pk}").order_by("-sequence").first()
    by = last.by if last else ""
    raise ActedMeanwhile(
        person=names(folder, [by]) if by else _("the system"),
        at=folder.work.clock_face(last.at if last else folder.case.changed_at),
    )


def need_reason(reason: str) -> None:
    if not reason.strip():
        raise BadData([Finding("reason", _("A reason is needed."))])


def answer_of(folder: Folder, question: Callable[[], Any]) -> Any:
    """The engine's answer; its no is a refusal."""
    try:
        return question()
    except NotPossible as error:
        facts: dict[str, Any] = {
            "number": folder.case.number,
            "open": _open_words(folder),
            "status": status_words(folder),
            "people": names(folder, error.facts.get("who", ())),
            "at": folder.work.clock_face(folder.case.paused_at),
        }
        if (key := error.facts.get("step")) in folder.procedure.steps:
            facts["step"] = say(folder.procedure.steps[key].title)
            facts["outcomes"] = " / ".join(
                say(outcome.title) for outcome in folder.procedure.steps[key].all_outcomes().values()
            )
        raise refusal_of(error, facts) from None


def _no_customer(code: str | None) -> BadData:
    if code:
        return BadData([Finding("customer", _("There is no customer “{value}”.").format(value=code))])
    return BadData([Finding("customer", _("Choose the customer: every record of this procedure belongs to one."))])


def say(text: Any) -> str:
    return str(text.in_(get_language() or "zh-hans"))
