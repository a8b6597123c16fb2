"""What happens to members, for the apps above this one."""

from django.dispatch import Signal

# Sent with `request` and `member` when they signed in.
member_signed_in = Signal()
# Sent with `member` when they signed out in this browser.
member_signed_out = Signal()
# Sent with `member_id` when an account is gone; perhaps more than once.
member_deleted = Signal()
