"""What reconciliation leaves for review, noted for staff until it is settled."""

from __future__ import annotations

from billing.attention import note_review
from billing.errors import UnknownCheckout
from billing.models import Attention
from billing.reconciliation import Finding, finding_of
from billing.stripe_api import checkouts


def note_finding(finding: Finding) -> None:
    """Note what needs review, and close what was noted of a checkout that is fixed."""
    problem = finding.text if finding.needs_review else ""
    note_review(finding.checkout_id, problem, member_id=finding.member_id)


def look_at_reviews() -> None:
    """Settle again what was noted and is still open; what is in order now is closed. Raises what `reconcile` does."""
    for noted in Attention.objects.filter(kind=Attention.Kind.REVIEW, closed_at=None):
        try:
            checkout = checkouts.retrieve(noted.checkout_id)
        except UnknownCheckout:
            continue  # of an account or a mode that was in use before
        finding = finding_of(checkout, dry_run=False)
        if finding is None or not finding.needs_review:
            note_review(noted.checkout_id, "", member_id=noted.member_id)
