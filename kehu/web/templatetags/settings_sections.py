"""The list of settings beside every page of theirs: `{% settings_sections as sections %}`."""

from __future__ import annotations

from typing import Any

from django import template

from kehu.web.settings import Line, sections

register = template.Library()


@register.simple_tag(takes_context=True)
def settings_sections(context: dict[str, Any]) -> dict[str, list[Line]]:
    own, company = sections(context["request"])
    return {"own": own, "company": company}
