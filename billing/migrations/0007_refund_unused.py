"""Some staff may refund what a member has not spent."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0006_withdrawal"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="member",
            options={
                "default_permissions": ("view",),
                "managed": False,
                "permissions": (
                    ("grant_credits", "Can give a member credits"),
                    ("take_credits", "Can take a member's credits"),
                    ("reset_credits", "Can reset a member's credits"),
                    ("end_sessions", "Can sign a member out everywhere"),
                    ("refund_unused", "Can refund what a member has not spent of a purchase"),
                ),
            },
        ),
    ]
