"""The permissions of the members' pages; no table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Member",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("email", models.EmailField(max_length=254)),
            ],
            options={
                "permissions": (("reset_credits", "Can reset a member's credits"),),
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
    ]
