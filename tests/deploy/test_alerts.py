"""`deploy/alerts.yml` and `deploy/grafana.json`: they name what is counted, and each alert fires when it should."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.urls import resolve
from prometheus_client import Metric

from credits_site.metrics import ASKED, COUNTED
from tests.deploy.files import DEPLOY, ROOT, tool

ALERTS = DEPLOY / "alerts.yml"
RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
PANELS = json.loads((DEPLOY / "grafana.json").read_text())["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]

# A site that is well, for eight hours: what each number is from minute to minute.
GROWS = "0+{}x480"
WELL = {
    'up{job="instant-credits"}': "1x480",
    'credits_requests_total{route="home", status="200"}': GROWS.format(600),
    'credits_requests_total{route="home", status="500"}': GROWS.format(1),
    'credits_requests_total{route="home", status="503"}': GROWS.format(9),
    'credits_requests_total{route="billing:webhook", status="400"}': GROWS.format(9),
    'credits_refused_total{status="503"}': GROWS.format(1),
    'credits_request_seconds_bucket{route="home", le="0.5"}': GROWS.format(600),
    'credits_request_seconds_bucket{route="home", le="+Inf"}': GROWS.format(610),
    'credits_outside_call_seconds_count{service="instant", outcome="ok"}': GROWS.format(600),
    'credits_outside_call_seconds_count{service="instant", outcome="refused"}': GROWS.format(300),
    'credits_outside_call_seconds_count{service="instant", outcome="failed"}': GROWS.format(9),
    'credits_outside_call_seconds_bucket{service="instant", le="0.5"}': GROWS.format(600),
    'credits_outside_call_seconds_bucket{service="instant", le="+Inf"}': GROWS.format(610),
    'credits_breaker_open{service="stripe"}': "0x480",
    'credits_webhook_lag_seconds_bucket{le="60"}': GROWS.format(20),
    'credits_webhook_lag_seconds_bucket{le="+Inf"}': GROWS.format(21),
    'credits_fulfilments_total{door="sync", outcome="credited"}': GROWS.format(1),
    'credits_fulfilments_total{door="webhook", outcome="already_credited"}': GROWS.format(1),
    'credits_failed_attempts_total{reason="gave_up"}': "0x480",
    'credits_failed_attempts_total{reason="lost_race"}': GROWS.format(300),
    'credits_movements_total{kind="spend"}': GROWS.format(400),
    'credits_attention_open{kind="review"}': "0x480",
    'credits_attention_open{kind="withdrawal"}': "0x460 1x20",
    "credits_open_streams": "9x480",
    "credits_audit_timestamp_seconds": "0x480",
}
# What goes wrong, and what fires then; None for a number that is not told any more.
WRONG: dict[str, Mapping[str, str | None]] = {
    "SiteDown": {'up{job="instant-credits"}': "1x470 0x10"},
    "MistakesOfOurs": {'credits_requests_total{route="home", status="500"}': GROWS.format(9)},
    "SiteUnavailable": {'credits_requests_total{route="home", status="503"}': GROWS.format(60)},
    "SiteBusy": {'credits_refused_total{status="503"}': GROWS.format(9)},
    "PagesSlow": {
        'credits_request_seconds_bucket{route="home", le="0.5"}': GROWS.format(500),
        'credits_request_seconds_bucket{route="home", le="5.0"}': GROWS.format(610),
    },
    "ServiceFails": {
        'credits_outside_call_seconds_count{service="stripe", outcome="ok"}': GROWS.format(9),
        'credits_outside_call_seconds_count{service="stripe", outcome="failed"}': GROWS.format(1),
    },
    "ServiceLeftAlone": {'credits_breaker_open{service="stripe"}': "1x480"},
    "InstantSlow": {
        'credits_outside_call_seconds_bucket{service="instant", le="0.5"}': GROWS.format(500),
        'credits_outside_call_seconds_bucket{service="instant", le="2.5"}': GROWS.format(610),
    },
    "WebhooksFail": {'credits_requests_total{route="billing:webhook", status="503"}': GROWS.format(1)},
    "WebhooksLate": {
        'credits_webhook_lag_seconds_bucket{le="60"}': GROWS.format(9),
        'credits_webhook_lag_seconds_bucket{le="3600"}': GROWS.format(21),
    },
    "WebhooksMissing": {'credits_fulfilments_total{door="webhook", outcome="already_credited"}': None},
    "MovementsGivenUp": {'credits_failed_attempts_total{reason="gave_up"}': "0x475 1x5"},
    "RacesLost": {'credits_failed_attempts_total{reason="lost_race"}': GROWS.format(500)},
    "NeedsAttention": {'credits_attention_open{kind="review"}': "1x480"},
    "WithdrawalStuck": {'credits_attention_open{kind="withdrawal"}': "1x480"},
    "AuditMissing": {"credits_audit_timestamp_seconds": "-200000x480"},
    "DatabaseAway": {
        'credits_attention_open{kind="review"}': None,
        'credits_attention_open{kind="withdrawal"}': None,
    },
}


def names_of(metric: Metric) -> set[str]:
    """What Prometheus calls the samples of a metric."""
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    return {metric.name + ending for ending in endings.get(metric.type, ("",))}


@pytest.mark.django_db
def test_every_number_that_is_named_is_counted_and_every_one_that_is_counted_is_shown() -> None:
    counted = [metric for registry in (COUNTED, ASKED) for metric in registry.collect()]
    named = {
        name
        for text in [*QUERIES, *(rule["expr"] for rule in RULES)]
        for name in re.findall(r"\bcredits_\w+", text)
    }
    assert named - {name for metric in counted for name in names_of(metric)} == set()
    shown = set(re.findall(r"\bcredits_\w+", " ".join(QUERIES)))
    assert [metric.name for metric in counted if not names_of(metric) & shown] == []


def test_the_webhook_has_the_route_that_its_alert_names() -> None:
    (rule,) = (rule for rule in RULES if rule["alert"] == "WebhooksFail")
    (pattern,) = re.findall(r'route=~"([^"]+)"', rule["expr"])
    for path in ("/api/stripe/webhook", "/api/stripe/webhook/"):
        assert re.fullmatch(pattern, resolve(path).view_name)


def test_docs_operations_explains_every_alert() -> None:
    part = (ROOT / "docs" / "operations.md").read_text().split("\n## Alerts\n")[1].split("\n## ")[0]
    told = re.findall(r"^\| ([A-Z][A-Za-z]+) \| [^|]{20,} \| [^|]{20,} \|$", part, re.MULTILINE)
    assert told == [rule["alert"] for rule in RULES]


def promtool(command: str, file: Path) -> None:
    done = subprocess.run(  # noqa: S603  a tool of Prometheus, on files of ours
        [tool("promtool"), *command.split(), file], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_reads_the_rules_and_what_the_dashboard_asks(tmp_path: Path) -> None:
    promtool("check rules", ALERTS)
    asked = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(QUERIES)
    ]
    file = tmp_path / "dashboard.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": asked}]}))
    promtool("check rules", file)


def case(changes: Mapping[str, str | None], *, fires: list[str]) -> dict[str, Any]:
    series = {name: values for name, values in {**WELL, **changes}.items() if values is not None}
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": "8h",
                "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in fires],
            }
        ],
    }


@pytest.mark.deep
def test_each_alert_fires_on_what_it_is_for_and_none_on_a_site_that_is_well(tmp_path: Path) -> None:
    assert list(WRONG) == [rule["alert"] for rule in RULES]
    cases = [case({}, fires=[]), *(case(changes, fires=[alert]) for alert, changes in WRONG.items())]
    file = tmp_path / "tests.yml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": cases})
    )
    promtool("test rules", file)
