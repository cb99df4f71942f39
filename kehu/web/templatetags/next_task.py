"""Where somebody goes on who has just done something."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kehu.cases.queries import next_tasks

from ..sheet import anchor_of

register = template.Library()

THEN_NEXT = "then-next"
"""Marks the message behind which the page says it (`messages`, `extra_tags`): by then it is known, and who waits for the act has not
waited for that."""


@register.simple_tag(takes_context=True)
def next_task(context: Any) -> str:
    """A link to his next task: in this case, otherwise the first of his inbox."""
    request = context["request"]
    mine = next_tasks(request.person) if request.person else []
    number = request.resolver_match.kwargs.get("number")
    if here := next((one for one in mine if one.number == number), None):
        return _link(here.number, here.step, here.item, _("You have another task in this case."))
    if not mine:
        return ""
    first = mine[0]
    title = first.title.in_(get_language() or "zh-hans") if first.title else first.step
    words = _("Next in your inbox: {number} · {step}").format(number=first.number, step=title)
    return _link(first.number, first.step, first.item, words)


def _link(number: str, step: str, item: str, words: str) -> str:
    return format_html('<a href="{}#{}">{}</a>', reverse("case", args=[number]), anchor_of(step, item), words)
