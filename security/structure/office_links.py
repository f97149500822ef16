"""What the parts of an office file point to: nothing that runs, nothing opened from elsewhere."""

from __future__ import annotations

from errors import catalogue
from security.office_targets import CONTROLS, IMPORTED, MACROS, OPENED_BY_ITSELF, is_remote


def check_relationship(element: str, attributes: dict[str, str]) -> None:
    """Raises ActiveContent for one that runs, imports a file, or opens one on another machine."""
    if element != "Relationship":
        return
    # The last or last but one segment, whatever content type is declared for its part.
    kinds = set(attributes.get("Type", "").lower().split("/")[-2:])
    if kinds & (MACROS | CONTROLS):
        raise catalogue.ActiveContent(note="macros or controls")
    if kinds & IMPORTED:
        raise catalogue.ActiveContent(note="file that is imported on opening")
    if kinds & OPENED_BY_ITSELF and is_remote(attributes.get("Target", "")):
        raise catalogue.ActiveContent(note="opens something on another machine")
