"""What happens to members, for the apps above this one."""

from django.dispatch import Signal

# Sent with `request` and `member` when they signed in.
member_signed_in = Signal()
# Sent with `member` when they signed out in this browser.
member_signed_out = Signal()
