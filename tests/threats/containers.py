"""Containers: archives, documents and pictures that hold more than they show."""

from tests.threats.row import Row, by

TITLE = "Archives, documents, pictures"
ROWS = (
    Row(
        "A-01",
        "Zip bombs are refused early, by the directory and by counting the unpacked bytes.",
        (
            "security/structure/zip_archive.py",
            "security/structure/zip_directory.py",
            "security/structure/zip_members.py",
            "security/archive_limits.py",
        ),
        (
            by(
                "security/structure/test_zip_bombs",
                "a_bomb_is_refused_in_constant_memory",
                "a_member_that_lies_about_its_size_is_refused",
                "all_members_of_all_levels_count_together",
            ),
            by("security/structure/test_zip_layout", "two_entries_of_one_content_are_an_overlap"),
        ),
    ),
    Row(
        "A-02",
        "Our own limits are checked before the scan, which does not stop zip bombs.",
        ("filesvc/intake.py", "security/structure/__init__.py"),
        (by("contract/test_order_of_gates", "the_gates_before_the_scanner_need_none"),),
    ),
    Row(
        "A-03",
        "Archives may hold only plain files and folders: no links, no devices.",
        ("security/structure/zip_names.py",),
        (
            by(
                "security/structure/test_zip_names",
                "links_and_devices_are_refused",
                "a_link_named_like_standard_input_is_a_link",
            ),
            by(
                "security/structure/test_zip_archive",
                "an_archive_of_another_kind_cannot_be_looked_into",
            ),
        ),
    ),
    Row(
        "A-04",
        "No name inside an archive leads outside it; nothing is ever unpacked under its name.",
        ("security/structure/zip_names.py",),
        (
            by(
                "security/structure/test_zip_names",
                "an_unsafe_name_is_refused",
                "an_accepted_name_stays_below_where_it_is_unpacked",
                "two_names_of_one_file_are_refused",
                "another_spelling_of_a_name_is_the_same_name",
            ),
        ),
    ),
    Row(
        "A-05",
        "Archives are refused unless the operator allows them.",
        ("security/policy.py",),
        (
            by("security/test_policy", "archives_are_off_by_default"),
            by(
                "security/structure/test_archives_intake",
                "archives_are_refused_unless_the_operator_wants_them",
            ),
        ),
    ),
    Row(
        "A-06",
        "Pixels and frames are counted by the headers before anything is decoded.",
        ("security/image_limits.py", "filesvc/processors/images.py"),
        (
            by("security/structure/test_images", "the_gate_sees_the_size_of_an_image"),
            by(
                "security/structure/test_png",
                "pixels_are_counted_by_the_header",
                "an_apng_of_the_greatest_number_of_frames_passes_and_one_more_does_not",
            ),
            by(
                "filesvc/processors/test_images_limits",
                "pixels_of_all_frames_together_are_limited",
                "pillow_has_our_limit_and_forgives_nothing",
            ),
            by(
                "contract/test_attacks",
                "a_picture_of_many_pixels_does_not_fill_the_scanner_s_memory",
            ),
        ),
    ),
    Row(
        "A-07",
        "Nothing that a browser executes is accepted: no SVG, no HTML.",
        ("security/policy.py",),
        (
            by("security/test_policy", "nothing_a_browser_runs_is_in_the_table"),
            by(
                "security/test_media_type",
                "content_of_no_allowed_type_is_refused_under_every_extension",
            ),
        ),
    ),
    Row(
        "A-08",
        "XML with a document type or an entity is refused, in the gate and in the worker.",
        ("security/structure/xml_parts.py", "filesvc/processors/markup.py"),
        (
            by(
                "security/structure/test_xml_parts",
                "a_document_type_is_refused",
                "a_declaration_is_found_wherever_the_pieces_end",
                "an_encoding_that_could_hide_a_declaration_is_refused",
            ),
            by(
                "filesvc/processors/test_office_attacks",
                "a_document_type_is_refused_in_every_part",
                "an_entity_nobody_declared_is_corrupt",
            ),
        ),
    ),
    Row(
        "A-09",
        "Encrypted content is refused by our own checks, not only by the scanner.",
        (
            "security/structure/zip_directory.py",
            "security/structure/pdf.py",
            "security/structure/ole.py",
        ),
        (
            by("security/structure/test_zip_archive", "an_encrypted_entry_is_refused"),
            by(
                "security/structure/test_pdf",
                "an_encrypted_file_is_refused",
                "however_a_trailer_spells_it_encryption_is_seen",
            ),
            by("security/structure/test_ole", "a_file_with_a_password_is_refused_as_encrypted"),
        ),
    ),
    Row(
        "A-10",
        "Previews contain nothing but pixels.",
        ("filesvc/processors/thumbnails.py",),
        (
            by("filesvc/processors/test_thumbnails", "a_preview_has_no_notes"),
            by(
                "filesvc/test_collection",
                "a_preview_is_a_small_picture_without_anything_but_its_pixels",
            ),
        ),
        "optional, and not done to originals: they come back byte for byte",
    ),
    Row(
        "A-11",
        "Inspecting a file makes no network request.",
        ("filesvc/confinement.py", "filesvc/processors/relationships.py"),
        (
            by("filesvc/test_confinement", "a_confined_process_cannot"),
            by(
                "filesvc/processors/test_office_alone",
                "nothing_is_opened_or_imported_to_describe_a_file",
            ),
            by(
                "filesvc/processors/test_pdf_preview",
                "nothing_is_opened_or_imported_while_files_are_described",
            ),
        ),
    ),
)
