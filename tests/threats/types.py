"""Types: a file is what it says it is, and one thing only."""

from tests.threats.row import Row, by

TITLE = "Types of files"
ROWS = (
    Row(
        "T-01",
        "Extension, detected type and structure must agree on one allowed type.",
        ("security/policy.py", "security/media_type.py", "security/structure/__init__.py"),
        (
            by(
                "security/test_media_type",
                "a_type_takes_its_own_content_and_no_other",
                "content_of_no_allowed_type_is_refused_under_every_extension",
            ),
            by("filesvc/test_collection", "a_file_under_a_name_of_another_kind_is_refused"),
        ),
    ),
    Row(
        "T-02",
        "The Content-Type that a client sends for a file is ignored.",
        ("security/media_type.py",),
        (
            by("security/test_media_type", "the_claimed_type_never_changes_the_verdict"),
            by("filesvc/test_intake", "what_a_client_claims_the_type_to_be_changes_nothing"),
        ),
    ),
    Row(
        "T-03",
        "Double extensions, trailing dots and blanks, NUL and upper case bypass nothing.",
        ("security/filename.py", "security/extensions.py"),
        (
            by(
                "security/test_filename",
                "exactly_the_names_of_the_grammar_pass",
                "a_name_with_a_forbidden_extension_is_refused",
                "the_extension_is_the_last_suffix_in_lower_case",
            ),
            by("contract/test_attacks", "an_inner_extension_in_disguise_is_refused"),
        ),
    ),
    Row(
        "T-04",
        "Type detection looks beyond the first bytes of a file.",
        ("security/media_type.py",),
        (
            by(
                "security/test_media_type",
                "more_than_the_head_of_a_file_is_looked_at",
                "a_bare_signature_is_no_document",
            ),
        ),
    ),
    Row(
        "T-05",
        "Office files with macros, controls or remote templates are refused despite libmagic.",
        (
            "security/structure/ooxml.py",
            "security/structure/office_links.py",
            "security/office_targets.py",
        ),
        (
            by(
                "security/structure/test_ooxml",
                "a_file_with_macros_under_the_plain_name_is_refused",
                "a_part_that_runs_is_refused",
                "a_type_that_runs_is_refused_whatever_its_part_is_called",
            ),
            by(
                "security/structure/test_office_links",
                "what_opens_by_itself_is_refused_only_from_another_machine",
                "another_machine_is_remote",
                "a_file_that_is_imported_on_opening_is_refused_wherever_it_lies",
                "another_prefix_hides_no_relationship",
            ),
        ),
    ),
    Row(
        "T-06",
        "Text must decode to its end; without a verdict the file is refused.",
        ("security/encoding.py", "security/media_type.py"),
        (
            by(
                "security/test_media_type",
                "text_is_what_decodes_wherever_its_chunks_end",
                "a_control_character_is_no_text_even_at_the_end",
                "what_libmagic_cannot_name_is_refused",
            ),
            by("security/test_policy", "text_types_refuse_what_runs_and_what_is_no_text"),
        ),
    ),
    Row(
        "T-07",
        "A polyglot, or a file with data before or after its content, is refused.",
        ("security/structure/second_format.py", "security/structure/__init__.py"),
        (
            by(
                "security/structure/test_second_format",
                "an_archive_is_found_behind_anything",
                "an_archive_is_found_before_more_than_the_longest_comment",
                "a_pdf_is_found_where_its_readers_look",
            ),
            by("security/structure/test_images", "whatever_follows_the_end_is_refused"),
            by(
                "security/structure/test_pdf",
                "anything_before_the_header_is_ambiguous",
                "anything_after_the_end_is_ambiguous",
                "a_whole_zip_that_its_readers_would_find_is_ambiguous",
            ),
            by(
                "security/structure/test_zip_archive",
                "a_pdf_that_begins_elsewhere_in_an_archive_is_refused",
            ),
            by("security/structure/test_ooxml", "an_office_file_that_begins_like_a_pdf_is_refused"),
        ),
    ),
    Row(
        "T-08",
        "The service does not start with a libmagic that misreads an allowed type.",
        ("security/type_samples.py", "filesvc/checks.py"),
        (
            by(
                "filesvc/test_checks",
                "a_libmagic_that_does_not_know_a_type_is_an_error_that_names_both",
            ),
            by("security/test_media_type", "a_type_takes_its_own_content_and_no_other"),
        ),
    ),
    Row(
        "T-09",
        "libmagic is used by one thread at a time; if it fails, the upload is refused.",
        ("security/media_type.py",),
        (
            by(
                "security/test_media_type",
                "threads_do_not_disturb_each_other",
                "a_failure_of_libmagic_is_a_refusal",
            ),
            by("filesvc/test_any_file", "any_bytes_under_any_extension_come_to_an_end"),
        ),
    ),
    Row(
        "T-10",
        "A file whose type libmagic does not recognise is refused.",
        ("security/media_type.py",),
        (
            by("security/test_media_type", "what_libmagic_cannot_name_is_refused"),
            by("security/test_policy", "what_is_no_known_content_is_no_binary_type"),
        ),
    ),
    Row(
        "T-11",
        "Parsers of untrusted files run in a sandbox: no files, no programs, no network.",
        ("filesvc/confinement.py", "filesvc/confined.py", "filesvc/sandbox.py"),
        (
            by(
                "filesvc/test_confinement",
                "a_confined_process_cannot",
                "the_limits_and_the_filter_stand_in_the_kernels_own_words",
            ),
            by(
                "filesvc/test_sandbox",
                "a_process_that_misbehaves_is_ended_and_the_next_file_is_described_by_another",
            ),
            by(
                "faults/test_hostile_files",
                "hostile_files_end_and_ordinary_ones_are_processed_meanwhile",
            ),
        ),
    ),
)
