"""The whole thing on one machine: both stand-ins and the site, as processes that can be stopped and started.

`python -m sandbox` runs one for a person; the journeys run theirs, with several site processes where it
matters, and kill them. Everything a world remembers is in its data directory.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
HOST: Final = "127.0.0.1"
START_LIMIT_S: Final = 60.0
STOP_LIMIT_S: Final = 5.0
PORTS: Final = range(10_000, 30_000)
PORT_TRIES: Final = 100
STAFF_USERNAME: Final = "staff"
# Price id, amount in cents, currency, what Stripe calls it, credits, what the site calls it.
PACKS: Final = (
    ("price_sandbox10", 500, "usd", "10 credits", 10, "Ten haikus"),
    ("price_sandbox50", 2000, "usd", "50 credits", 50, "Fifty haikus"),
)


class WorldError(Exception):
    """A part did not start, or stopped by itself; the message says which, and where its log is."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What the parts authenticate each other with, made once for each data directory."""

    django: str = field(default_factory=lambda: secrets.token_urlsafe(50))
    instant_app_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    instant_admin_token: str = field(default_factory=lambda: str(uuid.uuid4()))
    stripe_secret: str = field(default_factory=lambda: "sk_test_" + secrets.token_hex(16))
    stripe_webhook: str = field(default_factory=lambda: "whsec_" + secrets.token_hex(16))
    staff_password: str = field(default_factory=lambda: secrets.token_urlsafe(9))

    @classmethod
    def kept_in(cls, data_dir: Path) -> Keys:
        """The keys of a data directory, made when there are none."""
        path = data_dir / "keys.json"
        if path.exists():
            return cls(**json.loads(path.read_text()))
        keys = cls()
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(keys), indent=2))
        return keys


class Part:
    """One process: how to start it, and how to see that it answers."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        url: str,
        log: Path,
        code: Path = ROOT,
    ) -> None:
        self.name = name
        self.url = url
        self._command = command
        self._env = env
        self._log = log
        self._code = code
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The number of the process; raises `WorldError` when it was never started."""
        if self._process is None:
            raise WorldError(f"{self.name} was not started")
        return self._process.pid

    def start(self) -> None:
        """Start the process; `await_answer` tells when it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  the commands are our own
                self._command,
                cwd=self._code,
                env=dict(self._env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def await_answer(self, path: str) -> None:
        """Wait until a GET of `path` is answered with 200; raises `WorldError` when it never is."""
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self.is_running:
            try:
                with urllib.request.urlopen(self.url + path, timeout=5):  # noqa: S310  a URL of ours
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise WorldError(f"{self.name} did not start; see {self._log}")

    def kill(self) -> None:
        """SIGKILL: no clean-up, no goodbye."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ask the process to end, and make it end when it does not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()


class World:
    """Instant and Stripe stand-ins with one or more processes of the site, on ports of this machine.

    A port of 0 picks a free one. `env` adds to or overrides the site's environment. Where somebody puts a proxy
    before all processes, `public_url` is its address. The site may be of another version, which is in `code`. Who
    brings a copy of what a world has made ready says `is_prepared`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        site_ports: Sequence[int] = (0,),
        instant_port: int = 0,
        stripe_port: int = 0,
        env: Mapping[str, str] | None = None,
        deliver_webhooks: bool = True,
        contention: bool = False,
        public_url: str = "",
        code: Path = ROOT,
        is_prepared: bool = False,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self._is_prepared = is_prepared
        self.code = code
        self.mail_dir = self.data_dir / "mail"
        self.mail_dir.mkdir(parents=True, exist_ok=True)
        self.keys = Keys.kept_in(self.data_dir)
        ports = [port or free_port() for port in (instant_port, stripe_port, *site_ports)]
        urls = [f"http://{HOST}:{port}" for port in ports]
        self.site_urls = [public_url or url for url in urls[2:]]
        self.site_env = os.environ | self._site_environment(urls[0], urls[1]) | dict(env or {})
        self.instant = self._instant(ports[0], urls[0], contention=contention)
        self.stripe = self._stripe(ports[1], urls[1], deliver_webhooks=deliver_webhooks)
        self.sites = [
            self._site(number, port, url)
            for number, (port, url) in enumerate(zip(ports[2:], urls[2:], strict=True), start=1)
        ]

    @property
    def parts(self) -> list[Part]:
        """Every process, in the order in which they start."""
        return [self.instant, self.stripe, *self.sites]

    @property
    def site_url(self) -> str:
        """The address of the first site process, or of the proxy before all."""
        return self.site_urls[0]

    def start(self) -> None:
        """Start everything and wait until it answers. Raises `WorldError`, with nothing left running."""
        try:
            self.instant.start()
            self.stripe.start()
            self.instant.await_answer("/health/system")
            self.stripe.await_answer("/dashboard/")
            if not self._is_prepared:
                self._run("-m", "sandbox.prepare")
            for site in self.sites:
                site.start()
            for site in self.sites:
                site.await_answer("/readyz")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop every process."""
        for part in reversed(self.parts):
            part.stop()

    def manage(
        self, *arguments: str, check: bool = True, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` in the site's environment and `env`; raises `WorldError` when it fails, with `check`."""
        return self._run("manage.py", *arguments, check=check, env=env)

    def _run(
        self, *arguments: str, check: bool = True, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(  # noqa: S603  the arguments are our own
            [sys.executable, *arguments],
            cwd=self.code,
            env={**self.site_env, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_LIMIT_S * 5,
            check=False,
        )
        if check and done.returncode:
            raise WorldError(f"{' '.join(arguments[:2])} failed:\n{done.stdout}{done.stderr}")
        return done

    def describe(self) -> dict[str, Any]:
        """Where everything is, as it is written to `sandbox.json`."""
        return {
            "site": self.site_url,
            "instant": {
                "api_uri": self.instant.url,
                "app_id": self.keys.instant_app_id,
                "admin_token": self.keys.instant_admin_token,
            },
            "stripe": {
                "api_base": self.stripe.url,
                "secret_key": self.keys.stripe_secret,
                "webhook_secret": self.keys.stripe_webhook,
                "dashboard": f"{self.stripe.url}/dashboard/",
            },
            "mail_dir": str(self.mail_dir),
            "staff": {"username": STAFF_USERNAME, "password": self.keys.staff_password},
        }

    def _site_environment(self, instant_url: str, stripe_url: str) -> dict[str, str]:
        packs = [
            {"price": price, "credits": credits, "name": name} for price, _, _, _, credits, name in PACKS
        ]
        return {
            "DJANGO_SETTINGS_MODULE": "credits_site.settings",
            "DJANGO_SUPERUSER_USERNAME": STAFF_USERNAME,
            "DJANGO_SUPERUSER_EMAIL": "staff@localhost",
            "DJANGO_SUPERUSER_PASSWORD": self.keys.staff_password,
            "SECRET_KEY": self.keys.django,
            "DEBUG": "false",
            "HTTPS_ONLY": "false",
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            # A developer's own `.env` may say otherwise; each process is found under its own address.
            **dict.fromkeys(["SITE_URL", "CSRF_TRUSTED_ORIGINS", "CHECKOUT_ORIGINS", "STAFF_NETWORKS"], ""),
            **dict.fromkeys(["SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT", "METRICS_FOLDER"], ""),
            "STAFF_TOTP_REQUIRED": "false",
            "DATABASE_URL": f"sqlite:///{self.data_dir / 'site.sqlite3'}",
            "CACHE_URL": "locmemcache://",
            "DRAIN_S": "0",
            "STATIC_ROOT": str(self.data_dir / "static"),
            "EMAIL_URL": f"filemail:///{self.mail_dir}",
            "MAILS_AT_ONCE": "true",
            "INSTANT_API_URI": instant_url,
            "INSTANT_APP_ID": self.keys.instant_app_id,
            "INSTANT_APP_ADMIN_TOKEN": self.keys.instant_admin_token,
            "STRIPE_API_BASE": stripe_url,
            "STRIPE_SECRET_KEY": self.keys.stripe_secret,
            "STRIPE_WEBHOOK_SECRET": self.keys.stripe_webhook,
            "STRIPE_PRICE_ID": "",
            "CREDIT_PACKS": json.dumps(packs),
            "PYTHONUNBUFFERED": "1",
        }

    def _instant(self, port: int, url: str, *, contention: bool) -> Part:
        command = [
            *(sys.executable, "-m", "sandbox.instant", "--port", str(port)),
            *("--data", str(self.data_dir / "instant.sqlite3")),
            *("--app-id", self.keys.instant_app_id, "--admin-token", self.keys.instant_admin_token),
            *(["--contention"] if contention else []),
        ]
        return Part("Instant", command, env=os.environ, url=url, log=self.data_dir / "instant.log")

    def _stripe(self, port: int, url: str, *, deliver_webhooks: bool) -> Part:
        command = [
            *(sys.executable, "-m", "sandbox.stripe", "--port", str(port)),
            *("--data", str(self.data_dir / "stripe.sqlite3")),
            *("--secret-key", self.keys.stripe_secret, "--webhook-secret", self.keys.stripe_webhook),
        ]
        if deliver_webhooks:
            command += ["--webhook-url", f"{self.site_urls[0]}/api/stripe/webhook"]
        for price, amount, currency, product, _, _ in PACKS:
            command += ["--price", f"{price}:{amount}:{currency}:{product}"]
        return Part("Stripe", command, env=os.environ, url=url, log=self.data_dir / "stripe.log")

    def _site(self, number: int, port: int, url: str) -> Part:
        command = [sys.executable, "manage.py", "serve", "--host", HOST, "--port", str(port)]
        log = self.data_dir / f"site{number}.log"
        return Part("The site", command, env=self.site_env, url=url, log=log, code=self.code)


def free_port() -> int:
    """A port that nobody listens on, below those that the system gives to outgoing connections.

    One of those may be taken by a connection just while its process is being started again.
    """
    for _ in range(PORT_TRIES):
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise WorldError("There is no free port")
