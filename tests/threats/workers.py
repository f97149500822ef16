"""Workers, queue and data."""

from tests.threats.row import Row, by

TITLE = "Workers, queue, data"
ROWS = (
    Row(
        "W-01",
        "Nothing from Redis is unpickled.",
        ("config/celery.py", "security/counts.py"),
        (
            by("config/test_celery", "a_message_that_is_not_json_is_refused_unread"),
            by("filesvc/test_tasks_worker", "a_worker_gets_past_junk_duplicates_and_pickles"),
            by("security/test_counts", "a_pickle_in_redis_is_never_loaded"),
        ),
    ),
    Row(
        "W-02",
        "Bytes, row and work are all or nothing, whichever process dies at whatever point.",
        ("filesvc/storage.py", "filesvc/repairs/store.py", "filesvc/repairs/queue.py"),
        (
            by(
                "faults/test_every_step",
                "whichever_step_fails_answer_disk_and_rows_agree",
                "whichever_step_is_its_last_a_retry_and_the_sweeper_make_it_whole",
            ),
            by(
                "model/test_promises",
                "the_service_keeps_its_promises_whatever_happens_in_whatever_order",
            ),
        ),
    ),
    Row(
        "W-03",
        "However often a task is delivered, it takes effect once.",
        ("filesvc/claims.py", "filesvc/tasks.py"),
        (
            by("filesvc/test_tasks", "two_deliveries_at_once_have_one_effect"),
            by("filesvc/test_claims_model", "any_order_of_events_ends_where_the_model_says"),
            by("faults/test_worker", "a_worker_that_was_thought_dead_changes_nothing"),
        ),
    ),
    Row(
        "W-04",
        "A file that kills, starves or stalls its parser is given up after a few attempts.",
        ("filesvc/claims.py", "filesvc/sandbox.py", "config/celery.py"),
        (
            by(
                "faults/test_worker",
                "a_file_that_ends_whoever_works_on_it_is_given_up_after_five_tries",
            ),
            by(
                "filesvc/test_tasks",
                "a_processor_that_dies_is_tried_again_at_once_and_five_times_in_all",
                "a_file_that_takes_too_long_fails_at_once",
            ),
        ),
    ),
    Row(
        "W-05",
        "Passwords and TLS of the dependencies are settings, and no secret has a default.",
        ("config/env.py", "filesvc/checks.py"),
        (
            by(
                "config/test_env",
                "a_missing_setting_is_named",
                "a_bad_value_is_refused_in_one_line_that_does_not_repeat_it",
            ),
            by(
                "filesvc/test_checks",
                "a_web_process_with_a_placeholder_for_a_secret_does_not_start",
                "a_weak_password_is_an_error_where_it_counts",
            ),
            by("test_supply_chain", "no_secret_has_a_default"),
        ),
        "a database role that may not change tables is up to the operator",
    ),
    Row(
        "W-06",
        "A message carries only an id; the worker trusts only the row.",
        ("filesvc/tasks.py",),
        (
            by("filesvc/test_tasks_doorbell", "a_ring_carries_the_id_and_nothing_else"),
            by("filesvc/test_tasks", "a_forged_argument_touches_no_row"),
        ),
    ),
    Row(
        "W-07",
        "The tokens of a deactivated user are refused.",
        ("security/tokens.py",),
        (by("security/test_tokens", "every_bad_token_gets_the_same_answer"),),
        "what was accepted before is still processed, as its 201 promised",
    ),
)
