"""Media types of the contract that schemathesis does not know: bytes, as they are."""

import schemathesis


def as_bytes(value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.serializer("application/offset+octet-stream")
def tus_body(_context, value):
    return as_bytes(value)


@schemathesis.deserializer("application/octet-stream", "text/csv", "text/markdown", "text/html")
def file_body(_context, response):
    return response.content.decode("utf-8", "replace")
