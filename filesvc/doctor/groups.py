"""The examinations in their order: what others need comes first."""

from __future__ import annotations

from filesvc.doctor import agreement, dependencies, limits, permissions, settings, workers

DEPENDENCIES = (
    dependencies.examine_readiness,
    dependencies.examine_migrations,
    dependencies.examine_signatures,
    dependencies.examine_doorbell,
    dependencies.examine_reports,
)
LIMITS = (
    limits.examine_largest_file,
    limits.examine_largest_stream,
    limits.examine_disk,
    limits.examine_ulimits,
)
PERMISSIONS = (
    permissions.examine_folders,
    permissions.examine_sockets,
    permissions.examine_settings_files,
)
WORKERS = (workers.examine_confinement,)
AGREEMENT = (agreement.examine_agreement, agreement.examine_orphans)
SETTINGS = (settings.examine_settings, settings.examine_names)
ALL = (SETTINGS, DEPENDENCIES, LIMITS, PERMISSIONS, WORKERS, AGREEMENT)
