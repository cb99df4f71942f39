"""Every setting, each from the environment, each with a value that works on a new machine.

KEHU_URL            the address people type; decides hosts, secure cookies and links in mail  [http://127.0.0.1:8000]
KEHU_DATABASE_URL   sqlite:////path/file or postgresql://user:password@host:5432/name      [sqlite, KEHU_VAR/kehu.sqlite3]
KEHU_VAR            where everything kept on disk lies                                                    [var]
KEHU_FILES_URL      where attachments lie, if not on disk: s3://bucket/prefix?endpoint=https://…            [KEHU_VAR/files]
KEHU_MAX_FILE_MB    how large one file may be                                                                   [20]
KEHU_MAX_REQUEST_MB how much one form may send                                                                 [200]
KEHU_SCAN_COMMAND   reads a file from standard input and answers 0 (clean) or 1 (infected)                    [none]
KEHU_FONTS          where the printing font lies                                                          [var/fonts]
KEHU_SECRET_KEY     signs sessions, opens sealed addresses               [made, KEHU_VAR/secret_key]
KEHU_ALLOWED_HOSTS  more host names, separated by commas
KEHU_SMTP_URL       smtp:// smtp+starttls:// smtps:// user:password@host:port      [none: mail as files, KEHU_VAR/mail]
KEHU_MAIL_FROM      the sender                                                                    [kehu@localhost]
KEHU_PRIVATE_ADDRESSES  1: webhooks and chat may go to addresses of this network, and over plain http     [0]
KEHU_DEMO           1: the sign-in page offers the demo company's people                                  [0]
KEHU_KEEP_DAYS      days after which messages sent and notices read are cleared away; events never       [365]
KEHU_LOG            text or json: how the log is written                                                  [text]
KEHU_METRICS_TOKEN  who sends it may read /metrics from elsewhere                                         [none]
KEHU_DEBUG          1: for working on Kehu itself                                                         [0]
KEHU_REQUIRE_MFA    1: nobody works without a second factor                                               [0]
KEHU_SESSION_IDLE   hours without a page after which one has to sign in anew                              [12]
KEHU_SESSION_LASTS  days after which one has to sign in anew in any case                                  [14]
KEHU_PROXIES        how many proxies of your own stand in front and add to X-Forwarded-For                [0]
KEHU_OIDC_ISSUER, KEHU_OIDC_CLIENT_ID, KEHU_OIDC_CLIENT_SECRET, KEHU_OIDC_NAME
                    sign in with the company's identity provider (OpenID Connect)                         [none]
KEHU_DINGTALK_CLIENT_ID, KEHU_DINGTALK_CLIENT_SECRET, KEHU_FEISHU_CLIENT_ID, KEHU_FEISHU_CLIENT_SECRET
                    sign in with DingTalk or Feishu                                                       [none]
"""

import os
import shlex
from pathlib import Path
from urllib.parse import quote, urlsplit

from kehu.config import operations
from kehu.config.environment import (
    database,
    files,
    identity_providers,
    is_on,
    kept_secret,
    listed,
    mail,
    megabytes,
    number,
    one_of,
)

ROOT = Path(__file__).resolve().parents[2]
VAR = Path(os.environ.get("KEHU_VAR") or ROOT / "var").resolve()
FONTS = Path(os.environ.get("KEHU_FONTS") or ROOT / "var" / "fonts").resolve()
VAR.mkdir(parents=True, exist_ok=True)

DEBUG = is_on("KEHU_DEBUG")
DEMO = is_on("KEHU_DEMO")
TESTING = "PYTEST_VERSION" in os.environ

# Who may ask, and how
URL = (os.environ.get("KEHU_URL") or "http://127.0.0.1:8000").rstrip("/")
HTTPS = URL.startswith("https://")
SECRET_KEY = os.environ.get("KEHU_SECRET_KEY") or kept_secret(VAR / "secret_key")
ALLOWED_HOSTS = [urlsplit(URL).hostname or "", "localhost", "127.0.0.1", "[::1]", *listed("KEHU_ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = [URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Kehu speaks plain HTTP behind a proxy that holds the certificate and must set this header itself.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 365 * 86400 if HTTPS else 0
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "kehu.web.failures.csrf_failed"

ROOT_URLCONF = "kehu.config.urls"
WSGI_APPLICATION = "kehu.config.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.dingtalk",
    "allauth.socialaccount.providers.feishu",
    "kehu.core",
    "kehu.organizations",
    "kehu.accounts",
    "kehu.procedures",
    "kehu.ledgers.customers",
    "kehu.ledgers.custody",
    "kehu.ledgers.products",
    "kehu.ledgers.orders",
    "kehu.ledgers.receivables",
    "kehu.cases",
    "kehu.notifications",
    "kehu.intake",
    "kehu.operations",
    "kehu.web",
    "kehu.api",
    "kehu.portal",
]
MIDDLEWARE = [
    "kehu.web.requests.Requests",
    "kehu.api.problems.Problems",
    "kehu.web.security.ContentSecurityPolicy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "kehu.web.middleware.MemberLanguage",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "kehu.web.middleware.Membership",
    "kehu.web.middleware.BodyLimit",
    "kehu.api.door.Door",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "kehu.web.context.navigation",
            ]
        },
    }
]

# People
AUTH_USER_MODEL = "core.User"
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

AUTHENTICATION_BACKENDS = ["kehu.accounts.backends.AuthenticationBackend"]

# Signing in: sessions in rows of our own, the rest by allauth (kehu/accounts/adapters.py)
SESSION_ENGINE = "kehu.accounts.sessions"
SESSION_COOKIE_AGE = number("KEHU_SESSION_LASTS", 14) * 86400
SESSION_IDLE_HOURS = number("KEHU_SESSION_IDLE", 12)
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
REQUIRE_MFA = is_on("KEHU_REQUIRE_MFA")
ACCOUNT_ADAPTER = "kehu.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PRESERVE_USERNAME_CASING = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
# Wrong passwords: five in five minutes for a name, thirty for an address (a whole office may share one). Counted in the cache,
# which lies in the database, so that every process counts the same.
ACCOUNT_RATE_LIMITS = {"login_failed": "30/5m/ip,5/5m/key", "login": "120/m/ip"}
ALLAUTH_TRUSTED_PROXY_COUNT = number("KEHU_PROXIES", 0)
MFA_ADAPTER = "kehu.accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Kehu"
SOCIALACCOUNT_ADAPTER = "kehu.accounts.adapters.IdentityAdapter"
SOCIALACCOUNT_PROVIDERS = identity_providers()
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True

# What is kept
DATABASES = {
    "default": database(os.environ.get("KEHU_DATABASE_URL") or f"sqlite:///{quote(str(VAR / 'kehu.sqlite3'))}")
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "accounts_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MEDIA_ROOT = VAR / "files"
MAX_FILE_SIZE = megabytes("KEHU_MAX_FILE_MB", 20)
MAX_REQUEST_SIZE = megabytes("KEHU_MAX_REQUEST_MB", 200)
SCAN_COMMAND = shlex.split(os.environ.get("KEHU_SCAN_COMMAND", ""))
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",  # forms of less than 2.5 MB in all
    "kehu.core.uploads.LimitedUpload",
]

# Static files: found where they lie while working and testing, collected and named by content in use
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG or TESTING
STORAGES = {
    "default": files(os.environ.get("KEHU_FILES_URL", "")),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# What cases may ask of the layers above them
OPERATIONS = operations.OPERATIONS

# Words and hours
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

# Mail: EMAIL_BACKEND, EMAIL_HOST and the rest
globals().update(mail(os.environ.get("KEHU_SMTP_URL", ""), outbox=VAR / "mail"))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = os.environ.get("KEHU_MAIL_FROM") or "kehu@localhost"

PRIVATE_ADDRESSES = is_on("KEHU_PRIVATE_ADDRESSES")

KEEP_DAYS = number("KEHU_KEEP_DAYS", 365, least=30)

# What is told of how it is going
METRICS_TOKEN = os.environ.get("KEHU_METRICS_TOKEN", "")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"text": {"()": "kehu.config.logs.Words"}, "json": {"()": "kehu.config.logs.Json"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": one_of("KEHU_LOG", "text", "json"),
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    # Django's own handlers would mail the administrators and print each line twice.
    "loggers": {"django": {"handlers": [], "level": "INFO", "propagate": True}},
}
