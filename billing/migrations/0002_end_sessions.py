"""Some staff may sign members out."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_members")]

    operations = [
        migrations.AlterModelOptions(
            name="member",
            options={
                "permissions": (
                    ("reset_credits", "Can reset a member's credits"),
                    ("end_sessions", "Can sign a member out everywhere"),
                ),
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
    ]
