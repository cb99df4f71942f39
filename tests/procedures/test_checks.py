"""Each mistake is planted alone in a pack that is right; the check names its line, what is wrong and what would be right."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from kehu.procedures.checks import check_pack
from kehu.procedures.packs import Problem, load

PROCEDURE, FORM, PACK = "lend-tools/procedure.yaml", "lend-tools/form.yaml", "pack.yaml"
TABLES = "tables/authority.yaml"


class Planted(NamedTuple):
    file: str
    right: str
    wrong: str
    at: str
    """Stands first in the line that the problem names."""
    message: str
    remedy: str = ""
    told_in: str = ""
    """The file that is told about, where it is not the one that was spoilt."""


SHAPE = [
    Planted(PROCEDURE, "owner: counter", "ownr: counter", "ownr:", 'unknown key "ownr".', 'Did you mean "owner"?'),
    Planted(PROCEDURE, "role: clerk+", "rule: clerk+", "rule:", 'step "register-loan": unknown key "rule".', '"role"'),
    Planted(PROCEDURE, "beside: true", "colour: red\n    beside: true", "colour", 'unknown key "colour"', "Keys here: title"),
    Planted(PROCEDURE, "{zh: 收回, en: Take back}", "{zh: 收回}", "{zh: 收回}", "the English text is missing", "Add `en: …`"),
    Planted(PROCEDURE, "title: {zh: 核准, en: Approve}\n    clause", "title: Approve\n    clause", "title: Approve\n", "stands in one language only", "Write {zh: Approve"),
    Planted(PROCEDURE, "title: {zh: 收回, en: Take back}\n    ", "", "take-back:", 'step "take-back": the key "title" is missing.', "Add `title: {zh: …, en: …}`."),
    Planted(PROCEDURE, 'revision: "2"', "revision: 2.0", "revision:", "revision: YAML reads 2.0 as a number", 'Put it in quotes: "2.0".'),
    Planted(PROCEDURE, '"4.10": {title', "4.10: {title", "4.10: {title", 'clauses: YAML reads the key 4.10 as a number', 'Put it in quotes: "4.10".'),
    Planted(PROCEDURE, 'Close}\n    clause: "4.10"', "Close}\n    clause: 4.10", "clause: 4.10", "YAML reads 4.10 as the number 4.1, but a text is meant", 'Put it in quotes: "4.10".'),
    Planted(PROCEDURE, "join: all", "join: some", "join:", 'step "take-back", join: join is `all`, `any` or a number'),
    Planted(PROCEDURE, "beside: true", "beside: maybe", "beside:", '`true` or `false` is meant, but this is the text "maybe"', "yes and no are texts"),
    Planted(PROCEDURE, "related: [repair-tool]", "related: repair-tool", "related:", "a list is meant", "Write [one, two]"),
    Planted(PROCEDURE, "role: director\n", "role: the boss\n", "role: the boss", '"the boss" is no role', "Write a position"),
    Planted(PROCEDURE, "role: {table: authority, matter: lend}", "role: {tabel: authority, matter: lend}", "role: {tabel", 'the key "table" is missing'),
    Planted(PROCEDURE, "when: worth > 0 and", "when: worth > 0 &", "when: worth > 0 &", "cannot be read, character 11", "Write `and`."),
    Planted(PROCEDURE, "\"some(tools, #.state_found == 'worn')\"", "some(tools, # all", "when: some(", "cannot be read", "put the expression in quotes"),
    Planted(PROCEDURE, "role: clerk+", "role:", "role:\n", 'step "register-loan", role is empty.'),
    Planted(FORM, "type: date,", "type: dat,", "wanted_on:", 'field "wanted_on", type is never "dat".', 'Did you mean "date"?'),
    Planted(FORM, "worth: {type: money,", "twice: {type: money, title: {zh: 双倍, en: Twice}, decimals: 2, computed: worth * 2}\n      worth: {type: money, computed: twice / 2,", "twice:", 'field "twice" is computed from itself: twice → worth → twice.', "filled in"),
    Planted(FORM, "type: date,", "type: date, currency: upper(worth),", "wanted_on:", "only a field of type money has a `currency:`"),
    Planted(FORM, "worth: {type: money,", "worth: {type: money, ends: [{zh: 差, en: poor}, {zh: 好, en: good}],", "worth:", "`ends:` are words for the `min:` and the `max:` of a number"),
    Planted(FORM, "worth: {type: money,", "worth: {type: money, currency: upper(curency),", "worth:", "curency"),
    Planted(FORM, "key: name", "key: nme", "tools:", "`key: nme` is none of its columns"),
    Planted(PACK, "value: 4 working hours}", "value: [4]}", "prompt:", 'setting "prompt"'),
]  # fmt: skip

FILES = [
    Planted(PROCEDURE, "number: QP-07", "number: QP-07\nnumber: QP-09", "number: QP-09", '"number" stands here twice; the first is in line 2.', "Delete one"),
    Planted(PROCEDURE, "number: QP-07", "number: [QP-07", "title: {zh: 工具出借程序", "this file is no YAML"),
    Planted(PROCEDURE, "number: QP-07", "number: QP: 07", "number: QP: 07", "a colon stands where none may", "in quotes"),
    Planted(PROCEDURE, "number: QP-07", "\tnumber: QP-07", "\tnumber", "a tab", "Indent with blanks."),
    Planted(PROCEDURE, "number: QP-07", "number: !x QP-07", "number:", "the tag !x is not used here"),
    Planted(PROCEDURE, "number: QP-07", "number: *QP", "number:", "undefined alias", "stands in quotes"),
    Planted(PROCEDURE, "number: QP-07", "effective: 2025-13-01\nnumber: QP-07", "effective:", "`2025-13-01` is no date"),
    Planted("calendar.yaml", "holiday", "holyday", "2025-12-25", "", 'Did you mean "holiday"?'),
]  # fmt: skip

FLOW = [
    Planted(PROCEDURE, "next: refused", "next: refusd", "next: refusd", 'step "approve-loan", outcome "refuse" leads to step "refusd", which does not exist.', 'Did you mean "refused"?'),
    Planted(PROCEDURE, "{else: closed}", "{else: close}", "next: [{when", 'leads to step "close", which does not exist.'),
    Planted(PROCEDURE, "opens: rule-late-loan}", "}", "rule-late-loan:", 'nothing reaches step "rule-late-loan".', "Let an outcome lead to it"),
    Planted(PROCEDURE, "opens: rule-late-loan}", "opens: close-loan}", "- {at: due, tell", "which is not `beside`", "Add `beside: true`"),
    Planted(PROCEDURE, "    fills: [closing]\n    next: closed", "    fills: [closing]", "close-loan:", 'step "close-loan" leads nowhere.', "Write `next: STEP`"),
    Planted(PROCEDURE, "    fills: [closing]\n    next: closed", "    fills: [closing]\n    next: close-loan", "close-loan:", 'from step "close-loan" no end is reached', "Ends here: closed, refused."),
    Planted(PROCEDURE, "role: counter_head\n", "role: counter_head\n    join: 3\n", "join: 3", "joins branches, but only one way leads to it", "Delete `join:`."),
    Planted(PROCEDURE, "approves: register-loan", "approves: registr-loan", "approves:", 'approves step "registr-loan"', 'Did you mean "register-loan"?'),
    Planted(PROCEDURE, "paused_by: check-tool", "paused_by: check-tols", "paused_by:", 'is paused by step "check-tols"'),
]  # fmt: skip

WHO = [
    Planted(PROCEDURE, "role: clerk+", "role: clark+", "role: clark+", 'step "register-loan", role names position "clark", which nobody declared.', 'Did you mean "clerk"?'),
    Planted(PROCEDURE, "role: staff+ of counter", "role: stuff+ of counter", "role: stuff", 'names rank "stuff", which nobody declared', "staff, head"),
    Planted(PROCEDURE, "role: staff+ of counter", "role: staff+ of conter", "role: staff+ of conter", '"conter", which is neither a department nor a field', '"counter"'),
    Planted(PROCEDURE, "person in handler", "person in worth", "role: [line_head", "as a person, but it is of type money", "handler"),
    Planted(PROCEDURE, "person in handler", "person in handlr", "role: [line_head", 'field "handlr", which does not exist', '"handler"'),
    Planted(PROCEDURE, "doer of register-loan", "doer of regster-loan", "- {at: due, tell", 'names step "regster-loan", which does not exist'),
    Planted(PROCEDURE, "void: counter_head+", "void: counter_boss", "void:", 'void names position "counter_boss"'),
    Planted(PROCEDURE, "owner: counter", "owner: conter", "owner:", 'names department "conter", which nobody declared', '"counter"'),
    Planted(PROCEDURE, "escalate: [counter_head]", "escalate: standrd", "escalate: standrd", 'escalate names position "standrd"', "Ladders: standard."),
    Planted(PROCEDURE, "- {at: due, tell: [assignee, doer", "- {at: 75, tell: [assignee, doer", "- {at: 75", "YAML reads 75 as a number", '"75"'),
    Planted(PROCEDURE, "by: fitter", "by: fiter", "by: fiter", 'names position "fiter"'),
    Planted(PROCEDURE, "role: director\n", "role: assignee\n", "role: assignee", "cannot say who gets it", "name a position"),
    Planted(PACK, "{after: 8 working hours, tell: director}", "{after: 8 working hours, tell: directr}", "tell: directr", 'ladder "standard", line 3 names position "directr"'),
    Planted(PACK, "rank: head, of: item.department", "rank: heads, of: item.department", "line_head:", 'names rank "heads"'),
    Planted(PACK, "of: item.department", "of: item.departmnt", "line_head:", 'looks in "item.departmnt", which no form has'),
    Planted(PACK, "people: [counter_head+]", "people: [counter_haed+]", "people:", 'people names position "counter_haed"', '"counter_head"'),
    Planted(PACK, "people: [counter_head+]", "people: [line_head]", "people:", "only a case could say who it is", "vice_gm+"),
    Planted(PACK, "people: [counter_head+]", "peopel: [counter_head+]", "peopel:", "peopel", '"people"'),
    Planted(PACK, "department: workshop, rank", "department: workshp, rank", "fitter:", 'names department "workshp"', '"workshop"'),
    Planted(PROCEDURE, "{table: authority, matter", "{table: autority, matter", "role: {table", 'asks table "autority", which does not exist', '"authority"'),
    Planted(PROCEDURE, "matter: lend}", "matter: lent}", "role: {table", '"lent" is none of the table\'s choices', '"lend"'),
    Planted(PROCEDURE, "matter: lend}", "matter: lend, who: x}", "role: {table", 'the input "who", which it does not ask for'),
    Planted(PROCEDURE, "matter: lend}", "output: who, matter: lend}", "role: {table", 'wants "who" of table "authority"'),
    Planted(TABLES, "decides: counter_head", "decides: countr_head", "countr_head", 'row 1 names position "countr_head"', '"counter_head"'),
    Planted(TABLES, "0..500", "0..400", "rows:", "No row answers for", "Add"),
    Planted("demo.yaml", "[clerk]", "[clark]", "ann:", 'holds position "clark"', '"clerk"'),
]  # fmt: skip

FORM_CHECKS = [
    Planted(FORM, "  closing:\n", "  extra:\n    title: {zh: 外, en: Extra}\n    fields:\n      more: {type: text, title: {zh: 多, en: More}}\n  closing:\n", "extra:", 'section "extra" is filled by no step, so nobody can fill "more".', "Add `fills: [extra]`"),
    Planted(PROCEDURE, "fills: [closing]", "fills: [closing, closng]", "fills: [closing, closng]", 'fills section "closng"', '"closing"'),
    Planted(PROCEDURE, "fills: [closing]", "fills: [closing, checking]", "fills: [closing, checking]", 'which every row of "tools" has for itself', "Add `each: tools`"),
    Planted(PROCEDURE, "lent_at: now, state", "state", "lent_at:", 'field "lent_at" is set by the system, but no step sets it.', "Add `sets: {lent_at: …}`", FORM),
    Planted(FORM, "remark: {type", "worth: {type", "worth: {type: longtext", 'field "worth" of section "closing" stands in section "loan" already', "rename one"),
    Planted(FORM, "key: name\n", "min_rows: 1\n", "tools:", "no column that tells rows apart", "Add `key: COLUMN`"),
    Planted(FORM, "per: tools", "per: tool", "per: tool", 'goes by the rows of "tool", which does not exist', '"tools"'),
    Planted(PROCEDURE, "rows: tools, where", "rows: worth, where", "each: {rows: worth", "which is a field of type money", "tools"),
    Planted(FORM, "\"'visit'\"", "\"'vist'\"", "default:", '`channel` is never "vist".', '"visit"'),
    Planted(FORM, "of: counter", "of: conter", "handler:", 'names department "conter"'),
]  # fmt: skip

RULES = [
    Planted(FORM, "required: channel ==", "required: chanel ==", "worth:", 'field "worth", required: `chanel` is no field of the form.', '"channel"'),
    Planted(FORM, "visible: worth", "visible: wort", "remark:", 'field "remark", visible: `wort` is no field', '"worth"'),
    Planted(FORM, "computed: row.price", "computed: row.prise", "double:", "`row.prise` names no column", '"price"'),
    Planted(FORM, "required: channel == 'visit'", "required: channel == 'fone'", "worth:", '`channel` is never "fone".', "phone, visit"),
    Planted(PROCEDURE, "channel != 'phone'", "channel in ['phone', 'mail']", "when: worth > 0", '`channel` is never "mail"'),
    Planted(PROCEDURE, "item.department != null", "item.departmnt != null", "each:", "`item.departmnt` names no column", '"department"'),
    Planted(PROCEDURE, "when: worth > 0 and", "when: item.price > 0 and", "when: item.price", "`item.price` has no meaning here", "Name a field"),
    Planted(PROCEDURE, "that: item.state_found", "that: item.state_fund", "that:", "`item.state_fund` names no column", '"state_found"'),
    Planted(PROCEDURE, "#.state_found == 'worn'", "#.state_fond == 'worn'", "#.state_fond", "`#.state_fond` names no column", '"state_found"'),
    Planted(PROCEDURE, "#.state_found == 'worn'", "#.state_found == 'wrn'", "'wrn'", '`#.state_found` is never "wrn"', '"worn"'),
    Planted(PROCEDURE, "row.department == 'workshop'", "row.department == 'wrkshop'", "- where:", '`row.department` is never "wrkshop"', '"workshop"'),
    Planted(PROCEDURE, "sets: {lent_at: now", "sets: {lent_at: nau", "sets: {lent_at", "`nau` is no field"),
    Planted(PROCEDURE, "sets: {lent_at: now,", "sets: {lent_at: now, lnt: now,", "sets: {lent_at", 'sets "lnt", which is no field', '"lent_at"'),
    Planted(PROCEDURE, "state: \"'lent'\"", "state: \"'lnt'\"", "sets: {lent_at", '`state` is never "lnt"', '"lent"'),
    Planted(PROCEDURE, "set: {state_found:", "set: {state_fund:", "set: {state_fund", 'table "tools" has no column "state_fund"', '"state_found"'),
    Planted(PROCEDURE, "needs: reason", "needs: resaon", "needs:", 'needs "resaon", which is no field', '"reason"'),
    Planted(PROCEDURE, "latest: wanted_on", "latest: wanted_an", "latest:", "`wanted_an` is no field", '"wanted_on"'),
    Planted(PROCEDURE, "within: 2 working days", "within: 2 workdays", "within: 2 workdays", '"2 workdays" is not a time limit.'),
    Planted(PROCEDURE, "due: settings.prompt", "due: settings.promt", "due: settings", 'the pack has no setting "promt"', '"prompt"'),
    Planted(PROCEDURE, "due: {clock: back}", "due: {clock: bak}", "due: {clock", 'goes by clock "bak"', '"back"'),
    Planted(PROCEDURE, "from: lent_at", "from: lend_at", "from:", "`lend_at` is no field", '"lent_at"'),
    Planted(PROCEDURE, "until: returned_at", "until: return_at", "until:", 'clock "back", until: "return_at" is no field.'),
    Planted(PACK, "after: 8 working hours", "after: 8 wh", "after: 8 wh", '"8 wh" is not a time limit'),
]  # fmt: skip

DOCUMENT = [
    Planted(PROCEDURE, 'title: {zh: 收回, en: Take back}\n    clause: "4.10"', 'title: {zh: 收回, en: Take back}\n    clause: "4.9"', 'clause: "4.9"', 'step "take-back" names clause "4.9", which does not exist.', "Clauses here: 4.1, 4.2, 4.10, 5."),
    Planted(PROCEDURE, 'clause: "4.1"\n    role: clerk+', "role: clerk+", "register-loan:", 'step "register-loan" names no clause'),
    Planted(PROCEDURE, "manual: {zh: 人为, en: Conduct}, ", "", '"5":', 'clause "5" is carried out by no step.', '    clause: ["5"]\n'),
    Planted(PROCEDURE, "numbering: loan", "numbering: laon", "numbering:", 'numbered by "laon"', '"loan"'),
    Planted(PACK, "L-{YYYY}-{NNN}", "L-{YYYY}", "numbering:", "has no group of N", "{NNN}"),
    Planted(PACK, "L-{YYYY}-{NNN}", "L-{N}-{NNN}", "numbering:", "has 2 groups of N", "{NNN}"),
    Planted(PROCEDURE, "related: [repair-tool]", "related: [repair-tols]", "related:", 'the related procedure "repair-tols" does not exist', '"repair-tool"'),
    Planted(PROCEDURE, "    channel:\n", "    chanel:\n", "chanel:", 'the register has a column "chanel"', '"channel"'),
    Planted(PROCEDURE, "value: customer.name", "value: customer.nmae", "who:", "`customer.nmae` is nothing that is known of a customer", '"name"'),
    Planted(PROCEDURE, "filters: [channel]", "filters: [chanel]", "filters:", 'the register filters by "chanel"', '"channel"'),
    Planted(PROCEDURE, "key: loans", "key: loans\n  rows: tols", "rows: tols", '"tols"', '"tools"'),
    Planted(PROCEDURE, "number:\n    channel:", "number: {title: {zh: 号, en: No}, value: row.price}\n    channel:", "number: {title", "`row.price` has no meaning here"),
    Planted(PROCEDURE, "fields: [remark]}", "fields: [remarc]}", "customer_page:", 'the customer\'s page shows "remarc"', '"remark"'),
    Planted(FORM, "sections: [checking]", "sections: [cheking]", "AC-2:", 'form AC-2 has section "cheking", which does not exist.', '"checking"'),
    Planted(FORM, "serial: tools_text", "serial: tool_text", "AC-2:", 'form AC-2 has its serial number in "tool_text"', '"tools_text"'),
    Planted(FORM, "title: {zh: 检查单, en: Check sheet}, ", "", "AC-2:", "form AC-2 has no title."),
    Planted(FORM, "AC-1: {sections", "AC-1: {title: {zh: 甲, en: A}, sections", "AC-1:", "form AC-1 is the record's own", "Leave only `sections:` here."),
    Planted(PROCEDURE, "fills: [closing]\n    next: closed", "fills: [closing]\n    outcomes: {done: {title: {zh: 完, en: Done}, fills: [clossing], next: closed}}", "outcomes: {done", 'names section "clossing", which the step does not fill', '"closing"'),
    Planted(PROCEDURE, "sort: -number", "sort: -numbr", "sort:", 'the register sorts by "numbr"', '"number"'),
    Planted(PROCEDURE, "counts: returned_at", "counts: retuned_at", "in_time:", "`retuned_at` is no field", '"returned_at"'),
    Planted(PROCEDURE, "by: state_found", "by: state_fund", "by_state:", "`state_fund` is no field", '"state_found"'),
    Planted(PACK, "tue: [08:00-12:00]", "tue: [08:00-8]", "week:", '"08:00-8" is not a period', "08:00-12:00"),
    Planted(PACK, "Europe/Berlin", "Europe/Belrin", "timezone:", "is no time zone"),
    Planted("calendar.yaml", ", periods: [08:00-12:00]", "", "2025-12-24", "is a half_day; say which periods"),
]  # fmt: skip

LINKS = [
    Planted(PROCEDURE, "{loan: [worth, tools]}", "{laon: [worth, tools]}", "shows: [{laon", 'names section "laon", which the form does not have.', '"loan"'),
    Planted(PROCEDURE, "{loan: [worth, tools]}", "{loan: [worth, tols]}", "shows: [{loan", 'names field "tols", which section "loan" does not have.', '"tools"'),
    Planted(PROCEDURE, "fills: {closing: [remark]}", "fills: {loan: [worth]}", "fills: {loan", 'names section "loan", which the step does not fill.', "closing"),
    Planted(PROCEDURE, "fills: {closing: [remark]}", "fills: [closing]", "fills: [closing]", 'would fill "keeper", with a field of type user', "Name the fields he fills"),
    Planted(PROCEDURE, "outcomes: [done]", "outcomes: [dun]", "outcomes: [dun]", 'has outcome "dun", which the step does not have', "Outcomes here: done."),
    Planted(PROCEDURE, "sets: {checked: remark == null}", "sets: {chequed: remark == null}", "sets: {chequed", 'sets "chequed", which this step does not fill', '"checked"'),
    Planted(PROCEDURE, "sets: {checked: remark == null}", "sets: {checked: remak == null}", "sets: {checked", "`remak` is no field", '"remark"'),
    Planted(PROCEDURE, "sets: {checked: remark == null}\n      ", "", "invites:", '"checked" must be filled, and by the link nobody fills it.', "sets: {checked: …}"),
    Planted(PROCEDURE, "signs: {by: signer", "signs: {by: checked", "signs:", 'by is "checked", a field of type boolean', "signer"),
    Planted(PROCEDURE, "signs: {by: signer", "signs: {by: worth", "signs:", 'by is "worth", which this step does not fill'),
    Planted(PROCEDURE, "on: signed_on}", "on: signed_on, outcomes: dun}", "signs:", 'names outcome "dun", which the step does not have', "Outcomes here: done."),
    Planted(PROCEDURE, "outcomes: [done]", "outcomes: [done]\n      titles: {wort: {zh: 甲, en: A}}", "titles:", 'gives a title to "wort", which is no field, no column and no section', '"worth"'),
    Planted(PROCEDURE, "outcomes: [done]", "outcomes: [done]\n      form: XY-1", "form: XY-1", 'names form "XY-1", which the record does not hold'),
    Planted(PROCEDURE, "rows: tools, into", "rows: tools, columns: [nmae], into", "lines:", 'table "tools" has no column "nmae"', '"name"'),
    Planted(PROCEDURE, "{name: row.name}}", "{name: row.name}, missing: {name: wort}}", "lines:", "`wort` is no field", '"worth"'),
    Planted(PROCEDURE, "rows: tools, into", "rows: worth, into", "lines:", '"worth" is no table.', "tools"),
    Planted(PROCEDURE, "into: disputed", "into: remark", "lines:", 'into is "remark", a field of type longtext', "disputed"),
    Planted(PROCEDURE, "figure: theirs", "figure: ours", "lines:", 'table "disputed" has no column "ours"', "theirs"),
    Planted(PROCEDURE, "row.name}", "row.nmae}", "lines:", "`row.nmae` names no column", '"name"'),
    Planted(PROCEDURE, "valid: 5 working days", "valid: 5 workdays", "valid:", '"5 workdays" is not a time limit.'),
    Planted(PROCEDURE, "role: counter_head\n    invites", "role: system\n    does: decide\n    invites", "close-loan:", "`invites:` belongs to a step with a role, done by one"),
    Planted(PROCEDURE, "role: director\n", "role: customer\n", "rule-late-loan:", "a step that the customer does needs `invites:`"),
    Planted(PROCEDURE, "shows: {loan: [wanted_on]}", "shows: {loan: [wanted_an]}", "shows: {loan: [wanted_an", 'status_page, shows names field "wanted_an"', '"wanted_on"'),
    Planted(PROCEDURE, "steps: [register-loan, closed]", "steps: [register-lone, closed]", "steps: [register-lone", 'the status page names step "register-lone"', '"register-loan"'),
]  # fmt: skip

OTHERS = [
    Planted(TABLES, "authority:\n  title", "spare:\n  title", "spare:", 'no procedure asks decision table "spare"', "take it out"),
    Planted(PROCEDURE, "- procedure: repair-tool", "- procedure: repair-tol", "- procedure:", '"repair-tol", a procedure that does not exist', '"repair-tool"'),
    Planted(PROCEDURE, "with: {tool: tools_text", "with: {tol: tools_text", "with: {tol", 'with field "tol", which that form does not have', '"tool"'),
    Planted(PROCEDURE, "repaired: {complete", "repared: {complete", "repared:", 'procedure "repair-tool" has no end "repared"', '"repaired"'),
    Planted(PROCEDURE, "complete: close-loan", "complete: clos-loan", "repaired:", 'completes step "clos-loan"', '"close-loan"'),
    Planted(PROCEDURE, "number: QP-07", "number: QP-08", "number: QP-08", 'number "QP-08" is that of procedure "lend-tools" as well', "number of its own", told_in="repair-tool/procedure.yaml"),
    Planted(PROCEDURE, "remark: result", "remark: reslt", "repaired:", "`reslt` is no field", '"result"'),
]  # fmt: skip


def problems_of(acme) -> list[Problem]:
    return check_pack(load(acme.path))


def test_a_pack_that_is_right_has_no_problems(acme):
    assert problems_of(acme) == []


@pytest.mark.parametrize(
    "planted",
    [*SHAPE, *FILES, *FLOW, *WHO, *FORM_CHECKS, *RULES, *DOCUMENT, *LINKS, *OTHERS],
    ids=lambda planted: planted.wrong.strip()[:50] or planted.message[:50],
)
def test_a_planted_mistake_is_named_with_its_line(acme, planted):
    acme.spoil(planted.file, planted.right, planted.wrong)
    problems = problems_of(acme)
    fitting = [found for found in problems if planted.message in found.message]
    assert fitting, "\n".join(map(str, problems)) or "no problems"
    found = fitting[0]
    file = planted.told_in or planted.file
    assert found.file == acme.path / file
    assert found.line == acme.line_of(file, planted.at), str(found)
    assert planted.remedy in found.remedy, str(found)


def test_all_mistakes_in_all_files_are_named_at_once_in_order(acme):
    acme.spoil(PACK, "{zh: 柜台, en: Counter}", "{zh: 柜台}")
    acme.spoil(PROCEDURE, "role: clerk+", "rule: clark+")
    acme.spoil(PROCEDURE, "next: refused", "next: refusd")
    acme.spoil(FORM, "type: date,", "typ: date,")
    acme.spoil(FORM, "visible: worth", "visible: wort")
    acme.spoil(TABLES, "0..500", "0..400")
    acme.spoil("repair-tool/procedure.yaml", "number: QP-08", "number: [QP-08")
    problems = problems_of(acme)
    assert {found.file.relative_to(acme.path).as_posix() for found in problems} >= {
        PACK, PROCEDURE, FORM, TABLES, "repair-tool/procedure.yaml",
    }  # fmt: skip
    assert [(found.file, found.line) for found in problems] == sorted((found.file, found.line) for found in problems)
    said = "\n".join(map(str, problems))
    for words in ("unknown key", "English", '"clark"', "refusd", '"typ"', "`wort`", "No row answers", "no YAML"):
        assert words in said


def test_one_slip_is_one_problem(acme):
    """A remedy that is certain is taken for done, so nothing follows from `outcomes` being misspelt."""
    acme.spoil(PROCEDURE, "    outcomes:\n", "    outcoms:\n")
    acme.spoil(FORM, "zh: 途径, en: Channel", "zh: 途径")
    assert [found.message for found in problems_of(acme)] == [
        'section "loan", field "channel", title: the English text is missing.',
        'step "approve-loan": unknown key "outcoms".',
    ]


def test_a_problem_reads_as_file_line_message_and_remedy_below(acme):
    acme.spoil(PROCEDURE, 'clause: "4.1"', 'clause: "4.11"')
    problem = next(found for found in problems_of(acme) if "4.11" in found.message)
    assert str(problem) == (
        f'{acme.path / PROCEDURE}:{problem.line}: step "register-loan" names clause "4.11", which does not exist.\n'
        '    Clauses here: 4.1, 4.2, 4.10, 5. Did you mean "4.1"?'
    )


def test_a_step_less_clause_comes_with_the_block_to_paste(acme):
    acme.spoil(PROCEDURE, "manual: {zh: 人为, en: Conduct}, ", "")
    (problem,) = problems_of(acme)
    assert "Add under `steps:`\n  <key>:\n" in problem.remedy
    assert "or mark the clause `manual:" in problem.remedy


def test_operations_are_checked_where_they_are_known(acme):
    acme.spoil(
        PROCEDURE,
        "  closed: {title",
        "  note: {title: {zh: 记, en: Note}, does: post_note, next: closed}\n  closed: {title",
    )
    acme.spoil(PROCEDURE, "fills: [closing]\n    next: closed", "fills: [closing]\n    next: note")
    loaded = load(acme.path)
    assert check_pack(loaded) == []
    (problem,) = check_pack(loaded, operations={"post_notes"})
    assert problem.message == 'step "note" does "post_note", which is no operation.'
    assert 'Did you mean "post_notes"?' in problem.remedy
