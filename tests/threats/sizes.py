"""Sizes, rates and deadlines: what one client may use up."""

from tests.threats.row import Row, by

TITLE = "Sizes and limits"
ROWS = (
    Row(
        "S-01",
        "A file over the limit is refused: unread by Content-Length, else within one chunk.",
        ("security/size.py", "security/receiving.py"),
        (
            by(
                "security/test_size",
                "a_declared_length_passes_up_to_the_limit_and_its_frame",
                "a_declared_length_over_the_limit_is_refused_unread",
                "receiving_stops_within_one_chunk_behind_the_limit",
                "the_limit_holds_to_the_byte",
            ),
        ),
    ),
    Row(
        "S-02",
        "The published policy is generated from the settings that are enforced.",
        ("security/policy.py", "filesvc/views.py"),
        (
            by("filesvc/test_views", "the_policy_page_tells_the_rules_in_force"),
            by("security/test_policy", "the_public_page_tells_the_types_in_force"),
        ),
    ),
    Row(
        "S-03",
        "Quotas per owner hold under concurrency, and refused uploads are not charged.",
        ("filesvc/quotas.py",),
        (
            by("filesvc/test_quotas_parallel", "of_fifty_uploads_at_once_one_gets_the_last_place"),
            by("filesvc/test_quotas", "charging_agrees_with_a_ledger"),
            by(
                "filesvc/test_quotas_refunds",
                "a_refused_upload_takes_nothing",
                "a_commit_that_fails_takes_nothing",
            ),
        ),
    ),
    Row(
        "S-04",
        "Uploads are limited per token, per address and in parallel; scans queue before clamd.",
        ("security/rate_limit.py", "security/concurrency.py", "security/malware.py"),
        (
            by(
                "security/test_rate_limit",
                "the_61st_upload_of_a_minute_is_refused",
                "after_the_wait_it_told_a_client_may_upload_again",
                "the_limiter_counts_like_a_plain_counter",
            ),
            by("security/test_concurrency", "one_owner_cannot_take_every_slot"),
            by("security/test_malware", "scans_wait_for_a_turn_and_not_for_ever"),
        ),
    ),
    Row(
        "S-05",
        "Parts, fields, part headers and everything that is not the file are bounded.",
        ("security/receiving.py",),
        (
            by(
                "contract/test_escapes",
                "row_04_too_many_files",
                "row_04_too_many_fields",
                "row_04_too_much_data",
            ),
            by("security/test_receiving", "a_form_with_a_mistake_is_refused"),
            by("system/test_memory", "a_gigabyte_grows_no_process_of_ours_by_32_mib"),
        ),
    ),
    Row(
        "S-06",
        "Every call to a dependency has a time-out.",
        (
            "filesvc/deadlines.py",
            "config/database.py",
            "config/celery.py",
            "security/clamd_client.py",
            "security/limit_cache.py",
        ),
        (
            by(
                "faults/test_database",
                "a_silent_database_is_given_up_in_time",
                "every_wait_for_the_database_together_stays_within_bounds",
            ),
            by("faults/test_doorbell", "a_fault_of_the_broker_delays_and_refuses_nothing"),
            by("faults/test_redis", "a_fault_of_the_limiters_memory_costs_time_once_and_no_limit"),
            by("faults/test_scanner", "a_fault_of_the_scanner_refuses_the_upload_in_time"),
        ),
    ),
    Row(
        "S-07",
        "Inner deadlines end before outer ones, so that the client gets a response.",
        ("filesvc/deadlines.py", "filesvc/checks.py"),
        (
            by(
                "filesvc/test_deadlines",
                "an_inner_deadline_that_is_not_shorter_stops_the_start",
                "the_server_is_started_with_the_deadline_that_is_checked",
                "the_edge_is_configured_with_the_deadline_that_is_checked",
            ),
            by("security/test_malware", "a_frozen_scanner_ends_in_a_refusal_in_time"),
        ),
    ),
    Row(
        "S-08",
        "Slow clients do not block others.",
        (
            "docker/nginx.conf.template",
            "security/concurrency.py",
            "filesvc/downloads.py",
            "config/unread.py",
        ),
        (
            by("faults/test_web_load", "clients_that_stall_hold_up_nobody_and_are_dropped"),
            by("security/test_concurrency", "some_threads_stay_free_of_uploads"),
            by(
                "filesvc/test_downloads",
                "clients_that_take_nothing_are_cut_off_and_give_their_places_back",
                "a_client_that_takes_a_little_at_a_time_is_cut_off",
            ),
        ),
        "without a proxy that buffers bodies, slow clients can occupy all upload slots (README)",
    ),
    Row(
        "S-09",
        "Staged bytes are removed on every path, also after a crash.",
        ("security/upload.py", "filesvc/repairs/store.py"),
        (
            by(
                "security/test_upload",
                "closing_removes_the_bytes",
                "a_store_that_fails_while_receiving_keeps_nothing",
            ),
            by(
                "contract/test_every_code",
                "an_upload_that_ends_in_an_error_leaves_as_many_bytes_as_rows",
            ),
            by("filesvc/repairs/test_store", "what_a_crash_left_goes_after_an_hour_and_not_before"),
        ),
    ),
    Row(
        "S-10",
        "The application reads no body before it has admitted the request.",
        ("config/wsgi.py", "errors/wsgi_guard.py"),
        (
            by("security/test_size", "a_declared_length_over_the_limit_is_refused_unread"),
            by("security/test_tokens", "the_upload_of_a_stranger_is_not_read"),
            by("system/test_main_job", "without_a_token_nothing_of_the_body_is_read"),
        ),
    ),
)
