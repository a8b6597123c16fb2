"""What staff should look at."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0002_end_sessions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Attention",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("about", models.CharField(max_length=255, unique=True)),
                ("kind", models.CharField(choices=[("fraud_warning", "Early fraud warning")], max_length=40)),
                ("detail", models.CharField(max_length=255)),
                ("payment_id", models.CharField(max_length=255, verbose_name="payment id")),
                ("checkout_id", models.CharField(max_length=255, verbose_name="checkout id")),
                ("member_id", models.UUIDField(verbose_name="member id")),
                ("raised_at", models.DateTimeField(verbose_name="raised")),
                ("closed_at", models.DateTimeField(null=True, verbose_name="closed")),
                ("closed_by", models.CharField(blank=True, max_length=150)),
            ],
            options={
                "verbose_name": "matter that needs attention",
                "verbose_name_plural": "needs attention",
                "permissions": (("close_attention", "Can close what needs attention"),),
                "default_permissions": ("view",),
            },
        ),
    ]
