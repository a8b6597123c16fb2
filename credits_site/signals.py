"""What happens to the site, for the apps above."""

from django.dispatch import Signal

# Sent by a process that is about to answer requests, once; no command sends it.
site_starts = Signal()
