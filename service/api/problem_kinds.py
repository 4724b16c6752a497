"""The closed list of problems that the service can answer with. Each has a page at `/problems/SLUG`."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of problem."""

    code: str
    """Its slug; never renamed."""
    status: int
    title: str
    meaning: str
    next_step: str
    retryable: bool = False


_KINDS = (
    Kind(
        "bad-request",
        400,
        "Bad request",
        "The request cannot be read as HTTP or JSON.",
        "Mend the request named in `detail`.",
    ),
    Kind(
        "invalid-json",
        400,
        "Body is not JSON",
        "The body is not one JSON value in UTF-8, nests too deep, or holds NaN or Infinity.",
        "Send one JSON value; `detail` says where reading stopped.",
    ),
    Kind(
        "invalid-cursor",
        400,
        "Cursor not recognised",
        "A cursor is opaque: it only comes from `next_cursor` of an earlier page of the same list.",
        "Start again without `cursor`.",
    ),
    Kind(
        "limit-out-of-range",
        400,
        "Page size out of range",
        "`limit` must be from 1 to 100.",
        "Ask for fewer, and follow `next_cursor`.",
    ),
    Kind(
        "unauthenticated",
        401,
        "Key missing or not valid",
        "The request carries no key, or one that is malformed, unknown or revoked.",
        "Send `Authorization: Bearer rh_...`; `rehearing keys create` makes a key.",
    ),
    Kind(
        "forbidden",
        403,
        "Key lacks the scope",
        "The key is good, but was not given the scope that this operation needs.",
        "Use a key with the scope named in `detail`.",
    ),
    Kind(
        "host-not-allowed",
        400,
        "Host not allowed",
        "The Host header names an address that this server does not serve: a guard against DNS rebinding.",
        "Use an allowed address, or add it to REHEARING_ALLOWED_HOSTS.",
    ),
    Kind(
        "origin-not-allowed",
        403,
        "Origin not allowed",
        "A web page of another origin sent this request.",
        "Call from a server, or add the origin to REHEARING_ALLOWED_ORIGINS.",
    ),
    Kind(
        "not-found",
        404,
        "Not found",
        "Nothing is stored under this path, or it belongs to another key.",
        "Check the id; list the collection to see what there is.",
    ),
    Kind(
        "method-not-allowed",
        405,
        "Method not allowed",
        "The path exists, but not with this method.",
        "The `Allow` header lists the methods.",
    ),
    Kind(
        "not-acceptable",
        406,
        "No such representation",
        "The resource cannot be had in the asked format.",
        "Ask for one of the formats named in `detail`.",
    ),
    Kind(
        "body-too-slow",
        408,
        "Body came too slowly",
        "The request's body did not arrive in time.",
        "Send it again, faster or in smaller parts.",
        retryable=True,
    ),
    Kind(
        "headers-too-slow",
        408,
        "Headers came too slowly",
        "The request's line and headers did not arrive in time.",
        "Send it again, at once.",
        retryable=True,
    ),
    Kind(
        "conflict",
        409,
        "Conflicts with the present state",
        "The resource is in a state that does not allow this.",
        "Read the resource, then decide.",
    ),
    Kind(
        "idempotency-in-flight",
        409,
        "Same key still in flight",
        "A request with this Idempotency-Key has not been answered yet, or took the key over from this one after five minutes.",
        "Wait for `Retry-After` seconds and send the same request again, for six minutes before you give up: a request whose "
        "server died loses its key after five.",
        retryable=True,
    ),
    Kind("gone", 410, "No longer kept", "What was stored here has been purged.", "Create it again."),
    Kind(
        "body-too-large",
        413,
        "Body too large",
        "The body is longer than this server takes.",
        "Send less; `/version` lists the limits.",
    ),
    Kind(
        "unsupported-media-type",
        415,
        "Media type not supported",
        "The body's Content-Type is none that this operation reads.",
        "Send one of the types named in `detail`.",
    ),
    Kind(
        "invalid-request",
        422,
        "Request not valid",
        "A field is missing, unknown or has a value that it must not have; `errors` lists each one.",
        "Mend every place listed in `errors`.",
    ),
    Kind(
        "invalid-batch",
        422,
        "Batch file not valid",
        "A line of the batch cannot be used. Nothing was stored and nothing spent.",
        "Mend the lines listed in `errors` and send the file again.",
    ),
    Kind(
        "invalid-ratings",
        422,
        "Ratings not readable",
        "The table of ratings cannot be used as it is.",
        "`detail` names the column or row; docs/reading-the-report.md says what a table looks like.",
    ),
    Kind(
        "unusable-documents",
        422,
        "Documents not usable",
        "The documents gave nothing to build personas from.",
        "`detail` says which file and why.",
    ),
    Kind(
        "limit-exceeded",
        422,
        "Limit exceeded",
        "The request asks for more than this server allows.",
        "Ask for less; `/version` lists the limits.",
    ),
    Kind(
        "model-not-usable",
        422,
        "Model not usable",
        "The model cannot be opened as asked: unknown name, missing package or missing key.",
        "`rehearing doctor` says what is configured.",
    ),
    Kind(
        "idempotency-mismatch",
        422,
        "Idempotency-Key used for another request",
        "This Idempotency-Key came before with a different body or path.",
        "Use a fresh key for a new request.",
    ),
    Kind(
        "headers-too-large",
        431,
        "Headers too large",
        "The request's line and headers, or its trailers, are longer than this server takes.",
        "Send less; long values belong into the body.",
    ),
    Kind(
        "internal",
        500,
        "Internal error",
        "A bug of ours.",
        "Report it with the request id; the log has the rest.",
        retryable=True,
    ),
    Kind(
        "stored-data-damaged",
        500,
        "Stored data damaged",
        "What is stored under this path, or the database itself, does not hold what it should. Nothing else is affected.",
        "Restore the database from a copy; `detail` says which row it is.",
    ),
    Kind(
        "provider-unavailable",
        502,
        "Model provider failed",
        "The model's provider did not answer as it should.",
        "Try again later.",
        retryable=True,
    ),
    Kind(
        "busy",
        503,
        "Too busy",
        "The queue is full, the database does not answer, or too much is being answered at once: in all, or for this caller.",
        "Wait for `Retry-After` seconds and try again.",
        retryable=True,
    ),
    Kind(
        "outcome-unknown",
        503,
        "Unknown whether it was stored",
        "The database broke off in the moment of storing what was asked for, and did not come back in time to say "
        "whether it had. A request with an Idempotency-Key never gets this answer: it can always be sent again.",
        "Look whether it is there before you send it again; send creating requests with an Idempotency-Key.",
    ),
    Kind(
        "storage-full",
        507,
        "Storage full",
        "The disk or database cannot take more.",
        "Free some space; nothing was half-stored.",
        retryable=True,
    ),
)

CATALOGUE: dict[str, Kind] = {kind.code: kind for kind in _KINDS}

BY_STATUS: dict[int, str] = {
    400: "bad-request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    408: "body-too-slow",
    409: "conflict",
    413: "body-too-large",
    415: "unsupported-media-type",
    422: "invalid-request",
    431: "headers-too-large",
    503: "busy",
}
"""The kind for a bare HTTP status, where a library raised it."""
