"""The links of a case: who was given one, what became of it, and for whoever may, the link itself to be copied."""

from __future__ import annotations

from dataclasses import dataclass

import segno
from django.urls import reverse
from django.utils.translation import gettext as _

from kehu.cases.history import Record
from kehu.cases.models import Invitation
from kehu.cases.wording import Words


@dataclass
class LinkLine:
    pk: int
    title: str
    """What it is for."""
    name: str
    address: str
    language: str
    maker: str
    state: str
    words: str
    refusals: int
    is_open: bool
    link: str = ""
    """To be copied; empty where it is over, or nothing for the reader to give away."""
    picture: str = ""
    """The same, to be scanned by a customer who stands beside; none of one that a browser has already."""
    again: str = ""
    """Where it is made anew."""
    is_revocable: bool = False


def link_lines(record: Record, words: Words) -> list[LinkLine]:
    """Those that still open something first, the newest of them before the others."""
    found, now = [], record.folder.work.now
    for one in reversed(record.invitations):
        task, makes, is_open, link = one.task, record.makes_link(one), one.is_open(now), record.link_of(one)
        place = [record.case.number, task.step, *([task.item] if task.item else [])] if task else [record.case.number]
        found.append(
            LinkLine(
                one.pk,
                words.step(task.step, task.item) if task else _("How it stands"),
                one.name,
                one.address,
                one.language,
                words.person(one.made_by_id),
                one.state(now),
                _state_words(one, one.state(now), words),
                one.refusals,
                is_open,
                link,
                segno.make(link).svg_inline(scale=4, light="white") if link and not one.opened_at else "",
                reverse("case_invitations" if task else "case_status-links", args=place) if makes else "",
                is_open and "revoke_invitation" in record.may.case_verbs,
            )
        )
    return sorted(found, key=lambda line: not line.is_open)


def _state_words(one: Invitation, state: str, words: Words) -> str:
    match state:
        case "revoked":
            return _("withdrawn {moment}").format(moment=words.moment(one.revoked_at))  # type: ignore[arg-type]
        case "used":
            return _("answered {moment}").format(moment=words.moment(one.used_at))  # type: ignore[arg-type]
        case "over":
            return _("settled in another way")
        case "expired":
            return _("expired {moment}").format(moment=words.moment(one.expires_at))
        case "opened":
            assert one.opened_at
            said = _("opened {moment}, good until {until}")
            return said.format(moment=words.moment(one.opened_at), until=words.moment(one.expires_at))
        case "sent":
            assert one.sent_at
            said = _("sent {moment}, not opened yet, good until {until}")
            return said.format(moment=words.moment(one.sent_at), until=words.moment(one.expires_at))
    return _("not opened yet, good until {until}").format(until=words.moment(one.expires_at))
