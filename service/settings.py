"""Every setting of the service, from `REHEARING_*` variables, a `.env` file, or arguments of the same name."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Limits(BaseModel):
    """What one caller may ask for; published under /version. Set one with `REHEARING_LIMITS__ITEMS_PER_BATCH=5000`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    body_bytes: int = Field(default=16 * 2**20, ge=1024)
    """One request body except a batch: a book of 2,000 pages is about 5 MB."""
    batch_bytes: int = Field(default=4 * 2**30, ge=1024)
    """A batch file: 100,000 items of 40 kB. It is spooled to disk, never held in memory."""
    line_bytes: int = Field(default=4 * 2**20, ge=1024)
    """One line of a batch file."""
    document_characters: int = Field(default=5_000_000, ge=1)
    documents_per_set: int = Field(default=2_000, ge=1)
    passages_per_set: int = Field(default=200_000, ge=1)
    """Grouping was measured up to 40,000 perspectives (1.4 GB); memory grows with their number."""
    personas_per_set: int = Field(default=60, ge=1)
    items_per_batch: int = Field(default=200_000, ge=1)
    repeats: int = Field(default=100, ge=1)
    """Runs of one item: at 20 the interval of the stopping rule has long stopped to shrink usefully."""
    turns: int = Field(default=60, ge=1)
    tokens_per_run: int = Field(default=2_000_000, ge=1)
    models_per_evaluation: int = Field(default=8, ge=1)
    ratings_per_import: int = Field(default=5_000_000, ge=1)
    jobs_concurrent: int = Field(default=32, ge=1)
    """Runs in progress in one process; each waits for its model most of the time."""
    queue_length: int = Field(default=2_000_000, ge=1)
    """Runs waiting over all owners; beyond it new work is refused with 503."""


class Settings(BaseSettings):
    """How this installation runs. `Settings()` reads the environment; unknown `REHEARING_` variables are ignored."""

    model_config = SettingsConfigDict(
        env_prefix="REHEARING_", env_file=".env", env_nested_delimiter="__", extra="ignore", frozen=True
    )

    # where things lie
    data_dir: Path = Path(".rehearing")
    """Databases, embedding cache, spool; created when first needed."""
    database_url: SecretStr | None = None
    """`postgresql://...`; None for an SQLite file in `data_dir`. Secret because it may hold a password."""

    # models
    model: str = "simulated"
    """Judges where a request names none."""
    persona_model: str | None = None
    """Extracts perspectives; None for the extractive mode, which needs no model."""
    base_url: str | None = None
    """Of an OpenAI-compatible server."""
    api_key: SecretStr | None = None
    """The provider's key; None leaves the provider's own variable, such as OPENAI_API_KEY, in force."""
    context_tokens: int | None = Field(default=None, ge=256)
    """What the model takes, prompt and reply together; None for what the price table knows of it. Set it for a server
    of your own: items that are longer are then refused before anything is asked."""
    embedding_model: str | None = None
    """None for the model that is installed with the service."""
    models_allowed: tuple[str, ...] = ()
    """Specs that requests may name; empty for any. A key of yours pays for them."""
    attempt_timeout: timedelta = timedelta(seconds=120)
    provider_patience: timedelta = timedelta(minutes=15)
    """How long a question outlives a provider that is down, before it is given up."""

    # work
    executor_id: str | None = None
    """Name of this worker, the same after a restart; None for `HOST-N` with the first N that nobody here holds."""
    heartbeat: timedelta = timedelta(seconds=3)
    worker_dead_after: timedelta = timedelta(seconds=12)
    """Four missed beats; takeover then comes well within 30 s."""
    poll: timedelta = timedelta(milliseconds=250)
    """How often a worker looks for new work that another process accepted."""
    shutdown_grace: timedelta = timedelta(seconds=25)
    """What a stopping worker lets its runs finish in; the rest is handed over."""
    runs_per_second: float | None = Field(default=None, gt=0)
    """Runs started a second over all workers; None for no limit."""
    job_expires_after: timedelta = timedelta(days=7)
    """Work that has not begun by then expires."""

    # keeping
    idempotency_kept: timedelta = timedelta(hours=24)
    sqlite_pages_max: int | None = Field(default=None, ge=100)
    """Bound on the SQLite file, in pages of 4 kB; None for the disk."""
    store_pool_size: int = Field(default=10, ge=1)
    """Database connections of one process, besides the one that it writes with and two for rows by their key."""
    store_pool_wait: timedelta = timedelta(seconds=30)
    """How long a request waits for one of them before it is answered 503."""

    # serving
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    unsafe_no_auth: bool = False
    """Serve other machines without keys; without it that is refused."""
    allowed_hosts: tuple[str, ...] = ()
    """Host headers that are served besides the address bound to."""
    allowed_origins: tuple[str, ...] = ()
    """Origins that browsers may call from (CORS); none by default."""
    request_grace: timedelta = timedelta(seconds=30)
    """What a request's headers may take to arrive; and its body, before it has to keep a least rate."""
    webhook_retry: timedelta = timedelta(seconds=5)
    """Before a notification that failed is sent a second time; each further wait is six times as long."""
    webhooks_to_loopback: bool = False
    """For tests on one machine only."""

    # telling
    log_level: str = "INFO"
    log_json: bool = True
    otlp_endpoint: str | None = None
    """Where traces go (OTLP over HTTP); None for nowhere."""
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """Where `rehearing worker` gives its metrics, which count its own model calls; None for nowhere. It asks for no key."""
    metrics_host: str = "127.0.0.1"
    """The address that it listens on for them."""

    limits: Limits = Limits()

    @field_validator("database_url")
    @classmethod
    def _database_is_known(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            scheme, separator, _ = url.get_secret_value().partition("://")
            if not separator or scheme.split("+")[0] not in ("postgres", "postgresql", "sqlite"):
                raise ValueError("it must begin with postgresql:// or sqlite:///")  # what it is may hold a password
        return url

    @field_validator("log_level")
    @classmethod
    def _log_level_is_one(cls, level: str) -> str:
        known = logging.getLevelNamesMapping()
        if level.upper() not in known:
            raise ValueError(
                f"{level!r} is no level; choose one of {', '.join(sorted(known, key=lambda one: known[one]))}"
            )
        return level

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts_are_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """A name that no Host header is ever compared as would be allowed in vain."""
        for host in hosts:
            port = (":" in host and not host.startswith("[")) or "]:" in host
            if not host or port or "/" in host:
                raise ValueError(f"{host!r} must be a host alone, without scheme and port: eval.example.org")
        return hosts

    @field_validator("allowed_origins")
    @classmethod
    def _origins_are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if origin != "*" and (
                parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"{origin!r} must be an origin as browsers send it: https://eval.example.org")
        return origins

    @field_validator("otlp_endpoint")
    @classmethod
    def _collector_is_an_address(cls, endpoint: str | None) -> str | None:
        if endpoint is not None and not (
            urlsplit(endpoint).scheme in ("http", "https") and urlsplit(endpoint).hostname
        ):
            raise ValueError(f"{endpoint!r} must be the address of a collector: http://127.0.0.1:4318")
        return endpoint

    @model_validator(mode="after")
    def _living_workers_are_believed(self) -> Settings:
        if self.worker_dead_after < 2 * self.heartbeat:
            raise ValueError(
                f"worker_dead_after ({self.worker_dead_after.total_seconds():g} s) must be at least two heartbeats of "
                f"{self.heartbeat.total_seconds():g} s, or workers that live are taken for dead"
            )
        return self

    @property
    def store_url(self) -> str:
        """SQLAlchemy's URL of the store, with an async driver."""
        if self.database_url is None:
            return f"sqlite+aiosqlite:///{(self.data_dir / 'rehearing.db').absolute()}"
        url = self.database_url.get_secret_value()
        scheme, _, rest = url.partition("://")
        if scheme.split("+")[0] == "sqlite":
            return f"sqlite+aiosqlite://{rest}"
        return f"postgresql+psycopg://{rest}"

    @property
    def jobs_url(self) -> str:
        """URL of the job engine's own tables: beside the store, in a schema `dbos` or a file of their own."""
        url = self.store_url
        if url.startswith("postgresql"):
            return "postgresql://" + url.partition("://")[2]
        path = url.partition(":///")[2]
        return f"sqlite:///{path.removesuffix('.db')}-jobs.db"
