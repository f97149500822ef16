"""Who may do what, and what HTTP may be made to mean."""

from tests.threats.row import Row, by

TITLE = "Authentication, authorisation, HTTP"
ROWS = (
    Row(
        "H-01",
        "Every route asks for a token unless it is on the public list; tokens are kept as hashes.",
        ("security/tokens.py", "config/settings.py"),
        (
            by(
                "filesvc/test_views_routes", "a_private_route_asks_for_a_token_before_anything_else"
            ),
            by(
                "security/test_tokens",
                "every_route_is_public_or_names_a_scope_for_each_verb",
                "a_token_is_kept_as_its_hash_alone",
                "an_expired_token_says_so_and_is_not_deleted",
                "no_text_but_the_token_opens_a_route",
            ),
        ),
    ),
    Row(
        "H-02",
        "Another owner's file is indistinguishable from a file that does not exist.",
        ("filesvc/models.py", "filesvc/views.py"),
        (
            by("filesvc/test_views", "a_file_of_another_owner_looks_exactly_like_none"),
            by("filesvc/test_listing", "a_client_sees_its_own_files_and_the_admin_scope_everyones"),
        ),
    ),
    Row(
        "H-03",
        "A client cannot set owner, state or path through additional form fields.",
        ("filesvc/serializers.py", "security/receiving.py"),
        (
            by("contract/test_forged_requests", "no_part_of_a_form_sets_what_is_ours_to_set"),
            by("filesvc/test_serializers", "nothing_internal_is_told"),
        ),
    ),
    Row(
        "H-04",
        "Each operation needs its own scope; `admin` replaces none of them.",
        ("security/tokens.py", "filesvc/views.py"),
        (
            by("filesvc/test_views", "each_action_needs_its_own_scope_and_admin_is_none"),
            by("security/test_tokens", "a_route_opens_for_its_scope_and_no_other"),
        ),
    ),
    Row(
        "H-05",
        "Cookies do not authenticate, so there is no cross-site request forgery.",
        ("config/settings.py", "security/tokens.py"),
        (
            by("config/test_settings", "a_cookie_is_no_authentication"),
            by("security/test_tokens", "a_token_in_the_query_or_a_cookie_opens_nothing"),
            by("contract/test_escapes", "row_34_a_form_from_another_site"),
        ),
    ),
    Row(
        "H-06",
        "Only declared methods are answered.",
        ("filesvc/views.py", "errors/handler.py"),
        (
            by(
                "filesvc/test_views_routes",
                "an_undeclared_method_is_refused_with_the_declared_ones",
            ),
            by("config/test_settings", "options_tells_nothing_but_the_methods"),
        ),
    ),
    Row(
        "H-07",
        "Every response body has a Content-Type, and every error is a Problem.",
        ("errors/problem.py", "errors/handler.py"),
        (
            by(
                "contract/test_any_request",
                "any_request_is_served_or_refused_by_a_problem_that_repeats_nothing",
            ),
            by("errors/test_problem", "the_content_type_has_no_parameter"),
        ),
    ),
    Row(
        "H-08",
        "No route redirects.",
        ("filesvc/urls.py", "config/settings.py"),
        (
            by("config/test_settings", "a_post_is_never_redirected"),
            by("filesvc/test_views_routes", "a_route_answers_the_same_without_its_trailing_slash"),
        ),
    ),
    Row(
        "H-09",
        "A forwarded address counts only from proxies we trust.",
        ("security/client_address.py",),
        (
            by(
                "security/test_client_address",
                "a_header_from_a_stranger_changes_nothing",
                "behind_trusted_proxies_the_last_foreign_hop_counts_whatever_it_claims",
            ),
            by("security/test_rate_limit", "a_spoofed_address_does_not_open_another_bucket"),
        ),
    ),
    Row(
        "H-10",
        "nginx, server and application agree where a request ends (no request smuggling).",
        ("security/receiving.py", "docker/nginx.conf.template"),
        (
            by(
                "system/test_edge",
                "row_31_the_edge_answers_with_the_problem",
                "row_30_the_server_never_answers_html_or_an_echo",
            ),
            by("faults/test_web", "a_length_that_lies_is_refused_and_takes_no_room"),
            by(
                "security/test_receiving",
                "a_body_that_is_announced_wrongly_is_refused",
                "bytes_behind_the_announced_length_are_not_read",
            ),
        ),
    ),
    Row(
        "H-11",
        "An unknown Host is refused and never echoed.",
        ("config/settings.py", "errors/handler.py"),
        (
            by("errors/test_handler", "a_foreign_or_missing_host_is_refused_everywhere"),
            by(
                "config/test_settings",
                "only_the_named_hosts_are_served",
                "a_forwarded_host_neither_helps_nor_harms",
            ),
        ),
    ),
    Row(
        "H-12",
        "Duplicate parameters, files, digests and boundaries are refused.",
        ("filesvc/listing.py", "security/receiving.py"),
        (
            by("filesvc/test_listing_parameters", "a_repeated_parameter_is_refused"),
            by("contract/test_escapes", "row_04_too_many_files"),
            by("filesvc/test_intake", "a_digest_sent_twice_is_refused"),
            by("contract/test_attacks", "a_form_with_two_boundaries_is_refused"),
        ),
    ),
    Row(
        "H-13",
        "A form is decoded once, and a second parser reads it the same way.",
        ("security/receiving.py",),
        (
            by(
                "security/test_receiving_anyhow",
                "a_form_that_is_taken_is_one_that_a_second_reader_splits_alike",
                "the_verdict_on_a_broken_form_does_not_depend_on_its_cuts",
            ),
            by(
                "contract/test_escapes_form",
                "row_25_a_form_in_another_charset",
                "row_26_a_part_in_a_transfer_coding",
            ),
        ),
    ),
    Row(
        "H-14",
        "Every response has the headers against sniffing, framing and script execution.",
        ("config/response_headers.py", "docker/nginx.conf.template"),
        (
            by(
                "config/test_response_headers",
                "every_answer_is_neither_cached_nor_guessed_nor_framed",
                "no_answer_names_the_server_sets_a_cookie_or_opens_to_other_origins",
            ),
            by(
                "docker/test_start",
                "with_tls_a_second_port_is_served_and_browsers_are_told_to_stay",
            ),
        ),
    ),
    Row(
        "H-15",
        "Token guessing is rate-limited per address.",
        ("security/rate_limit.py",),
        (
            by(
                "security/test_rate_limit",
                "bad_tokens_are_refused_and_a_good_one_still_works",
                "a_neighbours_address_is_not_blamed_for_bad_tokens",
            ),
        ),
    ),
    Row(
        "H-16",
        "A token in a URL is ignored.",
        ("security/tokens.py",),
        (
            by("filesvc/test_views", "a_token_in_the_address_counts_for_nothing"),
            by("security/test_tokens", "a_token_in_the_query_or_a_cookie_opens_nothing"),
        ),
    ),
)
