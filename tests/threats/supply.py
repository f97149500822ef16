"""Configuration and supply chain."""

from tests.threats.row import Row, by

TITLE = "Configuration, supply chain"
ROWS = (
    Row(
        "C-01",
        "Nothing switches debugging on.",
        ("config/settings.py", "filesvc/checks.py"),
        (
            by("config/test_settings", "no_variable_turns_debugging_on"),
            by(
                "filesvc/test_checks",
                "production_must_not_debug_and_should_scan_with_official_signatures",
            ),
            by("contract/test_escapes", "row_35_debug_left_on"),
        ),
    ),
    Row(
        "C-02",
        "Public pages show no addresses; metrics are internal; no server shows its version.",
        ("filesvc/health.py", "docker/nginx.conf.template", "config/response_headers.py"),
        (
            by("filesvc/test_health", "the_page_tells_no_address_and_no_path"),
            by(
                "config/test_response_headers",
                "no_answer_names_the_server_sets_a_cookie_or_opens_to_other_origins",
            ),
            by("contract/test_every_code", "a_code_of_the_edge_is_provoked_through_the_edge"),
        ),
    ),
    Row(
        "C-03",
        "There is no secret in the source code.",
        ("tests/run-checks", "docker/run.py"),
        (
            by("test_supply_chain", "a_secret_among_the_sources_is_found"),
            by(
                "docker/test_compose_file",
                "the_image_holds_no_secret_and_no_state",
                "no_start_without_secrets_and_each_is_made_by_make_env",
            ),
            by("config/test_env", "secrets_do_not_show_when_the_settings_are_printed"),
        ),
    ),
    Row(
        "C-04",
        "Each part can reach only the parts it needs.",
        ("filesvc/confinement.py", "docker-compose.yml"),
        (
            by("filesvc/test_confinement", "a_confined_process_cannot"),
            by(
                "docker/test_compose_file",
                "each_network_is_closed_but_where_clients_and_signatures_come_from",
                "only_what_is_said_shares_a_network",
            ),
        ),
        "without Compose, isolating the network of web and worker is up to the operator",
    ),
    Row(
        "C-05",
        "Every package is pinned by hash, listed, and checked for known vulnerabilities.",
        ("requirements.txt", "Makefile", "tests/run-checks"),
        (
            by(
                "test_supply_chain",
                "every_package_is_pinned_with_its_hashes",
                "the_bill_of_materials_names_every_pinned_package",
            ),
        ),
    ),
    Row(
        "C-06",
        "The OpenAPI document is generated from the code, and tested against the service.",
        ("filesvc/documents.py", "errors/openapi.py"),
        (
            by("filesvc/test_documents", "every_route_is_documented_but_the_documents_themselves"),
            by("system/test_schema", "the_service_does_what_its_document_says"),
        ),
    ),
    Row(
        "C-07",
        "Production has no admin, no debugger and no sample routes.",
        ("config/settings.py", "config/urls.py"),
        (
            by("test_supply_chain", "nothing_for_developers_is_installed_or_routed"),
            by("filesvc/test_views_routes", "the_routes_of_the_design_are_all_there"),
        ),
    ),
    Row(
        "C-08",
        "Packages are kept current.",
        ("requirements.txt", ".github/workflows/ci.yml"),
        (by("test_supply_chain", "every_package_is_pinned_with_its_hashes"),),
        "libmagic and ClamAV come from the system, and no start checks their versions",
    ),
)
