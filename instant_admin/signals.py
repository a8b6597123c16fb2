"""What happens in the ledger, for the apps above."""

from django.dispatch import Signal

# Sent with `entry` once it is written, by the process that wrote it and in the thread that asked for it. An opening
# entry, which moves nothing, is not told. A crash just then leaves it untold: the ledger alone has everything.
entry_written = Signal()
