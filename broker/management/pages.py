"""The files of the web page, as they lie in the package."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from broker.management.request import Refusal, Request, Response, method_not_allowed

DIRECTORY = Path(__file__).parent / "page"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
# The page loads nothing from elsewhere and runs no script that is not a file of its own.
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


class Pages:
    """Serves one directory. Only what was in it at the first request: a path is looked up among
    names, and never becomes a path of the filesystem."""

    def __init__(self, directory: Path = DIRECTORY):
        self._directory = directory
        self._files: dict[str, Path] | None = None

    def answer(self, request: Request) -> Response:
        """Raises: Refusal (404, 405)."""
        if self._files is None:
            self._files = {
                f"/{path.relative_to(self._directory).as_posix()}": path
                for path in sorted(self._directory.rglob("*"))
                if path.suffix in TYPES and path.is_file()
            }
        name = "/index.html" if request.path == "/" else request.path
        path = self._files.get(name)
        if path is None:
            raise Refusal(404)
        if request.method not in ("GET", "HEAD"):
            raise method_not_allowed("HEAD, GET")
        content = path.read_bytes()
        tag = f'"{sha256(content).hexdigest()[:32]}"'
        headers = [
            ("etag", tag),
            ("cache-control", "no-cache"),
            ("x-content-type-options", "nosniff"),
        ]
        if request.headers.get("if-none-match") == tag:
            return Response(304, headers)
        headers += [("content-type", TYPES[path.suffix]), ("content-security-policy", POLICY)]
        return Response(200, headers, content)
