"""What forms of the staff choose from."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

from kehu.cases.editing import people
from kehu.organizations.queries import Directory


def options(directory: Directory, language: str, *, but: str) -> SafeString:
    """The members but one as options of a select. Made once: a company has hundreds, and every inbox offers them."""
    made: list[tuple[str, SafeString]] | None = directory.kept.get(("options", language))
    if made is None:
        made = directory.kept["options", language] = [
            (
                one.value,
                format_html('<option value="{}">{}{}</option>', one.value, one.title, one.note and f" · {one.note}"),
            )
            for one in people(directory, language)
        ]
    return format_html("{}" * len(made), *(option if key != but else "" for key, option in made))
