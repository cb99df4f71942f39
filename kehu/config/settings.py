"""Every setting, each from the environment, each with a value that works on a new machine.

KEHU_URL            the address people type; decides hosts, secure cookies and links in mail  [http://127.0.0.1:8000]
KEHU_DATABASE_URL   sqlite:////path/file or postgresql://user:password@host:5432/name      [sqlite, KEHU_VAR/kehu.sqlite3]
KEHU_VAR            where everything kept on disk lies                                                    [var]
KEHU_FONTS          where the printing font lies                                                          [var/fonts]
KEHU_SECRET_KEY     signs sessions and links                                                  [made, KEHU_VAR/secret_key]
KEHU_ALLOWED_HOSTS  more host names, separated by commas
KEHU_SMTP_URL       smtp:// smtp+starttls:// smtps:// user:password@host:port      [none: mail as files, KEHU_VAR/mail]
KEHU_MAIL_FROM      the sender                                                                    [kehu@localhost]
KEHU_DEMO           1: the sign-in page offers the demo company's people                                  [0]
KEHU_DEBUG          1: for working on Kehu itself                                                         [0]
"""

import os
from pathlib import Path
from urllib.parse import quote, urlsplit

from kehu.config.environment import database, is_on, kept_secret, listed, mail

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
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "kehu.web.failures.csrf_failed"

ROOT_URLCONF = "kehu.config.urls"
WSGI_APPLICATION = "kehu.config.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "kehu.core",
    "kehu.organizations",
    "kehu.procedures",
    "kehu.ledgers.customers",
    "kehu.cases",
    "kehu.notifications",
    "kehu.web",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "kehu.web.security.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "kehu.web.middleware.MemberLanguage",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "kehu.web.middleware.Membership",
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
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# What is kept
DATABASES = {
    "default": database(os.environ.get("KEHU_DATABASE_URL") or f"sqlite:///{quote(str(VAR / 'kehu.sqlite3'))}")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MEDIA_ROOT = VAR / "files"

# Static files: found where they lie while working and testing, collected and named by content in use
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG or TESTING
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Words and hours
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

# Mail: EMAIL_BACKEND, EMAIL_HOST and the rest
globals().update(mail(os.environ.get("KEHU_SMTP_URL", ""), outbox=VAR / "mail"))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = os.environ.get("KEHU_MAIL_FROM") or "kehu@localhost"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # Django's own handlers would mail the administrators and print each line twice.
    "loggers": {"django": {"handlers": [], "level": "INFO", "propagate": True}},
}
