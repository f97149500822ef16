"""Names, storage and download."""

from tests.threats.row import Row, by

TITLE = "Names, storage, download"
ROWS = (
    Row(
        "F-01",
        "The path of a stored file is made only of our own id.",
        ("filesvc/blobs.py",),
        (
            by("filesvc/test_blobs", "a_blob_has_a_fixed_name_under_the_root_made_of_its_id_alone"),
            by("security/test_upload", "no_part_of_the_clients_name_is_in_the_path"),
        ),
    ),
    Row(
        "F-02",
        "A name follows a grammar: characters, length, no devices, one normal form.",
        ("security/filename.py",),
        (
            by(
                "security/test_filename",
                "exactly_the_names_of_the_grammar_pass",
                "a_kept_name_is_its_own_normal_form",
                "length_is_counted_in_bytes_too",
                "a_device_of_windows_is_refused_with_any_extension_and_case",
            ),
        ),
    ),
    Row(
        "F-03",
        "A bad name is refused, not rewritten, and a file has exactly one name.",
        ("security/receiving.py", "security/filename.py"),
        (
            by(
                "contract/test_escapes_form",
                "row_23_a_file_without_a_usable_name",
                "row_24_a_file_of_two_names",
            ),
            by("filesvc/test_intake", "a_plain_name_is_kept_as_it_was_sent"),
            by("security/test_receiving", "a_name_is_decoded_once_as_browsers_and_curl_write_it"),
        ),
    ),
    Row(
        "F-04",
        "Stored files are never executed, and their paths are not URLs.",
        ("filesvc/blobs.py", "filesvc/urls.py"),
        (
            by("filesvc/test_blobs", "kept_bytes_and_their_folders_are_private"),
            by("contract/test_forged_requests", "no_path_of_the_store_is_an_address"),
        ),
        "mounting the store with noexec is up to the operator",
    ),
    Row(
        "F-05",
        "A download is an attachment that browsers neither execute nor sniff.",
        ("filesvc/content.py", "config/response_headers.py"),
        (
            by(
                "filesvc/test_content",
                "the_name_of_the_attachment_reads_back_as_the_stored_one",
                "no_browser_runs_guesses_or_keeps_what_is_handed_out",
            ),
            by("filesvc/test_views_preview", "it_is_a_picture_that_is_shown_and_not_run"),
        ),
    ),
    Row(
        "F-06",
        "No response may be cached.",
        ("config/response_headers.py",),
        (
            by(
                "config/test_response_headers",
                "every_answer_is_neither_cached_nor_guessed_nor_framed",
            ),
        ),
    ),
    Row(
        "F-07",
        "Only the service's user can read stored and staged files; clamd gets a descriptor.",
        ("security/upload.py", "filesvc/blobs.py", "security/clamd_client.py"),
        (
            by(
                "security/test_upload",
                "a_staged_file_belongs_to_this_user_alone",
                "a_staged_file_is_not_inherited_by_other_programs",
            ),
            by("filesvc/test_blobs", "kept_bytes_and_their_folders_are_private"),
            by("security/test_clamd_client", "a_real_clamd_scans_an_open_file"),
        ),
    ),
    Row(
        "F-08",
        "Files are staged on the store's own file system and get their name only when complete.",
        ("security/upload.py", "filesvc/blobs.py"),
        (
            by("filesvc/test_blobs", "bytes_are_durable_before_they_are_named_and_the_name_after"),
            by(
                "faults/test_syscalls",
                "a_process_that_dies_at_a_step_leaves_no_row_and_a_retry_settles_it",
            ),
        ),
    ),
    Row(
        "F-09",
        "A row and its file belong together; one without the other is found.",
        ("filesvc/storage.py", "filesvc/repairs/store.py"),
        (
            by(
                "filesvc/test_storage",
                "a_file_is_deleted_with_its_row_whatever_becomes_of_its_bytes",
                "bytes_that_a_deletion_leaves_are_removed_by_the_sweeper",
            ),
            by(
                "filesvc/repairs/test_store",
                "what_a_crash_left_goes_after_an_hour_and_not_before",
                "a_row_whose_bytes_are_gone_is_told_of_and_left",
            ),
        ),
        "no file is deleted for its age: how long files are kept is for their owner to say",
    ),
    Row(
        "F-10",
        "No file name can become a formula in a spreadsheet (CSV injection).",
        ("filesvc/renderers.py", "security/filename.py"),
        (
            by("filesvc/test_renderers", "whoever_takes_json_or_problems_gets_plain_json"),
            by("filesvc/test_commands", "a_name_that_could_not_be_listed_is_refused"),
        ),
        "nothing is exported as a table: file names leave as JSON and as a quoted header only",
    ),
)
