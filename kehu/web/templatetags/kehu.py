"""What templates say often: a text in the reader's language, an icon, a moment, a name, a time limit, a status."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest
from django.template.base import FilterExpression, Parser, Token
from django.template.defaultfilters import linebreaksbr
from django.template.defaulttags import url as django_url
from django.template.loader import render_to_string
from django.templatetags.i18n import do_translate
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from kehu.core.wording import listed
from kehu.engine.definitions import Text
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import name_of, short_name
from kehu.organizations.queries import Person, directory

register = template.Library()


def _text(value: object) -> str:
    """Escaped. Django's own looks for lazy texts first, which takes five times as long, and lists say hundreds of texts a page."""
    if type(value) is str and len(value) < 80:
        return _escaped(value)
    return value if isinstance(value, SafeString) else html.escape(str(value))


@lru_cache(maxsize=16_384)
def _escaped(text: str) -> str:
    """Lists say the same words again and again: kinds, states, names."""
    return html.escape(text)


def _markup(*parts: str) -> SafeString:
    """Joined as they are: whoever puts them together has escaped what people typed."""
    return mark_safe("".join(parts))  # noqa: S308  # nosec B308 B703


def _language() -> str:
    return get_language() or "zh-hans"


class Same(template.Node):
    """What says the same in a language each time, rendered once by the node it stands for: a page says a hundred such words, and
    Django looks each up, filters and escapes it anew."""

    def __init__(self, node: template.Node):
        self.node, self.said = node, dict[str, str]()

    def render(self, context: template.Context) -> str:
        language = _language()
        if language not in self.said:
            self.said[language] = self.node.render(context)
        return self.said[language]


@register.tag
def translate(parser: Parser, token: Token) -> template.Node:
    """Django's own, of a text that stands in the template."""
    node = do_translate(parser, token)
    words = (node.filter_expression, node.message_context)
    return Same(node) if all(map(_is_text, filter(None, words))) and node.asvar is None else node


@register.tag
def url(parser: Parser, token: Token) -> template.Node:
    """Django's own, of a page that stands in the template and needs nothing else."""
    node = django_url(parser, token)
    is_alone = _is_text(node.view_name) and not (node.args or node.kwargs)
    return Same(node) if is_alone and node.asvar is None else node


def _is_text(expression: FilterExpression) -> bool:
    words = expression.var.literal if isinstance(expression.var, template.Variable) else expression.var
    return isinstance(words, str) and not expression.filters


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


@register.filter
def as_json(value: Any) -> str:
    """For a data attribute that a script reads; escaped like any other text."""
    return json.dumps(value, cls=DjangoJSONEncoder)


@register.simple_tag
@lru_cache(maxsize=512)
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
        moment = timezone.localtime(moment)
    return _said(moment, timezone.get_current_timezone_name(), today, _language())


@lru_cache(maxsize=8192)
def _said(moment: datetime | date, _zone: str, today: date, _in: str) -> str:
    """Pages say the same moments again and again. Moments that are equal are not said alike in two zones."""
    if isinstance(moment, datetime):
        local = moment
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


@register.simple_tag
def due_chip(due: Any, why: str = "") -> str:
    """`{% due_chip row.due address_of_why %}` for a kehu.cases.queries.Due; nothing for a task without limit. Lists show fifty of
    them, and a template of its own for each would cost more than the rest of the line."""
    if not due:
        return ""
    words = _text(due.words)
    doubt = _("Provisional: the holidays of that year are not confirmed yet.") if due.is_provisional else ""
    tag, href = ("a", f' href="{_text(why)}"') if why else ("span", "")
    return _markup(
        f'<{tag} class="due due-{due.colour}"{href} title="{words}">',
        icon("clock-exclamation" if due.is_overdue else "clock"),
        f"<span>{words}</span>",
        f'<abbr title="{_text(doubt)}">?</abbr>' if doubt else "",
        f"</{tag}>",
    )


@register.simple_tag
def status_badge(status: str, title: Any = "") -> SafeString:
    """A case's status: open, voided, or the end it came to (`title` is that end's text)."""
    known = {"open": _("In progress"), "voided": _("Voided")}
    look = status if status in known else "ended"
    words = known.get(status) or in_language(title) or _("Closed")
    return _markup(f'<span class="status status-{look}">{_text(words)}</span>')


@register.filter
def to_most(count: int, most: int = 1000) -> str:
    """A count that goes no further than anybody reads it: 1000+."""
    return f"{most}+" if count > most else str(count)


@register.filter
def money(amount: Decimal) -> str:
    """1280.5 as 1,280.50."""
    return f"{amount:,.2f}"


@register.filter
def at(mapping: Mapping[str, Any], key: str) -> Any:
    """A mapping's value by a key that a variable holds."""
    return mapping.get(key, "")


@register.filter
def names(people: Iterable[Person]) -> str:
    return listed(person.called(_language()) for person in people)


@register.filter
def customer_name(customer: Customer) -> str:
    return name_of(customer, _language())


@register.filter
def customer_short(customer: Customer) -> str:
    return short_name(customer, _language())


@register.simple_tag
@lru_cache(maxsize=8192)
def case_address(number: str) -> str:
    return reverse("case", args=[number])


@register.simple_tag
@lru_cache(maxsize=8192)
def preview_address(number: str) -> str:
    return reverse("inbox_preview", args=[number])


@register.simple_tag
def shown(field: Any) -> str:
    """A field as it is read (`kehu.cases.editing.Shown`). A case with a long history says hundreds of plain ones, so those need no
    template of their own."""
    if field.links or field.type == "rows":
        return render_to_string("web/cases/_shown.html", {"shown": field})
    return _markup(
        f'<div class="shown{" shown-wide" if field.is_wide else ""}{" shown-empty" if field.is_empty else ""}">',
        f'<span class="shown-title">{_text(field.title)}</span>\n',
        f'<span class="shown-value{" number" if field.type in ("number", "money") else ""}">',
        f"{_lines(field.text) or '–'}</span></div>",
    )


def _lines(text: str) -> str:
    return _text(text).replace("\n", "<br>") if "\r" not in text else linebreaksbr(text)


@register.simple_tag
def register_line(line: Any, widths: Sequence[str]) -> SafeString:
    """A register's line (`kehu.reports.registers.Line`): some hundreds of cells a page."""
    first, *others = line.cells
    address = case_address(line.number)
    look, mark = "" if line.is_open else ' class="is-closed"', ""
    if line.is_overdue:
        late = _text(_("Overdue"))
        look, mark = (
            ' class="is-overdue"',
            f'<span class="overdue-mark" title="{late}">{icon("clock-exclamation")}</span>',
        )
    return _markup(
        f'<tr data-line tabindex="-1" data-address="{address}"{look}><th scope="row">',
        f'<a class="row-link" href="{address}">{_text(first.text or line.number)}</a>{mark}</th>',
        *(
            f'<td class="{width} kind-{_text(cell.kind or "text")}">{_text(cell.text)}</td>'
            for cell, width in zip(others, widths[1:], strict=True)
        ),
        "</tr>\n",
    )


@register.simple_tag
def options(choices: Iterable[Any], chosen: str | None = None) -> SafeString:
    """What stands in a list to choose from (`kehu.web.sheet.Choice`; with `chosen`, `kehu.reports.registers.Choice`): hundreds on some
    pages."""
    return _markup(*(_option(one, one.is_chosen if chosen is None else one.value == chosen) for one in choices))


def _option(choice: Any, is_chosen: bool) -> str:
    note = getattr(choice, "note", "")
    words = f"{_text(choice.title)} · {_text(note)}" if note else _text(choice.title)
    return f'<option value="{_text(choice.value)}"{" selected" if is_chosen else ""}>{words}</option>'


@register.simple_tag
def entry_line(entry: Any, now: datetime) -> SafeString:
    """A line of a case's history (`kehu.cases.wording.Entry`): thirty a page."""
    tone = f" entry-{entry.tone}" if entry.tone else ""
    more = [f'<p class="entry-more">{_text(entry.mandate)}</p>'] if entry.mandate else []
    if entry.reason:
        more.append(f'<p class="entry-reason">{_lines(entry.reason)}</p>')
    # What follows is read by xgettext, which does not look into f-strings.
    for title, words in ((_("Next:"), " · ".join(entry.next)), (_("Told:"), entry.told)):
        if words:
            more.append(f'<p class="entry-more">{_text(title)} {_text(words)}</p>')
    if entry.changes:
        more.append(_changed(entry.changes))
    return _markup(
        f'<li class="entry entry-{entry.kind}{tone}"><span class="entry-icon">{icon(entry.icon)}</span>',
        f'<div><p class="entry-sentence">{_text(entry.sentence)}</p>',
        *more,
        f"<small>{when(entry.at, now)}</small></div></li>",
    )


def _changed(changes: Sequence[Any]) -> str:
    count = ngettext("%(n)s field", "%(n)s fields", len(changes)) % {"n": len(changes)}
    rows = (
        f"<dt>{_text(one.title)}</dt><dd>{f'<del>{_text(one.before)}</del> → ' if one.before else ''}"
        f"<ins>{_text(one.after or '–')}</ins></dd>"
        for one in changes
    )
    return f'<details class="entry-changes"><summary>{_text(count)}</summary><dl>{"".join(rows)}</dl></details>'


@register.simple_tag
def chart_step(step: Any, now: datetime) -> SafeString:
    """A step of the case's chart (`kehu.web.sheet.ChartStep`): twenty a page."""
    title = _text(step.title)
    tags = [f' <span class="tag">×{step.rounds}</span>'] if step.rounds > 1 else []
    if step.is_beside:
        beside = _text(_("beside"))
        tags.append(f' <span class="tag">{beside}</span>')
    if step.state == "next":
        following = _text(_("next"))
        tags.append(f' <span class="chart-next">{following}</span>')
    return _markup(
        f'<li class="chart-{step.state}{" chart-beside" if step.is_beside else ""}"',
        f"{_HERE if step.state == 'current' else ''}>\n",
        f'<span class="chart-dot" aria-hidden="true">{icon("check") if step.state == "done" else ""}</span>',
        '<div class="chart-words"><span class="chart-title">',
        f'<a href="#{_text(step.anchor)}">{title}</a>' if step.anchor else title,
        *tags,
        "</span>\n",
        *(f'<span class="chart-place place-{place.state}">{_place(place, now)}</span>' for place in step.places),
        "</div></li>",
    )


_HERE = ' aria-current="step"'


def _place(place: Any, now: datetime) -> str:
    """Who did it, when and how; or has it, until when."""
    words = [f"<b>{_text(place.title)}</b> "] if place.title else []
    words.append(_text(place.person))
    if place.state == "current":
        return "".join([*words, f" {due_chip(place.due)}" if place.due else ""])
    if place.at:
        words.append(f" · {when(place.at, now)}")
    over = {"sent_back": _("sent back"), "canceled": _("no longer needed"), "halted": _("stopped")}
    words += [f" · {_text(word)}" for word in (place.outcome, over.get(place.state)) if word]
    return "".join(words)


@register.simple_tag
def inbox_line(row: Any, view: str, now: datetime) -> SafeString:
    """A line of the inbox (`kehu.cases.queries.Row`) with the box to choose it by: fifty a page."""
    number, place = _text(row.number), "|".join(row.place if row.part == "do" else ("", ""))
    language = _language()
    choose = _text(_("Choose %(number)s") % {"number": row.number})
    facts = [f'<span class="number">{number}</span>']
    if row.customer:
        facts.append(f"<span>{_text(row.customer)}</span>")
    facts.append(f'<span class="wide-only">{_text(row.procedure.in_(language))}</span>')
    if view == "started" and row.holders:
        facts.append(f"<span>{_text(names(row.holders))}</span>")
    return _markup(
        '<li class="choosable"><input type="checkbox" class="choose" form="several" name="chosen" ',
        f'value="{number}|{_text(place)}" aria-label="{choose}">',
        f'<a class="inbox-row{" is-unread" if row.is_unread else ""}" href="{case_address(row.number)}" data-line ',
        f'hx-get="{preview_address(row.number)}" hx-target="#preview" hx-trigger="kehu:choose delay:120ms" ',
        'hx-sync="#preview:replace" data-preview="preview">\n<span class="inbox-line"><span class="inbox-title">',
        f"{_title(row, language)}</span>{''.join(_chips(row, view))}</span>\n",
        f'<span class="inbox-line inbox-small"><span class="inbox-facts">{"".join(facts)}</span>',
        f'<span class="inbox-at">{when(row.at, now)}</span></span></a></li>\n',
    )


def _title(row: Any, language: str) -> str:
    """What is to be done, or how far the case is; with the row, for whom, and what of it is asked."""
    new = ""
    if row.is_unread:
        unread = _text(_("New:"))
        new = f'<span class="visually-hidden">{unread} </span>'
    title = " · ".join(step.in_(language) for step in row.steps) or row.procedure.in_(language)
    tags = [row.item] if row.item else []
    if row.principal:
        tags.append(_("for %(name)s") % {"name": in_language(row.principal.name)})
    if row.part in ("sign", "advise"):
        tags.append(_("sign") if row.part == "sign" else _("opinion"))
    return new + _text(title) + "".join(f' <span class="tag">{_text(tag)}</span>' for tag in tags)


def _chips(row: Any, view: str) -> Iterator[str]:
    if row.is_paused:
        paused = _text(_("paused"))
        yield f' <span class="due due-amber">{icon("player-pause")}{paused}</span>'
    if row.outcome and view == "done":
        yield f' <span class="tag">{_text(in_language(row.outcome))}</span>'
    if view not in ("todo", "drafts") and row.status != "open":
        yield f" {status_badge(row.status, row.status_title)}"
    if row.due:
        yield f" {due_chip(row.due)}"
