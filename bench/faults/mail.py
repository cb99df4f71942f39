"""Run inside an installation: which mails must leave. `--waiting` counts those that still wait; `--wanted` lists Message-ID and reader."""

import json
import sys

import django

django.setup()

from django.db.models import Q  # noqa: E402

from kehu.core import clock  # noqa: E402
from kehu.core.models import Organization  # noqa: E402
from kehu.core.scope import every_organization, scope  # noqa: E402
from kehu.notifications.mail import message_id  # noqa: E402
from kehu.notifications.models import Delivery  # noqa: E402

with every_organization():
    organization = Organization.objects.get()
with scope(organization):
    mails = Delivery.objects.filter(channel__kind="mail").select_related("member")
    if sys.argv[1] == "--waiting":
        print(mails.filter(state__in=Delivery.UNFINISHED).count())
    else:
        later = Q(state__in=Delivery.UNFINISHED, next_attempt_at__gt=clock.now(organization))  # in the quiet hours
        single = mails.filter(is_daily=False).exclude(state="dropped").exclude(later)
        print(json.dumps([[message_id(organization, one), one.member.key if one.member else ""] for one in single]))
