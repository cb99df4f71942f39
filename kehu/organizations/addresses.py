"""Where a member's mail goes: one address or none, so that nothing else ever stands in a letter's head."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from kehu.core.refusals import Finding


def findings(email: str) -> Iterator[Finding]:
    """What is wrong with it."""
    if email:
        try:
            validate_email(email)
        except ValidationError:
            yield Finding("email", _("This is not a mail address. Write it like name@company.com, or leave it empty."))
