"""The codes of refusals: what a program decides by. `docs/api.md` lists them with what to do."""

CODES = (
    # of the request
    "invalid",
    "parse_error",
    "unknown_field",
    "read_only",
    "unknown_parameter",
    "out_of_range",
    "too_large",
    # of who asks
    "not_authenticated",
    "authentication_failed",
    "invalid_key",
    "otp_required",
    "otp_invalid",
    "otp_enrolment_required",
    "permission_denied",
    "key_too_narrow",
    "not_found",
    "method_not_allowed",
    "not_acceptable",
    "unsupported_media_type",
    "throttled",
    # of a rule
    "refused",
    "conflict",
    "stale",
    "wrong_state",
    "nothing_to_bill",
    "in_use",
    "already_sent",
    "idempotency_key_reused",
    "file_too_large",
    "file_type_refused",
    "no_room_for_files",
    "address_refused",
    "not_a_token",
    # of the server
    "unavailable",
)
