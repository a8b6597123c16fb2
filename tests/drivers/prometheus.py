"""Prometheus, as far as it reads what a site counts."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


class Numbers:
    """What `/metrics` said. Without labels a number is the sum over all that they do not name."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = [sample for family in self.families.values() for sample in family.samples]

    def of(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name with these labels."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )
