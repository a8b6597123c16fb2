"""What happens to the site, for the apps above."""

from django.dispatch import Signal

# Sent by a process that is about to answer requests, once; no command sends it.
site_starts = Signal()
# Sent by the same process, on its loop, just before it takes no more connections: what would go on for ever ends.
site_closes = Signal()
# Sent by the same process when it has answered its last request, once; it ends when all have returned.
site_stops = Signal()
