"""Run inside an installation: its demo's clock is another. `move_clock.py HOURS`; negative hours set it back."""

import sys
from datetime import timedelta

import django

django.setup()

from django.db.models import F  # noqa: E402
from django.db.models.functions import Coalesce  # noqa: E402

from kehu.core.models import Organization  # noqa: E402
from kehu.core.scope import every_organization  # noqa: E402

with every_organization():
    Organization.objects.update(
        clock_offset=Coalesce(F("clock_offset"), timedelta()) + timedelta(hours=float(sys.argv[1]))
    )
