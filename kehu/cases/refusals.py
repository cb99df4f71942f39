"""Why a case does not move. Each says what was tried, why not, and what to do instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from kehu.core.refusals import AgainstTheRule, BadData, Conflict, Finding, NotYours, OutOfOrder, Refusal
from kehu.engine.advance import NotPossible
from kehu.procedures.revisions import NoSuchProcedure as NoSuchProcedure


class NoSuchStep(OutOfOrder):
    code = "case.no_such_step"
    message = _("This procedure has no step “{step}”.")


class NotOpen(OutOfOrder):
    code = "task.not_open"
    message = _("“{step}” is not open now. Open are: {open}.")


class DoneAlready(OutOfOrder):
    code = "task.done_already"
    message = _("“{step}” was completed already, by {person} at {at}. Reload the page to see how the case stands.")


class CaseClosed(OutOfOrder):
    code = "case.closed"
    message = _("{number} is closed ({status}); nothing more can be done in it unless it is reopened.")


class NotClosed(OutOfOrder):
    code = "case.not_closed"
    message = _("{number} is open, so it cannot be reopened.")


class NotDoneBefore(OutOfOrder):
    code = "task.not_done_before"
    message = _("“{step}” was not completed in this case, so nothing can be sent back to it.")


class OpenAlready(OutOfOrder):
    code = "task.open_already"
    message = _("“{step}” is open already.")


class CasePaused(OutOfOrder):
    code = "case.paused"
    message = _("{number} has been paused since {at}; nothing moves until it is resumed.")


class PausedAlready(OutOfOrder):
    code = "case.paused_already"
    message = _("{number} is paused already, since {at}.")


class NotPaused(OutOfOrder):
    code = "case.not_paused"
    message = _("{number} is not paused, so it cannot be resumed.")


class WaitsForSigners(OutOfOrder):
    code = "task.waits_for_signers"
    message = _("“{step}” waits for the signature of {people}. Nudge them, or take the request back.")


class AskedAlready(OutOfOrder):
    code = "task.asked_already"
    message = _("{people} was asked already for “{step}”.")


class NotAsked(OutOfOrder):
    code = "task.not_asked"
    message = _("Nothing is asked of {people} at “{step}” now.")


class NotAskedOfYou(NotYours):
    code = "task.not_asked_of_you"
    message = _("Nobody asked you about “{step}”.")


class ActedSince(OutOfOrder):
    code = "task.acted_since"
    message = _(
        "“{step}” cannot be withdrawn any more: somebody has acted on it since. Ask whoever has it now to send it back."
    )


class HasConsequences(OutOfOrder):
    code = "task.has_consequences"
    message = _("“{step}” cannot be withdrawn: it has opened another case or changed other records.")


class NothingToWithdraw(NotYours):
    code = "task.nothing_to_withdraw"
    message = _("“{step}” was not completed by you, so there is nothing to withdraw.")


class NudgedAlready(AgainstTheRule):
    code = "task.nudged_already"
    message = _("“{step}” was nudged at {before}; the next time is possible from {at} on.")


class TakesNoPart(NotYours):
    code = "case.takes_no_part"
    message = _("This is for whoever started {number}, works on it or may read all such cases.")


class WrongPosition(NotYours):
    code = "task.wrong_position"
    message = _("“{step}” is for {role}; your position does not allow it.")


class MayNotStart(NotYours):
    code = "case.may_not_start"
    message = _("“{procedure}” is started by {role}; your position does not allow it.")


class MayNotSee(NotYours):
    code = "case.may_not_see"
    message = _("You take no part in {number}. Ask whoever handles it, or your manager, if you need to read it.")


class OwnSubmission(AgainstTheRule):
    code = "task.own_submission"
    message = _("You submitted this yourself; somebody else must decide it.")


class SignedAlready(AgainstTheRule):
    code = "task.signed_already"
    message = _("Your side of “{step}” is signed; the other side signs it now: {role}. Nobody signs for both.")


class SubmittedByPrincipal(AgainstTheRule):
    code = "task.submitted_by_principal"
    message = _(
        "{principal} submitted this, and you stand in for {principal}; a deputy does not approve it either. "
        "Somebody else must decide it."
    )


class BeyondTheMandate(NotYours):
    code = "task.beyond_the_mandate"
    message = _(
        "You stand in for {principal} up to {limit}, and this case is about {amount}. It is for whoever stands above {principal}."
    )


class NobodyInvited(AgainstTheRule):
    code = "task.nobody_invited"
    message = _("“{step}” is not answered by a link: its procedure invites nobody to it.")


class NoStatusPage(AgainstTheRule):
    code = "case.no_status_page"
    message = _("“{procedure}” shows customers nothing by a link.")


class TooManyLinks(AgainstTheRule):
    code = "invitation.too_many"
    message = _("{count} links of {number} are open already. Withdraw those that nobody needs any more.")


class NoOpenLink(OutOfOrder):
    code = "invitation.not_open"
    message = _("This link is over already: there is nothing to withdraw.")


class LinkElsewhere(NotYours):
    code = "link.elsewhere"
    message = _("This link was opened in another browser before, and works there only. Ask {name} for a new one.")


class LinkOver(OutOfOrder):
    status = 410


class LinkExpired(LinkOver):
    code = "link.expired"
    message = _("This link has expired. Ask {name} for a new one.")


class LinkUsed(LinkOver):
    code = "link.used"
    message = _("This link was used: the answer was given.")


class LinkRevoked(LinkOver):
    code = "link.revoked"
    message = _("This link was withdrawn. Ask {name} if you expected it to work.")


class LinkEnded(LinkOver):
    code = "link.over"
    message = _("What this link asked for was settled in another way. Ask {name} if you have a question.")


class ReadAnother(Conflict):
    code = "link.read_another"
    message = _(
        "Something you were reading has changed meanwhile. Please read it again and then answer; what you typed is still here."
    )


class NotStartable(AgainstTheRule):
    code = "procedure.not_startable"
    message = _("“{procedure}” is not started by hand.")


class EnteredAlready(AgainstTheRule):
    code = "case.entered_already"
    message = _(
        "What “{step}” says is entered in the ledger already, so it cannot be sent back there. When the case has ended it can be reopened there; what it entered is taken back then."
    )


class EntriesWithdrawn(AgainstTheRule):
    code = "case.entries_withdrawn"
    message = _(
        "When this case was voided, what it had entered in the ledgers was taken back. It goes on at “{step}” or before, so that it is entered again."
    )


class SwitchedOff(AgainstTheRule):
    code = "procedure.switched_off"
    message = _("“{procedure}” is switched off here. {positions} may switch it on, on the page of the procedure.")


class RuleUndecided(AgainstTheRule):
    code = "procedure.rule_undecided"
    message = _("A rule of this procedure cannot be decided; tell whoever wrote it: {rule}")


class MayNotRead(NotYours):
    code = "register.may_not_read"
    message = _("The register and figures of “{procedure}” are for {departments}.")


class NotAuthorized(AgainstTheRule):
    code = "task.recipient_not_authorized"
    message = _("{person} may not decide “{step}”, so it cannot be handed over to him or her.")


class ChangedMeanwhile(Conflict):
    code = "case.changed_meanwhile"
    message = _("While you were writing, {person} changed the same part ({step}, {at}). Look at it and submit again.")


class ActedMeanwhile(Conflict):
    code = "case.acted_meanwhile"
    message = _(
        "{person} did something in this case at {at}, after you had opened it. Look at what it was and decide again."
    )


class NoSuchCase(OutOfOrder):
    code = "case.not_found"
    status = 404
    message = _("There is no case {number}.")


_WORDS: dict[str, type[Refusal]] = {
    "no_such_step": NoSuchStep,
    "not_open": NotOpen,
    "case_closed": CaseClosed,
    "not_closed": NotClosed,
    "not_done_before": NotDoneBefore,
    "open_already": OpenAlready,
    "paused_already": PausedAlready,
    "not_paused": NotPaused,
    "waits_for_signers": WaitsForSigners,
    "asked_already": AskedAlready,
    "not_asked": NotAsked,
    "acted_since": ActedSince,
    "has_consequences": HasConsequences,
}


def refusal_of(error: NotPossible, facts: Mapping[str, Any]) -> Refusal:
    """The engine's answer as a refusal for people."""
    facts = {**error.facts, **facts}
    match error.code:
        case "outcome_missing":
            return BadData(
                [Finding("outcome", _("Choose how this step ends: {outcomes}.").format(outcomes=facts["outcomes"]))]
            )
        case "no_such_outcome":
            words = _("“{outcome}” is no outcome of this step. There are: {outcomes}.")
            return BadData([Finding("outcome", words.format(outcome=facts["outcome"], outcomes=facts["outcomes"]))])
        case "no_rows":
            return BadData([Finding(facts["rows"], _("“{rows}” has no row to go on with.").format(rows=facts["rows"]))])
        case "dead_end":
            return BadData(
                [Finding("", _("That would leave nobody to go on with this case; at least one row must stay."))]
            )
        case "no_branch" | "endless":
            return BadData([Finding("", _("The procedure does not say where to go from here; tell whoever wrote it."))])
    return _WORDS[error.code](**facts)
