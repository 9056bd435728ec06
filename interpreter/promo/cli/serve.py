"""`promo serve`: the report of a study, live, for a browser on this machine only."""

from argparse import Namespace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from promo.base.errors import ExitCode, PromoError
from promo.cli.places import study_of
from promo.cli.terminal import put
from promo.driver.study import LEDGER, StudyFolder
from promo.ledger.state import StudyState

HOST = "127.0.0.1"
NAMES = frozenset({HOST, "localhost"})
REFRESH_S = 5
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def serve(options: Namespace) -> int:
    """Answer with the report until interrupted."""
    folder = study_of(options.place, options.study)
    try:
        server = page_server(folder, options.port)
    except OSError as fault:
        message = f"port {options.port} cannot be listened on: {fault.strerror or fault}"
        raise PromoError(message, hint="choose another with --port") from fault
    put(f"http://{HOST}:{server.server_address[1]}/  (this machine only, read only; Ctrl-C ends it)")
    with server:
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            put("")
    return ExitCode.DONE


def page_server(folder: StudyFolder, port: int) -> ThreadingHTTPServer:
    """
    A server of a study's report on the loopback interface; it writes nothing.

    Args:
        folder: the study.
        port: 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """
    pages = _Pages(folder)

    class Handler(BaseHTTPRequestHandler):
        server_version = "promo"
        sys_version = ""

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, *words: object) -> None:
            """Say nothing: the terminal belongs to the user."""

        def _answer(self, *, with_body: bool) -> None:
            # A page elsewhere that resolves its own name to this machine must not read the report.
            if (self.headers.get("Host") or "").rpartition(":")[0] not in NAMES:
                self.send_error(HTTPStatus.FORBIDDEN, "this page is for this machine only")
                return
            if self.path != "/":
                self.send_error(HTTPStatus.NOT_FOUND, "there is one page: /")
                return
            content = pages.current()
            self.send_response(HTTPStatus.OK)
            for name, value in {**HEADERS, "Content-Type": "text/html; charset=utf-8"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if with_body:
                self.wfile.write(content)

    server = ThreadingHTTPServer((HOST, port), Handler)
    server.daemon_threads = True
    return server


class _Pages:
    """The report, made anew when the ledger has grown."""

    def __init__(self, folder: StudyFolder) -> None:
        self.folder = folder
        self.size = -1
        self.content = b""

    def current(self) -> bytes:
        size = (self.folder.path / LEDGER).stat().st_size
        if size != self.size:
            self.content = self._page()
            self.size = size
        return self.content

    def _page(self) -> bytes:
        from promo.driver.report import record_of
        from promo.report.render import render_html, render_notice
        from promo.report.view import build_view

        try:
            record = record_of(self.folder)
        except PromoError as fault:
            return render_notice(str(self.folder.path), fault.message, REFRESH_S).encode()
        going = record.state.study is StudyState.OPEN
        return render_html(build_view(record), refresh_s=REFRESH_S if going else None).encode()
