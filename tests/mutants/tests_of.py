"""Which tests are asked about a module: its mirror, and for shared parts those of their users."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FLOORS = ("security", "errors")
STRUCTURE = "tests/security/structure"
# Tests of many modules at once, asked for those they name.
TABLES = ("tests/security/test_limits.py", "tests/security/test_frozen.py")
IMAGES = ("bmp", "gif", "images", "jpeg", "png", "tiff", "webp")

# Modules without a test file of their own name, or with more to say elsewhere.
USERS = {
    "errors/catalogue.py": ["tests/errors/test_stability.py"],
    "security/archive_limits.py": [
        f"{STRUCTURE}/test_zip_bombs.py",
        f"{STRUCTURE}/test_zip_names.py",
    ],
    "security/canary.py": ["tests/filesvc/test_health.py"],
    "security/extensions.py": ["tests/security/test_filename.py", "tests/security/test_policy.py"],
    "security/gate_time.py": ["tests/errors/test_metrics.py"],
    "security/image_limits.py": [f"{STRUCTURE}/test_{name}.py" for name in IMAGES],
    "security/limit_cache.py": ["tests/security/test_limit_counts.py"],
    "security/office_targets.py": [
        f"{STRUCTURE}/test_office_links.py",
        f"{STRUCTURE}/test_ooxml.py",
    ],
    "security/structure/ole.py": [f"{STRUCTURE}/test_ooxml.py"],
    "security/structure/riff.py": [f"{STRUCTURE}/test_wav.py", f"{STRUCTURE}/test_webp.py"],
    "security/structure/second_format.py": [
        f"{STRUCTURE}/test_bmp.py",
        f"{STRUCTURE}/test_zip_archive.py",
    ],
    "security/structure/xml_parts.py": [f"{STRUCTURE}/test_ooxml.py"],
    "security/structure/zip_layout.py": [f"{STRUCTURE}/test_zip_archive.py"],
    "security/structure/zip_names.py": [f"{STRUCTURE}/test_zip_archive.py"],
    "security/structure/__init__.py": [
        f"{STRUCTURE}/test_archives_intake.py",
        "tests/security/test_media_type.py",
        "tests/security/test_type_samples.py",
        f"{STRUCTURE}/test_zip_archive.py",
    ],
    "security/structure/limits.py": [
        f"{STRUCTURE}/test_zip_bombs.py",
        f"{STRUCTURE}/test_images.py",
    ],
    "security/structure/marks.py": [f"{STRUCTURE}/test_pdf.py", f"{STRUCTURE}/test_ole.py"],
    "security/structure/mpeg_frame.py": [f"{STRUCTURE}/test_mp3.py"],
    "security/structure/reading.py": [f"{STRUCTURE}/test_{name}.py" for name in IMAGES],
    "security/structure/samsung.py": [f"{STRUCTURE}/test_jpeg.py"],
    "security/structure/zip_directory.py": [
        f"{STRUCTURE}/test_zip_layout.py",
        f"{STRUCTURE}/test_zip_archive.py",
        f"{STRUCTURE}/test_zip_names.py",
    ],
    "security/structure/zip_archive.py": [f"{STRUCTURE}/test_zip_bombs.py"],
    "security/structure/zip_members.py": [
        f"{STRUCTURE}/test_zip_bombs.py",
        f"{STRUCTURE}/test_zip_archive.py",
    ],
}


def list_modules(root: Path = ROOT) -> list[str]:
    """Every module of both floors that holds code."""
    return [
        str(path.relative_to(root))
        for floor in FLOORS
        for path in sorted((root / floor).rglob("*.py"))
        if len(ast.parse(path.read_text()).body) > 1  # more than its first sentence
    ]


def find_tests(module: str, root: Path = ROOT) -> list[str]:
    """The test files, the most telling first. Raises LookupError when there is none."""
    path = Path(module)
    own = sorted((root / "tests" / path.parent).glob(f"test_{path.stem}.py"))
    own += sorted((root / "tests" / path.parent).glob(f"test_{path.stem}_*.py"))
    told = [str(each.relative_to(root)) for each in own] + USERS.get(module, [])
    if not told:
        raise LookupError(f"no test is named for {module} (tests/mutants/tests_of.py)")
    name = ".".join(path.with_suffix("").parts)
    tables = [table for table in TABLES if names(root / table, name) and table not in told]
    return told + tables


def names(table: Path, module: str) -> bool:
    """True when the module is one of its rows."""
    return table.exists() and f'"{module}"' in table.read_text()
