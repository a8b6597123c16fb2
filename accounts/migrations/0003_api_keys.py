import uuid

from django.db import migrations, models

import accounts.models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_mails"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("member_id", models.UUIDField(db_index=True)),
                ("token", accounts.models.HashedKeyField(max_length=64, unique=True)),
                ("beginning", models.CharField(max_length=16)),
                ("name", models.CharField(max_length=60)),
                ("scope", models.CharField(max_length=8)),
                ("daily_limit", models.PositiveIntegerField(null=True)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                ("used_at", models.DateTimeField(null=True)),
            ],
        ),
    ]
