"""Makes a site ready to be started, in one process: its database, its static files, its staff, its app at Instant."""

from __future__ import annotations

import os

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command


def main() -> None:
    """What going live is, without the questions; safe to repeat. Raises what the commands raise."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "credits_site.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    if not get_user_model().objects.filter(username=os.environ["DJANGO_SUPERUSER_USERNAME"]).exists():
        call_command("createsuperuser", interactive=False)
    call_command("instant_push")


if __name__ == "__main__":
    main()
