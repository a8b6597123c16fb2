"""Some staff may give credits, and some may take them."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_attention")]

    operations = [
        migrations.AlterModelOptions(
            name="member",
            options={
                "permissions": (
                    ("grant_credits", "Can give a member credits"),
                    ("take_credits", "Can take a member's credits"),
                    ("reset_credits", "Can reset a member's credits"),
                    ("end_sessions", "Can sign a member out everywhere"),
                ),
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
    ]
