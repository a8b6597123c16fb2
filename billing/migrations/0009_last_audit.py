"""What the last audit found."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0008_names_in_the_admin"),
    ]

    operations = [
        migrations.CreateModel(
            name="LastAudit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("outstanding", models.BigIntegerField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
    ]
