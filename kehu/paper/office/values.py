"""A case as the values a template shows, in the template's language; or, where there is no case, what one could look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol

from django.conf import settings

from kehu.engine.definitions import FieldDefinition
from kehu.engine.records import Data, gathered, rows_of
from kehu.ledgers.customers.models import Contact, Customer
from kehu.paper.amounts import written_out
from kehu.paper.sheet import NO, YES, Sheet
from kehu.paper.signers import Words
from kehu.procedures.packs import Running

from .names import PARENT
from .placeholders import Found, Names, Shown, at

Path = tuple[str | int, ...]
Row = Mapping[str, Any]
TICKED, OPEN = "☑", "☐"
_JOINT = {"zh": "、", "en": ", "}
_LONG = {"zh": "{0.year}年{0.month}月{0.day}日", "en": "{0:%d %B %Y}"}


class Source(Protocol):
    """Where a template's values come from."""

    names: Names
    language: str

    def shown(self, found: Found, row: Row | None = None) -> Shown: ...

    def rows(self, table: Path, row: Row | None = None) -> list[Row]: ...


class CaseValues:
    """Of a case. `data` is its record, or the record as it would stand with what somebody is typing; `parent` gives the values of
    the case that opened it, if a template asks for them."""

    def __init__(
        self,
        sheet: Sheet,
        names: Names,
        *,
        language: str,
        data: Data | None = None,
        parent: Callable[[], CaseValues | None] = lambda: None,
    ):
        self.sheet, self.names, self.language, self._parent = sheet, names, language, parent
        self.data: Data = sheet.folder.state.data if data is None else data
        self.form = sheet.form

    @cached_property
    def parent(self) -> CaseValues | None:
        return self._parent()

    # -- what is asked

    def rows(self, table: Path, row: Row | None = None) -> list[Row]:
        """Of a table within a table: of that row, or of all."""
        if table[0] == PARENT:
            return self.parent.rows(table[1:], row) if self.parent else []
        if len(table) > 1:
            return [*(row.get(str(table[-1])) or [])] if row else [*gathered(self.data, ".".join(map(str, table)))]
        return list(self.data.get(str(table[0])) or [])

    def shown(self, found: Found, row: Row | None = None) -> Shown:
        """`row`: of the table that the placeholder names; without one it speaks of all of them."""
        if found.path[0] == PARENT:
            own = replace(found, path=found.path[1:], table=found.table[1:] if found.table else None)
            return self.parent.shown(own, row) if self.parent else Shown()
        language = _language(found, self.language)
        if found.table and row is None:
            texts = [self.shown(found, one).text for one in self.rows(found.table)]
            return Shown(_JOINT[language].join(filter(None, texts)))
        shown = self._shown(found.path, found.table or (), row or {}, language)
        return _filtered(found, shown, language)

    def _shown(self, path: Path, table: Path, row: Row, language: str) -> Shown:
        key, rest = str(path[0]), path[1:]
        definition = self.form.table(key) or self.form.field(key)
        if definition is None:
            return self._fact(key, [str(one) for one in rest], language)
        if rest and isinstance(rest[0], int):
            rows = self.data.get(key) or []
            row, table = (rows[rest[0] - 1] if rest[0] <= len(rows) else {}), path[:2]
        if not table or len(path) == len(table):
            return self._field(key, definition, row if table else self.data.get(key), rest, language)
        column = at(self.names, path[: len(table) + 1])
        assert column
        assert column.definition
        key = str(path[len(table)])
        return self._field(key, column.definition, row.get(key), path[len(table) + 1 :], language, str(table[0]), row)

    # -- fields

    def _field(
        self,
        key: str,
        definition: FieldDefinition,
        value: Any,
        rest: Path,
        language: str,
        table: str = "",
        row: Row | None = None,
    ) -> Shown:
        part = str(rest[0]) if rest else ""
        match definition.type:
            case "rows" if isinstance(value, Mapping):  # one of its rows
                return self._value(definition, [value], language)
            case "boolean" if part:
                return Shown(TICKED if value is (part == "yes") else OPEN)
            case "choice" | "choices" if part:
                chosen = value if isinstance(value, list | tuple) else [value]
                return Shown(TICKED if part in chosen else OPEN)
            case "user":
                return self._person(self._signature(key, value, table, row), value, part, language)
            case "customer" if value:
                return self._customer(Customer.objects.filter(code=value).first(), part or "name", language)
        return self._value(definition, value, language)

    def _value(self, definition: FieldDefinition, value: Any, language: str) -> Shown:
        if isinstance(value, Decimal | int) and not isinstance(value, bool):
            return Shown(f"{value:,.{definition.decimals}f}", Decimal(value), definition.decimals)
        return Shown(_in(self.sheet.text(definition, value), language), value)

    def _signature(self, key: str, value: Any, table: str, row: Row | None) -> dict[str, Any] | None:
        """Who signed in that field, and when; nothing where the field is no signature."""
        for section_key, section in self.form.sections.items():
            if (section.per or "") != table or key not in section.fields:
                continue
            for signing in self.sheet.signings[section_key]:
                if signing.field == key:
                    item = next((name for name, one in self._rows(table).items() if one == row), "") if table else ""
                    return self.sheet.signature(section, signing, row or self.data, item) if value else {}
        return None

    def _rows(self, table: str) -> dict[str, Any]:
        return rows_of(self.form, self.data, table)

    def _person(self, signed: dict[str, Any] | None, key: Any, part: str, language: str) -> Shown:
        """A name; of a signature with its day."""
        found = (
            signed if signed is not None else self.sheet.signers.signature(key, self.sheet.now.date()) if key else {}
        )
        at_ = str(found.get("at", "")) if signed else ""
        parts = {
            "name": _in(found.get("name", ""), language),
            "position": _in(found.get("position", ""), language),
            "date": at_[:10],
            "at": at_,
        }
        text = parts[part] if part else " ".join(filter(None, (parts["name"], parts["date"])))
        return Shown(text, key if not part else text)

    # -- facts

    def _fact(self, key: str, rest: list[str], language: str) -> Shown:
        case, sheet = self.sheet.case, self.sheet
        part = rest[0] if rest else ""
        match key:
            case "number":
                return Shown(case.number)
            case "round":
                return Shown(str(case.round), Decimal(case.round))
            case "opened_at" | "closed_at":
                return self._moment(getattr(case, key))
            case "now":
                return self._moment(sheet.now)
            case "today":
                day = sheet.now.astimezone(sheet.zone).date()
                return Shown(day.isoformat(), day)
            case "customer":
                return self._customer(case.customer, part or "name", language)
            case "company":
                return Shown(_in(sheet.pack.title.model_dump(), language))
            case "starter":
                return self._person(None, sheet.folder.starter, part, language)
            case "me":
                return self._person(None, sheet.by.key if sheet.by else "", part, language)
            case "status":
                return Shown(_in(sheet.status, language))
            case "form" | "procedure":
                document = sheet.form if key == "form" else sheet.procedure
                return Shown(document.title.in_(language) if part in ("", "title") else str(getattr(document, part)))
            case "url":
                return Shown(f"{settings.URL}/cases/{case.number}/")
        return Shown()

    def _moment(self, moment: datetime | None) -> Shown:
        return Shown(self.sheet.moment(moment), moment)

    def _customer(self, customer: Customer | None, part: str, language: str) -> Shown:
        if customer is None:
            return Shown()
        if part in ("contact", "phone", "email"):
            contact = self._contact(customer)
            return Shown(getattr(contact, "name" if part == "contact" else part) if contact else "")
        if part == "name":
            return Shown(customer.name_en or customer.name if language == "en" else customer.name)
        if part == "owner":
            return Shown(_in(customer.owner.name, language) if customer.owner else "")
        return Shown(str(getattr(customer, part)))

    def _contact(self, customer: Customer) -> Contact | None:
        if customer.pk not in self._contacts:
            self._contacts[customer.pk] = customer.contacts.order_by("pk").first()
        return self._contacts[customer.pk]

    @cached_property
    def _contacts(self) -> dict[int, Contact | None]:
        return {}


class SampleValues:
    """What a case could look like: every field with its own title, two rows in every table."""

    def __init__(self, running: Running, names: Names, *, language: str, now: datetime):
        self.running, self.names, self.language, self.now = running, names, language, now

    def rows(self, table: Path, row: Row | None = None) -> list[Row]:
        return [{"": 1}, {"": 2}]

    def shown(self, found: Found, row: Row | None = None) -> Shown:
        language = _language(found, self.language)
        shown = self._shown(found, found.name.definition, (row or {}).get("", 1), language)
        return _filtered(found, shown, language)

    def _shown(self, found: Found, definition: FieldDefinition | None, number: int, language: str) -> Shown:
        title = str(found.name.title.get(language, found.name.key))
        match definition.type if definition else "":
            case "number" | "money":
                assert definition
                value = Decimal("1234.5678").quantize(Decimal(1).scaleb(-definition.decimals)) * number
                return Shown(f"{value:,.{definition.decimals}f}", value, definition.decimals)
            case "date":
                day = self.now.date() + timedelta(days=number)
                return Shown(day.isoformat(), day)
            case "datetime":
                return Shown(f"{self.now:%Y-%m-%d %H:%M}", self.now)
            case "boolean":
                return Shown(YES[language], True)
            case "choice" | "choices":
                assert definition
                key, choice = next(iter(definition.choices.items()))
                return Shown(choice.title.in_(language), key)
        if found.name.key in ("today", "date"):
            return Shown(self.now.date().isoformat(), self.now.date())
        return Shown(f"〈{title}{f' {number}' if found.table else ''}〉")


def _language(found: Found, otherwise: str) -> str:
    return next((one for one in found.filters if one in _LONG), otherwise)


def _filtered(found: Found, shown: Shown, language: str) -> Shown:
    """The value as the placeholder wants it written."""
    definition = found.name.definition
    for one in found.filters:
        match one:
            case "in_words" if isinstance(shown.value, Decimal):
                shown = Shown(written_out(shown.value))
            case "date" if isinstance(shown.value, date):
                shown = Shown(_day(shown).isoformat(), _day(shown))
            case "long_date" if isinstance(shown.value, date):
                shown = Shown(_LONG[language].format(_day(shown)))
            case "ticks" if definition:
                shown = Shown(_ticks(definition, shown.value, language))
    return shown


def _day(shown: Shown) -> date:
    """The day as the organization's clock shows it: the text is of its time, the value may not be."""
    return date.fromisoformat(shown.text[:10])


def _ticks(definition: FieldDefinition, value: Any, language: str) -> str:
    """Every choice, with a tick before the chosen."""
    if definition.type == "boolean":
        all_ = [(YES, value is True), (NO, value is False)]
        return "  ".join(f"{TICKED if chosen else OPEN} {words[language]}" for words, chosen in all_)
    chosen = value if isinstance(value, list | tuple) else [value]
    return "  ".join(
        f"{TICKED if key in chosen else OPEN} {choice.title.in_(language)}"
        for key, choice in definition.choices.items()
    )


def _in(words: Words | str, language: str) -> str:
    return words if isinstance(words, str) else str(words["en" if language == "en" else "zh"])
