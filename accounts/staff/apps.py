"""Django's admin, with the login of this site."""

from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    """Takes the place of `django.contrib.admin`. Whatever registers with the default site lands on `StaffSite`."""

    default_site = "accounts.staff.site.StaffSite"

    def ready(self) -> None:
        """Register the checks, and listen to who logs in."""
        super().ready()
        from django.apps import apps
        from django.contrib import admin
        from django_otp.plugins.otp_static.models import StaticDevice

        from accounts.staff import checks, logins, people  # noqa: F401

        people.register(admin.site)

        # Nobody looks after the backup codes of others. Of somebody who lost everything, the app is deleted.
        # And nobody reads or writes a member's mails: how many wait is said under "Needs attention".
        for model in (StaticDevice, *apps.get_app_config("post_office").get_models()):
            if admin.site.is_registered(model):  # the apps may be set up again
                admin.site.unregister(model)
