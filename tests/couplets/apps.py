from django.apps import AppConfig

from billing.products import register


class CoupletsConfig(AppConfig):
    name = "tests.couplets"

    def ready(self) -> None:
        from tests.couplets.store import COUPLET

        register(COUPLET)
