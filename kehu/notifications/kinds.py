"""The kinds of messages in the groups people choose by: who wants reminders only once a day need not know that there are two."""

from __future__ import annotations

from typing import get_args

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from kehu.engine.definitions import NoticeGroup

GROUPS: tuple[NoticeGroup, ...] = get_args(NoticeGroup)
FOR_EVERYBODY: tuple[NoticeGroup, ...] = tuple(group for group in GROUPS if group != "system")

TITLES: dict[NoticeGroup, str | Promise] = {
    "tasks": _("New tasks"),
    "reminders": _("Reminders"),
    "overdue": _("Overdue"),
    "escalations": _("Escalations"),
    "copies": _("For information"),
    "system": _("About Kehu itself"),
}

EXPLAINED: dict[NoticeGroup, str | Promise] = {
    "tasks": _("Something waits for you, was handed over to you or sent back to you."),
    "reminders": _("A time limit of yours comes near, or somebody asks you to hurry."),
    "overdue": _("A time limit has passed."),
    "escalations": _("Somebody else’s task is late and you are to see to it."),
    "copies": _("A step was done and you are informed."),
    "system": _("A channel or a paper layout does not work, for those who look after it."),
}

_GROUP_OF: dict[str, NoticeGroup] = {
    "reminder": "reminders",
    "repeated": "reminders",
    "clock_reminder": "reminders",
    "clock_repeated": "reminders",
    "nudged": "reminders",
    "overdue": "overdue",
    "row_overdue": "overdue",
    "clock_overdue": "overdue",
    "escalated": "escalations",
    "clock_escalated": "escalations",
    "told": "copies",
    "copied": "copies",
    "noted": "copies",
    "case_paused": "copies",
    "case_resumed": "copies",
    "signed": "copies",
    "customer_answered": "copies",
    "signer_dropped": "copies",
    "withdrawn": "copies",
    "channel_failing": "system",
    "channel_off": "system",
    "layout_failed": "system",
}


def group_of(kind: str) -> NoticeGroup:
    """A kind that is not listed asks for something to be done."""
    return _GROUP_OF.get(kind, "tasks")
