"""What else staff should look at, and how the webhook is answered."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0004_grant_and_take"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookAnswer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("is_good", models.BooleanField(unique=True)),
                ("at", models.DateTimeField()),
                ("detail", models.CharField(blank=True, max_length=255)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AlterField(
            model_name="attention",
            name="checkout_id",
            field=models.CharField(blank=True, max_length=255, verbose_name="checkout id"),
        ),
        migrations.AlterField(
            model_name="attention",
            name="kind",
            field=models.CharField(
                choices=[
                    ("fraud_warning", "Early fraud warning"),
                    ("review", "Paid, and needs review"),
                    ("selling_paused", "Selling is paused"),
                ],
                max_length=40,
            ),
        ),
        migrations.AlterField(
            model_name="attention",
            name="member_id",
            field=models.UUIDField(null=True, verbose_name="member id"),
        ),
        migrations.AlterField(
            model_name="attention",
            name="payment_id",
            field=models.CharField(blank=True, max_length=255, verbose_name="payment id"),
        ),
    ]
