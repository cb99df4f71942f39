from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "kehu.notifications"
    label = "notifications"
