"""Settings: every environment variable that Tandem reads is read at the top of this file.

Bureau policy (thresholds, time zone, retention) is data in the database, not a setting.
"""

import datetime
import secrets
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from config.environment import BASE_DIR, VAR_DIR, number, text, words, yes

# Every variable, its default, and what it is for (the README has the same table).
DATABASE_URL = text("DATABASE_URL", "postgres:///tandem")
REDIS_URL = text("REDIS_URL", "redis://127.0.0.1:6379/0")
PUBLIC_ADDRESS = text("PUBLIC_ADDRESS", "http://localhost:8000").rstrip("/")  # in QR codes, links
ALLOWED_HOSTS = words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
BEHIND_PROXY = yes("BEHIND_PROXY", False)  # trust X-Forwarded-For and -Proto: only behind one
DEBUG = yes("DEBUG", False)
LOG_LEVEL = text("LOG_LEVEL", "INFO").upper()
FRAME_PERIOD_S = number("FRAME_PERIOD_S", 1.0)  # the live map's beat
SESSION_IDLE_S = number("SESSION_IDLE_S", 2 * 3600)  # a screen left alone is signed out
CONN_MAX_AGE_S = number("CONN_MAX_AGE_S", 0)  # keep 0 under ASGI: its threads come and go
TANDEM_DEMO_CITY = text("TANDEM_DEMO_CITY", "")  # the extract that load_demo takes by default
PUSH_HOSTS = words("PUSH_HOSTS", "")  # push services of a closed network: private, or plain HTTP
PUSH_CONTACT = text("PUSH_CONTACT", f"mailto:admin@{urlsplit(PUBLIC_ADDRESS).hostname}")
DISK_LOW_BYTES = number("DISK_LOW_BYTES", 2 * 2**30)  # /health warns below


def read_secret_key() -> str:
    """The key from SECRET_KEY, else from var/secret_key, made at first start (mode 600)."""
    if key := text("SECRET_KEY", ""):
        return key
    path = VAR_DIR / "secret_key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"secret_key.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        try:
            path.hardlink_to(draft)  # whole or not at all, when several processes start at once
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


SECRET_KEY = read_secret_key()

INSTALLED_APPS = [
    "bureau",
    "geo",
    "stations",
    "patrols",
    "realtime",
    "frontend",
    "channels",
    "config.admin_config.TandemAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.gis",
    "django.contrib.postgres",
    "rest_framework",
    "rest_framework_gis",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.idle.EndIdleSessions",
    "django.contrib.messages.middleware.MessageMiddleware",
    "frontend.middleware.Pages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def read_database_url(url: str) -> dict[str, object]:
    """`postgres://user:password@host:port/name` → a DATABASES entry.

    A socket folder is given as `postgres:///name?host=/folder&port=5432`.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.contrib.gis.db.backends.postgis",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or query.get("user", "")),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or query.get("host", ""),
        "PORT": str(parts.port or query.get("port", "")),
        "CONN_MAX_AGE": int(CONN_MAX_AGE_S),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {name: query[name] for name in ("sslmode", "sslrootcert") if name in query},
    }


DATABASES = {"default": read_database_url(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# redis.asyncio pub/sub: the core layer loses messages in a burst (docs/benchmarks.md).
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }
}

AUTH_USER_MODEL = "bureau.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"
SESSION_COOKIE_AGE = 12 * 3600  # one long shift
SESSION_SAVE_EVERY_REQUEST = False
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_ADDRESS.startswith("https://")
CSRF_TRUSTED_ORIGINS = [PUBLIC_ADDRESS]

# Login throttling: eight wrong passwords for one name from one address, then a pause.
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = datetime.timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "accounts/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "config.addresses.client_address"
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

if PUBLIC_ADDRESS.startswith("https://"):
    SECURE_HSTS_SECONDS = 365 * 86400
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = False
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "frontend" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

STATIC_URL = "/static/"
STATIC_ROOT = Path(text("STATIC_ROOT", str(VAR_DIR / "static")))
STATICFILES_DIRS = [
    ("vendor/maplibre", BASE_DIR / "frontend/node_modules/maplibre-gl/dist"),
    ("vendor/htmx", BASE_DIR / "frontend/node_modules/htmx.org/dist"),
]
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # filled by collectstatic, on servers only
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.api_errors.answer",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api_negotiation.AnyAccept",
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tandem",
    "VERSION": "0.1.0",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

SECURE_CSP = {
    "default-src": ["'self'"],
    "img-src": ["'self'", "data:", "blob:"],
    "worker-src": ["'self'", "blob:"],
    "object-src": ["'none'"],
    "base-uri": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
}
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 2**20

SILENCED_SYSTEM_CHECKS = [
    # Debian 12 ships GDAL 3.6; Django's warning asks for 3.9, and what Tandem uses (reading vector
    # files, coordinate transforms) was tried on 3.6.
    "gis.W001",
    # Hints about the wording of the API's own page; the shapes of answers are tested.
    "drf_spectacular.W001",
    "drf_spectacular.W002",
    "security.W008",  # the proxy redirects to HTTPS: docker-compose.yml, deploy/
    "security.W021",  # HSTS preload is a step a bureau takes for its whole domain, not we for it
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"secrets": {"()": "config.logs.WithoutSecrets"}},
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["secrets"],
        }
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "axes": {"level": "WARNING"},
    },
}
