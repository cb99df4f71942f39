from django.apps import AppConfig


class ProceduresConfig(AppConfig):
    name = "kehu.procedures"
    label = "procedures"
