from django.apps import AppConfig


class Accounts(AppConfig):
    name = "kehu.accounts"
    label = "accounts"

    def ready(self) -> None:
        from . import heard

        heard.listen()
