"""What the interface's own description (OpenAPI) says of routes that read their body themselves."""

from typing import Any


def described(content_type: str, answer_type: str, *statuses: int) -> dict[str, Any]:
    """OpenAPI of a route that reads its body itself."""
    problem = {"application/problem+json": {"schema": {"type": "object"}}}
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {
        "requestBody": {"required": True, "content": {content_type: binary}},
        "responses": {
            **{str(status): {"description": "done", "content": {answer_type: {}}} for status in statuses},
            "default": {"description": "refused", "content": problem},
        },
    }
