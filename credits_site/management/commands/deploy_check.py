"""`manage.py deploy_check`: may this version go live with these settings and services?"""

from __future__ import annotations

from typing import ClassVar

from django.core import checks

from credits_site.management.commands import doctor


class Command(doctor.Command):
    """`doctor`, to which an error of `check --deploy` is an error."""

    help = (
        "Everything that must hold before this version goes live, with every remedy at once: what `check --deploy` "
        "and `doctor` look at, among it migrations that wait, and what Instant has other than instant/schema.json "
        "and instant/perms.json. Safe at any time. Exit code 0: no errors, at most warnings; 1: errors."
    )
    worst_of_deployment: ClassVar[int] = checks.CRITICAL
