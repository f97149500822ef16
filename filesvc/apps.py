"""The Django application."""

from django.apps import AppConfig


class FilesvcConfig(AppConfig):
    """Takes files in, keeps, processes and hands them out."""

    name = "filesvc"

    def ready(self) -> None:
        """Register the start-up checks."""
        from filesvc import checks  # noqa: F401 - registering is the import's effect
