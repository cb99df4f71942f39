"""What templates say often: a text in the reader's language, an icon, a moment, a name, a time limit, a status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django import template
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kehu.engine.definitions import Text
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import name_of, short_name
from kehu.organizations.queries import Person, directory

register = template.Library()


def _language() -> str:
    return get_language() or "zh-hans"


@register.filter
def in_language(text: Any) -> str:
    """`{zh, en}` or a definition's Text in the reader's language; the other one where his is missing."""
    if not text:
        return ""
    if isinstance(text, Text):
        return text.in_(_language())
    if isinstance(text, Mapping):
        first, second = ("zh", "en") if _language().startswith("zh") else ("en", "zh")
        return str(text.get(first) or text.get(second) or "")
    return str(text)


@register.simple_tag
def icon(name: str, title: str = "") -> str:
    address = f"{static('vendor/icons.svg')}#tabler-{name}"
    if title:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"></use></svg>', title, address)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"></use></svg>', address)


@register.filter
def weekday(day: date) -> str:
    names = [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]
    local = timezone.localtime(day) if isinstance(day, datetime) else day
    return names[local.weekday()]


@register.simple_tag(takes_context=True, name="when")
def when_tag(context: dict[str, Any], moment: datetime | date | None) -> str:
    """`{% when task.due_at %}`: as the filter, reading the page's own (moved) clock."""
    request = context.get("request")
    return when(moment, getattr(request, "now", None))


@register.filter
def when(moment: datetime | date | None, now: datetime | None = None) -> str:
    """A moment as short as it can be said: today 14:30 · 03-15 14:30 · 2023-03-15 14:30, in the organization's zone.
    `now` is the page's clock (`{{ moment|when:request.now }}`); a demo's clock is not the computer's."""
    if moment is None:
        return ""
    today = timezone.localtime(now or timezone.now()).date()
    if isinstance(moment, datetime):
        local = timezone.localtime(moment)
        return format_html(
            '<time datetime="{}" title="{}">{} {}</time>',
            local.isoformat(timespec="minutes"),
            f"{local:%Y-%m-%d} {weekday(local)} {local:%H:%M}",
            _day(local.date(), today),
            f"{local:%H:%M}",
        )
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), _day(moment, today))


def _day(day: date, today: date) -> str:
    if day == today:
        return _("today")
    return f"{day:%m-%d}" if day.year == today.year else f"{day:%Y-%m-%d}"


@register.filter
def person(key: str | None, request: HttpRequest) -> str:
    """The name of a member's key: `{{ event.by|person:request }}`. Nobody is the system."""
    if not key:
        return _("the system")
    found = _people(request).get(key)
    return found.called(_language()) if found else key


def _people(request: HttpRequest) -> Any:
    today = timezone.localtime(request.now).date()  # type: ignore[attr-defined]
    return directory(request.organization, today).people  # type: ignore[attr-defined]


@register.filter
def department(key: str | None, request: HttpRequest) -> str:
    """The title of a department's key."""
    today = timezone.localtime(request.now).date()  # type: ignore[attr-defined]
    unit = directory(request.organization, today).units.get(key or "")  # type: ignore[attr-defined]
    return in_language(unit.title) if unit else key or ""


@register.inclusion_tag("web/_due_chip.html")
def due_chip(due: Any, why: str = "") -> dict[str, Any]:
    """`{% due_chip row.due address_of_why %}` for a kehu.cases.queries.Due; nothing for a task without limit."""
    return {"due": due, "why": why}


@register.inclusion_tag("web/_status.html")
def status_badge(status: str, title: Any = "") -> dict[str, Any]:
    """A case's status: open, voided, or the end it came to (`title` is that end's text)."""
    return {"status": status, "title": in_language(title)}


@register.filter
def at(mapping: Mapping[str, Any], key: str) -> Any:
    """A mapping's value by a key that a variable holds."""
    return mapping.get(key, "")


@register.filter
def names(people: Iterable[Person]) -> str:
    return ("、" if _language().startswith("zh") else ", ").join(person.called(_language()) for person in people)


@register.filter
def customer_name(customer: Customer) -> str:
    return name_of(customer, _language())


@register.filter
def customer_short(customer: Customer) -> str:
    return short_name(customer, _language())


@register.simple_tag
def case_address(number: str) -> str:
    return reverse("case", args=[number])
