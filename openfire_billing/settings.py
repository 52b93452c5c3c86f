"""Settings, all from the environment. Each has a safe default, or refuses to start and says what to set."""

import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import environ
import sentry_sdk
from celery.schedules import crontab
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from kombu import Queue

from openfire_billing.web.api.codes import CODES

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
with suppress(OSError):  # a root that is read only has no use for it
    VAR_DIR.mkdir(exist_ok=True)

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)
TESTING = env.bool("TESTING", default=False)
LOCAL = DEBUG or DEMO or TESTING


def _local_secret_key() -> str:
    """A random key kept beside the local database, so that logins survive a restart on one's own machine."""
    path = VAR_DIR / "secret_key"
    if not path.exists() or not path.stat().st_size:
        unfinished = VAR_DIR / f"secret_key.{os.getpid()}"
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_urlsafe(50))
        unfinished.replace(path)
    return path.read_text()


SECRET_KEY = env("SECRET_KEY", default="") or (_local_secret_key() if LOCAL else "")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY manque : définissez-la dans l'environnement (50 caractères au hasard), ou DEBUG=1 sur votre poste."
    )
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if LOCAL else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
_name = next(iter(ALLOWED_HOSTS), "").lstrip("*.") or "localhost"
# What links in mails and links given to customers begin with.
SITE_URL = env("SITE_URL", default="http://127.0.0.1:8000" if LOCAL else f"https://{_name}").rstrip("/")
if not SITE_URL.startswith(("http://", "https://")):
    raise ImproperlyConfigured(
        f"SITE_URL={SITE_URL} n'est pas une adresse : mettez celle que les gens tapent, par exemple https://bureau.exemple.fr."
    )

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "openfire_billing",
    "openfire_billing.office.admin_config.OfficeAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django.contrib.humanize",
    "djmoney",
    "django_celery_beat",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "rest_framework",
    "django_filters",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "invoicing",
    "interventions",
    "appointments",
    "contracts",
    "openfire_billing.office",
]

MIDDLEWARE = [
    "openfire_billing.web.robots.RobotsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "openfire_billing.web.compression.TextGZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "openfire_billing.office.sessions.SessionPartsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "openfire_billing.web.unreadable.UnreadableMiddleware",
    "openfire_billing.web.outage.OutageMiddleware",
]

FORM_RENDERER = "openfire_billing.web.form_renderer.FormRenderer"
ROOT_URLCONF = "openfire_billing.urls"
WSGI_APPLICATION = "openfire_billing.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"office": "openfire_billing.web.tags"},
        },
    }
]

# Database. SQLite takes the write lock at the start of a transaction (IMMEDIATE), so that two writers queue
# instead of failing half-way; PostgreSQL by DATABASE_URL.
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
_database = DATABASES["default"]
if _database["ENGINE"].endswith("sqlite3"):
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 8,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
        "PRAGMA recursive_triggers=ON;",
    }
    _database["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}
else:
    _database["CONN_HEALTH_CHECKS"] = True
    _database["CONN_MAX_AGE"] = 60
    if env.bool("DATABASE_POOLER", default=False):  # PgBouncer in transaction mode: a session serves many programs
        _database["DISABLE_SERVER_SIDE_CURSORS"] = True
        _database.setdefault("OPTIONS", {})["prepare_threshold"] = None
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Login
AUTHENTICATION_BACKENDS = ["openfire_billing.office.passwords.LimitedBackend"]
_VALIDATORS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATORS}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATORS}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATORS}.CommonPasswordValidator"},
    {"NAME": "openfire_billing.office.passwords.AccessForgotten"},
]
SECOND_FACTOR = env("SECOND_FACTOR", default="none")  # who must have one: none, managers, all
if SECOND_FACTOR not in ("none", "managers", "all"):
    raise ImproperlyConfigured(
        f"SECOND_FACTOR={SECOND_FACTOR} n'est pas connu : mettez none (personne n'y est tenu), managers ou all."
    )
OTP_TOTP_ISSUER = "OpenFire Billing"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# Language and time: French people, French days.
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Paris"
USE_THOUSAND_SEPARATOR = True
FORMAT_MODULE_PATH = ["openfire_billing.web.formats"]

# Files
STATIC_URL = "/static/"
STATIC_ROOT = env.path("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = env.path("MEDIA_ROOT", default=str(VAR_DIR / "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    if not (_bucket := env.str("S3_BUCKET", default=""))
    else {
        "BACKEND": "storages.backends.s3.S3Storage",  # of the extra `s3`
        "OPTIONS": {
            "bucket_name": _bucket,
            "endpoint_url": env.str("S3_ENDPOINT", default=None),
            "region_name": env.str("S3_REGION", default=None),
            "access_key": env.str("S3_ACCESS_KEY", default=None),
            "secret_key": env.str("S3_SECRET_KEY", default=None),
            "addressing_style": env.str("S3_ADDRESSING", default="auto"),
            "default_acl": None,  # private, as the bucket
            "file_overwrite": False,
        },
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = LOCAL
WHITENOISE_AUTOREFRESH = DEBUG
FILE_UPLOAD_HANDLERS = [
    "openfire_billing.web.uploads.LargestUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
UPLOAD_LARGEST_REQUEST = 200 * 1024 * 1024  # bytes of all the files of one form
ATTACHMENTS_QUOTA = env.int("ATTACHMENTS_QUOTA", default=10 * 1024**3)  # bytes of the attached files of one company
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440  # bytes of a form without its files, or of a JSON body
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # a document of a thousand lines

# Mail and SMS
MAIL_IS_SENT = LOCAL or bool(env("EMAIL_URL", default=""))  # else nothing is said to be sent
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="Bureau <bureau@localhost>")
SMS_BACKEND = env("SMS_BACKEND", default="console")
SMS_HTTP = {  # of the backend « http »; {to}, {text} and {key} stand in `headers` and `body`
    "url": env("SMS_HTTP_URL", default=""),
    "headers": env.json("SMS_HTTP_HEADERS", default={}),
    "body": env.json("SMS_HTTP_BODY", default={"to": "{to}", "text": "{text}", "reference": "{key}"}),
    "reference": env("SMS_HTTP_REFERENCE", default="id"),  # where its answer names the message
    "is_idempotent": env.bool("SMS_HTTP_IDEMPOTENT", default=False),  # it sends a message once for its key
    "secret": env("SMS_HTTP_SECRET", default=""),  # of its calls
}
if SMS_BACKEND == "http" and not SMS_HTTP["url"].startswith(("https://", "http://")):
    raise ImproperlyConfigured(
        "SMS_HTTP_URL manque : SMS_BACKEND=http envoie à cette adresse. Définissez par exemple "
        "SMS_HTTP_URL=https://passerelle.example/messages."
    )
SMS_STOP_TEXT = env("SMS_STOP_TEXT", default="Répondez STOP pour ne plus en recevoir.")

# Places. Each is the whole address of a service of ours or of others; without one, travel is as the crow flies.
GEOCODER_URL = env("GEOCODER_URL", default="")
ROUTER_URL = env("ROUTER_URL", default="").rstrip("/")
for _setting, _url in (("GEOCODER_URL", GEOCODER_URL), ("ROUTER_URL", ROUTER_URL)):
    if _url and not _url.startswith(("https://", "http://")):
        raise ImproperlyConfigured(
            f"{_setting}={_url} n'est pas une adresse : donnez-la entière, par exemple https://service.example/chemin."
        )
# Where the pictures of the map come from, and whom they are credited to; without them the map has a plain ground.
MAP_TILES_URL = env("MAP_TILES_URL", default="")
MAP_TILES_CREDIT = env("MAP_TILES_CREDIT", default="")
if MAP_TILES_URL and not (
    re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[^\s\"'<>\\]*", MAP_TILES_URL)
    and all(MAP_TILES_URL.count(part) == 1 for part in ("{z}", "{x}", "{y}"))
):
    raise ImproperlyConfigured(
        f"MAP_TILES_URL={MAP_TILES_URL} n'est pas une adresse de tuiles : donnez-la entière, avec {{z}}, {{x}} et {{y}}, "
        "et sans variable dans le nom du serveur, par exemple https://tuiles.example/{z}/{x}/{y}.png."
    )

# Tasks
REDIS_URL = env("REDIS_URL", default="")
if REDIS_URL.startswith("memory:"):
    REDIS_URL = ""
if not REDIS_URL and not LOCAL:
    raise ImproperlyConfigured(
        "REDIS_URL manque : le courtier en mémoire perd ses tâches à l'arrêt et n'est permis qu'en démonstration. "
        "Définissez par exemple REDIS_URL=redis://localhost:6379/0."
    )
CACHES = {
    # Redis out of reach: nothing is found, everything is new. What must not be lost is in the database.
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {
            "IGNORE_EXCEPTIONS": True,
            "SOCKET_CONNECT_TIMEOUT": 2,
            "SOCKET_TIMEOUT": 5,
            "SERIALIZER": "openfire_billing.web.cache.JSONSerializer",
        },
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_TIMEZONE = TIME_ZONE
CELERY_ACCEPT_CONTENT = CELERY_RESULT_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_TASK_ACKS_LATE = True
# A task whose process dies is not queued again: it would kill the next one. Its row keeps the work and counts the tries.
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = None  # no results are kept: beat has none to clean up
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker as long as it takes
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2, "socket_timeout": 5} if REDIS_URL else {}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2}
# A night's billing never waits behind its PDFs. A worker without -Q serves all three.
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES = [Queue("billing"), Queue("documents"), Queue("default")]  # type: ignore[no-untyped-call]
CELERY_TASK_ROUTES = {
    "contracts.tasks.*": {"queue": "billing"},
    "invoicing.tasks.render_*": {"queue": "documents"},
    "invoicing.tasks.print_*": {"queue": "documents"},
}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
NIGHT_HOUR = 5  # of the contracts' visits and billing, in Paris
CELERY_BEAT_SCHEDULE = {
    "beat-heartbeat": {"task": "openfire_billing.office.tasks.heartbeat", "schedule": 60.0},
    "render-waiting-documents": {"task": "invoicing.tasks.render_waiting", "schedule": crontab(minute="*/5")},
    "bill-night": {"task": "contracts.tasks.bill_night", "schedule": crontab(hour=NIGHT_HOUR, minute=0)},
    "resume-billing-runs": {"task": "contracts.tasks.resume_runs", "schedule": crontab(minute="*/5")},
    "answer-password-requests": {
        "task": "openfire_billing.office.tasks.answer_password_requests",
        "schedule": crontab(minute="*/5"),
    },
    "forget-access": {"task": "openfire_billing.office.tasks.forget_access", "schedule": crontab(hour=3, minute=50)},
    "forget-imports": {"task": "openfire_billing.office.tasks.forget_imports", "schedule": crontab(hour=3, minute=55)},
    "forget-idempotency-keys": {
        "task": "invoicing.tasks.forget_idempotency_keys",
        "schedule": crontab(hour=3, minute=40),
    },
    "print-waiting": {"task": "invoicing.tasks.print_waiting", "schedule": crontab(minute="*/5")},
    "forget-prints": {"task": "invoicing.tasks.forget_prints", "schedule": crontab(hour=3, minute=45)},
    "deliver-webhooks": {"task": "invoicing.tasks.deliver_webhooks", "schedule": 60.0},
    "forget-travel": {"task": "appointments.tasks.forget_travel", "schedule": crontab(hour=3, minute=30)},
    "forget-webhooks": {"task": "invoicing.tasks.forget_webhooks", "schedule": crontab(hour=3, minute=35)},
    "send-reminders": {"task": "appointments.tasks.send_reminders", "schedule": crontab(minute="*/5")},
    "locate-places": {"task": "invoicing.tasks.locate_places", "schedule": crontab(minute="*/5")},
    "send-waiting-messages": {"task": "invoicing.tasks.send_waiting_messages", "schedule": crontab(minute="*/5")},
}

# Security
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)  # one proxy, that writes X-Forwarded-Proto and -For
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("HTTPS", default=not LOCAL)
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=0 if LOCAL else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not LOCAL
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, UNSAFE_EVAL],  # Alpine, inside unfold, evaluates its attributes
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# API. Tokens are stored hashed, one for each device, revoked by /logout/; rates are per user (per address for login).
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["knox.auth.TokenAuthentication", "invoicing.api.keys.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["openfire_billing.web.api.parsers.TextParser"],
    "DEFAULT_PAGINATION_CLASS": "openfire_billing.web.api.pages.Pages",
    "DEFAULT_FILTER_BACKENDS": [
        "openfire_billing.web.api.strict.Filters",
        "openfire_billing.web.api.filters.WordsFilter",
        "openfire_billing.web.api.moments.UpdatedAfter",
        "openfire_billing.web.api.strict.Ordering",
    ],
    "DEFAULT_SCHEMA_CLASS": "openfire_billing.web.api.schema.Schema",
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.UserRateThrottle",
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.ScopedRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "user": env("API_RATE", default=None if TESTING else "1200/min"),
        "anon": env("API_ANONYMOUS_RATE", default=None if TESTING else "120/min"),
        "login": env("API_LOGIN_RATE", default=None if TESTING else "20/min"),
    },
    "NUM_PROXIES": int(BEHIND_PROXY),
    "EXCEPTION_HANDLER": "openfire_billing.web.api.errors.answer_to",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
REST_KNOX = {"TOKEN_TTL": timedelta(days=env.int("API_TOKEN_DAYS", default=30))}
WEBHOOKS_LOOPBACK = env.bool("WEBHOOKS_LOOPBACK", default=False)  # webhooks to this machine, in clear: for tests
API_KEYS_KEPT_DAYS = env.int("API_KEYS_KEPT_DAYS", default=90)  # how long an Idempotency-Key is remembered
SPECTACULAR_SETTINGS = {
    "TITLE": "OpenFire Billing",
    "DESCRIPTION": "Les mêmes actes que le bureau, par les mêmes services. Le guide : docs/api.md.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "openfire_billing.web.api.description.complete",
    ],
    "SERVERS": [{"url": SITE_URL}],
    "CONTACT": {"name": "OpenFire Billing", "url": SITE_URL},
    "ENUM_NAME_OVERRIDES": {
        "PartnerKind": "invoicing.choices.PartnerKind",
        "ProductKind": "invoicing.choices.ProductKind",
        "LineKind": "invoicing.choices.LineKind",
        "InvoiceKind": "invoicing.choices.InvoiceKind",
        "PaymentKind": "invoicing.choices.PaymentKind",
        "BillingFrequency": "contracts.choices.BillingFrequency",
        "Invoicing": "contracts.choices.Timing",
        "RunKind": "contracts.choices.RunKind",
        "RunState": "contracts.choices.RunState",
        "RunResult": "contracts.choices.Result",
        "ContractState": "contracts.choices.ContractState",
        "ContractLineState": "contracts.choices.ContractLineState",
        "InterventionState": "interventions.choices.InterventionState",
        "AppointmentState": "appointments.choices.AppointmentState",
        "InvoiceState": "invoicing.choices.InvoiceState",
        "QuoteState": "invoicing.choices.QuoteState",
        "OrderState": "invoicing.choices.OrderState",
        "SupplierBillState": "invoicing.choices.SupplierBillState",
        "MessageState": "invoicing.choices.MessageState",
        "MessageKind": "invoicing.choices.MessageKind",
        "DeliveryState": "invoicing.choices.DeliveryState",
        "PaymentState": "invoicing.choices.PaymentState",
        "RefusalCode": [(code, code) for code in CODES],
    },
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Closed: a hundred acts drawn open take the browser half a minute.
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "persistAuthorization": True,
        "validatorUrl": None,
        "docExpansion": "none",
        "defaultModelsExpandDepth": -1,
        "filter": True,
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="WARNING")},
}
CURRENCIES = ("EUR", "CHF", "GBP", "USD")
DEFAULT_CURRENCY = "EUR"


def _static(path: str) -> Callable[[object], str]:
    from django.templatetags.static import static

    return lambda request: static(path)


UNFOLD = {
    "SITE_TITLE": "OpenFire Billing",
    "SITE_HEADER": "OpenFire Billing",
    "SITE_SUBHEADER": "Interventions & facturation",
    "SITE_SYMBOL": "local_fire_department",
    "SITE_URL": reverse_lazy("admin:index"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _static("openfire/flame.svg")}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "LOGIN": {"form": "openfire_billing.office.login.EntryForm"},
    "STYLES": [
        _static(f"openfire/{name}.css") for name in ("office", "choices", "dates", "lines", "lists", "home", "pages")
    ],
    "SCRIPTS": [
        _static("openfire/session.js"),
        *(
            _static(f"openfire/office/{name}.js")
            for name in (
                "dom",
                "choices",
                "dates",
                "page_form",
                "toasts",
                "dialogs",
                "creation",
                "towns",
                "codes",
                "notebook",
                "sheet",
                "texts",
                "lines",
                "defaults",
            )
        ),
        _static("openfire/lists.js"),
    ],
    "COMMAND": {
        "search_callback": "openfire_billing.office.search.search",
        "search_models": False,
        "show_history": False,
    },
    "DASHBOARD_CALLBACK": "openfire_billing.office.dashboard.first_page",
    "COLORS": {
        # One accent, a warm ember, for what can be clicked.
        "primary": {
            "50": "oklch(97.6% .016 55)",
            "100": "oklch(94.6% .038 55)",
            "200": "oklch(89.6% .075 52)",
            "300": "oklch(82.2% .12 50)",
            "400": "oklch(72.5% .165 46)",
            "500": "oklch(63% .185 42)",
            "600": "oklch(53.5% .175 38)",
            "700": "oklch(46.5% .155 37)",
            "800": "oklch(40% .128 37)",
            "900": "oklch(35% .1 38)",
            "950": "oklch(24% .07 38)",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "openfire_billing.office.navigation.navigation",
    },
}

# Errors are reported to whoever watches, without the people they are about
SENTRY_DSN = env("SENTRY_DSN", default="")
if SENTRY_DSN:
    sentry_sdk.init(
        dsn=SENTRY_DSN, send_default_pii=False, max_request_body_size="never", include_local_variables=False
    )
