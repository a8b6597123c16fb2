"""What lists share that are shown page by page."""


class BadCursor(ValueError):
    """`before` is not the `next` of any page."""
