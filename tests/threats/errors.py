"""Errors, logs and reports: what they say, and what they never do."""

from tests.threats.row import Row, by

TITLE = "Errors, logs, reports"
ROWS = (
    Row(
        "E-01",
        "An error echoes nothing that was sent and discloses no internals.",
        ("errors/problem.py", "errors/translation.py"),
        (
            by(
                "contract/test_any_request",
                "any_request_is_served_or_refused_by_a_problem_that_repeats_nothing",
            ),
            by("errors/test_problem", "a_note_never_leaves_the_service"),
            by(
                "errors/test_translation",
                "each_foreign_exception_has_its_code_and_none_of_its_text",
            ),
        ),
    ),
    Row(
        "E-02",
        "When a dependency is down, only what needs it is refused.",
        ("security/circuit_breaker.py", "filesvc/health.py"),
        (
            by("faults/test_scanner", "a_clamd_that_is_gone_or_frozen_refuses_until_it_is_back"),
            by("faults/test_redis", "without_any_redis_uploads_go_on_and_the_pages_tell_the_truth"),
            by("faults/test_database", "a_fault_of_the_database_refuses_the_upload"),
            by("faults/test_storage", "a_store_that_is_gone_refuses_until_it_is_back"),
        ),
    ),
    Row(
        "E-03",
        "A gate that crashes, or gives no verdict, accepts nothing.",
        ("filesvc/intake.py", "security/upload.py"),
        (
            by(
                "contract/test_order_of_gates",
                "a_gate_that_breaks_accepts_nothing",
                "a_gate_that_says_nothing_accepts_nothing",
            ),
            by(
                "security/test_upload",
                "only_the_scanner_makes_a_clean_upload",
                "a_hidden_way_to_a_clean_upload_would_be_seen",
            ),
        ),
    ),
    Row(
        "E-04",
        "Requests that crash Django are answered outside it.",
        ("errors/wsgi_guard.py",),
        (
            by(
                "errors/test_wsgi_guard",
                "a_content_type_django_crashes_on_is_refused_on_every_url",
                "any_request_is_served_or_answered_by_a_problem_that_repeats_nothing",
            ),
        ),
    ),
    Row(
        "E-05",
        "Log lines say when, where, who and what, in one form and in UTC.",
        ("config/observability.py", "config/request_id.py", "errors/handler.py"),
        (
            by(
                "config/test_observability",
                "the_time_is_utc_with_its_zone",
                "the_context_of_a_request_stands_in_every_line",
            ),
            by("errors/test_handler", "each_error_is_logged_once_with_what_operators_need"),
            by("contract/test_attacks", "each_line_of_the_log_names_the_caller"),
            by(
                "contract/test_audit_trail",
                "a_token_that_is_made_is_one_line_with_its_key_and_without_itself",
                "a_download_is_one_line_that_says_who_got_what",
            ),
        ),
    ),
    Row(
        "E-06",
        "Each refusal, of whatever kind, is one log line with its code.",
        ("errors/handler.py", "errors/wsgi_guard.py"),
        (
            by(
                "contract/test_audit_lines",
                "a_refusal_is_one_line_with_its_code_and_caller",
                "a_finding_is_one_line_that_says_what_who_and_where",
            ),
            by("errors/test_wsgi_guard", "each_refusal_is_logged_once"),
        ),
    ),
    Row(
        "E-07",
        "Client input cannot forge a log line.",
        ("config/observability.py",),
        (
            by("contract/test_attacks", "whatever_a_name_holds_the_log_stays_one_parseable_line"),
            by(
                "config/test_observability",
                "any_text_of_ours_is_one_line_and_comes_back_as_it_was",
                "any_text_of_a_library_is_one_line_in_the_same_form",
            ),
        ),
    ),
    Row(
        "E-08",
        "No token and no file content reaches logs or error reports.",
        ("security/redaction.py",),
        (
            by("security/test_redaction", "no_mixture_of_places_lets_a_word_through"),
            by(
                "config/test_observability_sentry",
                "nothing_a_client_sent_is_reported",
                "a_report_has_no_variables_headers_address_or_history",
            ),
            by(
                "contract/test_attacks", "the_log_does_not_quote_a_part_header_that_fails_to_decode"
            ),
        ),
    ),
    Row(
        "E-09",
        "Errors that any client can cause at will are not sent to Sentry.",
        ("security/redaction.py", "config/observability.py"),
        (by("config/test_observability_sentry", "what_anyone_can_cause_is_never_reported"),),
    ),
    Row(
        "E-10",
        "Log lines leave on standard error, for a collector.",
        ("config/log_stream.py", "config/observability.py"),
        (
            by("config/test_observability_sentry", "every_line_on_standard_error_is_json"),
            by("config/test_log_stream", "lines_arrive_in_their_order"),
        ),
        "`make run`, which is for one machine, shows them in its terminal and keeps none",
    ),
    Row(
        "E-11",
        "The events of the log are listed, and the list is what the code writes.",
        ("filesvc/tasks.py", "errors/handler.py"),
        (by("test_log_events", "the_page_lists_every_event_with_its_fields"),),
    ),
)
