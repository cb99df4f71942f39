"""What a procedure's templates may name: the facts of a case, the fields of its form, and the case that opened it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kehu.engine.definitions import FieldDefinition, Form, Procedure, Text
from kehu.paper.signers import Words
from kehu.procedures.packs import Running

from .placeholders import Name, Names


def _fact(key: str, zh: str, en: str, *inside: Name) -> Name:
    return Name(key, {"zh": zh, "en": en}, None, Names(inside))


PERSON = (
    _fact("name", "姓名", "Name"),
    _fact("position", "岗位", "Position"),
    _fact("date", "日期", "Date"),
    _fact("at", "时间", "Time"),
)
"""Of whoever is named or has signed; the day and hour are those of his signature."""
CUSTOMER = (
    _fact("code", "编号", "Code"),
    _fact("name", "名称", "Name"),
    _fact("name_en", "英文名称", "English name"),
    _fact("short_name", "简称", "Short name"),
    _fact("address", "地址", "Address"),
    _fact("tax_number", "税号", "Tax number"),
    _fact("payment_term", "付款条件", "Payment term"),
    _fact("owner", "负责人", "Looked after by"),
    _fact("contact", "联系人", "Contact"),
    _fact("phone", "电话", "Telephone"),
    _fact("email", "邮箱", "E-mail"),
)
_DOCUMENT = (_fact("number", "编号", "Number"), _fact("title", "名称", "Title"), _fact("revision", "版本", "Revision"))
FACTS = (
    _fact("number", "单号", "Case number"),
    _fact("status", "状态", "Status"),
    _fact("round", "次数", "Round"),
    _fact("opened_at", "立案时间", "Opened at"),
    _fact("closed_at", "结案时间", "Closed at"),
    _fact("starter", "立案人", "Opened by", *PERSON[:2]),
    _fact("company", "公司", "Company"),
    _fact("customer", "客户", "Customer", *CUSTOMER),
    _fact("today", "今天", "Today"),
    _fact("now", "现在", "Now"),
    _fact("me", "填表人", "Filled by", *PERSON[:2]),
    _fact("form", "表单", "Form", *_DOCUMENT),
    _fact("procedure", "程序", "Procedure", *_DOCUMENT),
    _fact("url", "网址", "Address of the case"),
)
PARENT = "parent"


def names_of(running: Running, parents: Iterable[Running] = ()) -> Names:
    """The form's own words come before facts that are called the same. `parents`: procedures whose cases open these."""
    return Names([*_names(running), *_parent(parents)])


def _names(running: Running) -> Iterator[Name]:
    fields = list(_fields(running.procedure.form))
    keys = {name.key for name in fields}
    yield from fields
    yield from (fact for fact in FACTS if fact.key not in keys)


def _parent(parents: Iterable[Running]) -> Iterator[Name]:
    inside = {name.key: name for running in parents for name in _names(running)}
    if inside:
        yield Name(PARENT, {"zh": "原案", "en": "Case that opened it"}, None, Names(inside.values()))


def _fields(form: Form) -> Iterator[Name]:
    for _key, section, key, definition in form.fields():
        if not section.per:
            yield _name(key, form.table(key) or definition)


def _name(key: str, definition: FieldDefinition) -> Name:
    return Name(key, _words(definition.title), definition, Names(_inside(definition)))


def _inside(definition: FieldDefinition) -> Iterator[Name]:
    match definition.type:
        case "rows":
            yield from (_name(key, column) for key, column in definition.columns.items())
        case "choice" | "choices":
            yield from (Name(key, _words(choice.title)) for key, choice in definition.choices.items())
        case "boolean":
            yield from (Name("yes", {"zh": "是", "en": "Yes"}), Name("no", {"zh": "否", "en": "No"}))
        case "user":
            yield from PERSON
        case "customer":
            yield from CUSTOMER


def _words(text: Text) -> Words:
    return {"zh": text.zh, "en": text.en}


def openers_of(key: str, procedures: Iterable[Running]) -> list[Running]:
    """The procedures whose cases open cases of this one."""
    return [running for running in procedures if key in _opened_by(running.procedure)]


def _opened_by(procedure: Procedure) -> set[str]:
    return {
        opening.procedure
        for step in procedure.steps.values()
        for opening in (*step.opens, *(one for outcome in step.all_outcomes().values() for one in outcome.opens))
    }
